"""The page of the routes: MLflow's, and those of `/api/stageline/1`, from the tables that answer them."""

from __future__ import annotations

from typing import Any

import msgspec
from pagetext import table

MLFLOW = "/api/2.0/mlflow/"


def openapi() -> dict[str, Any]:
    """The description of `/api/stageline/1`."""
    from stageline.server.app import create_app
    from stageline.settings import Settings
    from stageline.storage.memory import MemoryStore
    from stageline.workspace import Workspace

    app = create_app(Workspace(MemoryStore("memory://reference"), Settings()))
    described: dict[str, Any] = app.state.api.openapi()
    return described


def rest_page() -> str:
    """All routes as Markdown."""
    from stageline.server.api.app import PREFIX
    from stageline.server.app import REGISTRY, TRACKING

    parts = [
        "# Routes\n\nOf `stageline server`: what they promise is in [the server](../server.md) and "
        "[the REST API](../rest-api.md).\n\n## MLflow's\n\nBelow `/ajax-api/2.0/mlflow/` too.\n\n"
    ]
    rows = [
        (f"`{one.method} {MLFLOW}{one.path}`", _fields(one.ask)) for one in (*TRACKING, *REGISTRY)
    ]
    parts.append(table(("route", "takes"), rows))
    parts.append(f"\n## Of our own\n\n`{PREFIX}/openapi.json` describes them to programs.\n\n")
    parts.append(table(("route", "takes", ""), map(_own, _operations())))
    return "".join(parts)


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method.upper(), path, one)
        for path, item in openapi()["paths"].items()
        for method, one in item.items()
        if method in ("get", "put", "post", "delete")
    ]


def _own(operation: tuple[str, str, dict[str, Any]]) -> tuple[str, str, str]:
    from stageline.server.api.app import PREFIX

    method, path, one = operation
    taken = ", ".join(f"`{each['name']}`" for each in one.get("parameters", ()))
    body = ", a JSON body" if "requestBody" in one else ""
    return f"`{method} {PREFIX}{path}`", (taken + body).removeprefix(", "), one.get("summary", "")


def _fields(ask: type[msgspec.Struct]) -> str:
    return ", ".join(f"`{field.encode_name}`" for field in msgspec.structs.fields(ask))
