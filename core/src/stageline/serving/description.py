"""What can be asked of a model, as an OpenAPI document and as a page that needs no other host and no script."""

from __future__ import annotations

import html
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.errors import StagelineError
from stageline.models.folder import inside
from stageline.models.scoring import CSV, FORMATS, JSON

if TYPE_CHECKING:
    from stageline.models.loading import LoadedModel
    from stageline.serving.order import Order

LONGEST_EXAMPLE = 20_000
"""Bytes."""

_log = logging.getLogger("stageline")


def describe(model: LoadedModel, order: Order) -> dict[str, Any]:
    """The OpenAPI document."""
    signature = str(model.signature) if model.signature else "it has none"
    body: dict[str, Any] = {
        JSON: {
            "schema": {
                "type": "object",
                "description": f"Exactly one of {', '.join(FORMATS)}, and perhaps params.",
                "properties": {
                    "dataframe_split": {
                        "type": "object",
                        "properties": {
                            "columns": {"type": "array", "items": {}},
                            "index": {"type": "array", "items": {}},
                            "data": {"type": "array", "items": {"type": "array", "items": {}}},
                        },
                        "required": ["data"],
                    },
                    "dataframe_records": {"type": "array", "items": {"type": "object"}},
                    "instances": {},
                    "inputs": {},
                    "params": {"type": "object"},
                },
            }
        },
        CSV: {"schema": {"type": "string"}},
    }
    example = _example(model, order)
    if example is not None:
        body[JSON]["example"] = example
    limits = order.limits
    refusals = {
        "400": "The body is not what it should be, or does not fit the signature",
        "408": f"The body took longer than {limits.body_timeout_s:g} s to arrive",
        "413": f"The body is longer than {limits.max_bytes} bytes",
        "415": "The body is of a type, or in a charset, that is not taken",
        "429": f"{limits.concurrency} requests are being answered: try again after Retry-After seconds",
        "504": f"The prediction took longer than {limits.timeout_s:g} s",
    }
    answer = {"type": "object", "properties": {"predictions": {}}, "required": ["predictions"]}
    return {
        "openapi": "3.1.0",
        "info": {"title": order.label, "version": model.metadata.model_uuid or "-"},
        "paths": {
            "/invocations": {
                "post": {
                    "summary": "Predict",
                    "description": f"Signature: {signature}",
                    "requestBody": {"required": True, "content": body},
                    "responses": {
                        "200": {
                            "description": "Predictions",
                            "content": {JSON: {"schema": answer}},
                        },
                        **{status: {"description": text} for status, text in refusals.items()},
                    },
                }
            },
            **{
                path: {"get": {"summary": text, "responses": {"200": {"description": text}}}}
                for path, text in {
                    "/ping": "The model is loaded",
                    "/health": "The same",
                    "/version": "The version of MLflow whose protocol this is",
                }.items()
            },
        },
    }


def show(document: dict[str, Any]) -> str:
    """The document as a page."""
    parts = [f"<h1>{html.escape(document['info']['title'])}</h1>"]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(f"<h2><code>{method.upper()} {html.escape(path)}</code></h2>")
            parts.append(f"<p>{html.escape(operation['summary'])}</p>")
            if "description" in operation:
                parts.append(f"<p>{html.escape(operation['description'])}</p>")
            for kind, content in operation.get("requestBody", {}).get("content", {}).items():
                text = json.dumps(content, indent=2)
                parts.append(
                    f"<h3><code>{html.escape(kind)}</code></h3><pre>{html.escape(text)}</pre>"
                )
            rows = "".join(
                f"<tr><th scope=row>{status}</th><td>{html.escape(one['description'])}</td></tr>"
                for status, one in operation["responses"].items()
            )
            parts.append(f"<table>{rows}</table>")
    return _PAGE.format(title=html.escape(document["info"]["title"]), body="\n".join(parts))


def _example(model: LoadedModel, order: Order) -> Any:
    """What was saved with the model as a request to a scoring server, if it is short."""
    info = model.metadata.saved_input_example_info
    if info is None or info.serving_input_path is None:
        return None
    try:
        path = inside(Path(order.folder), info.serving_input_path, "the serving example")
        return json.loads(path.read_bytes()) if path.stat().st_size < LONGEST_EXAMPLE else None
    except (StagelineError, OSError, ValueError) as error:
        _log.info("the model's example is not shown: %s", error)
        return None


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<style>body {{ font-family: sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem }}
pre {{ overflow: auto; background: #f4f4f4; padding: 1rem }} th {{ text-align: left; padding-right: 1rem }}</style>
</head><body>
{body}
<p><a href="openapi.json">OpenAPI document</a></p>
</body></html>
"""
