"""The application of one worker: MLflow's four paths, and beside them what is served, and how to ask for it."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from stageline.models.scoring import JSON, PROTOCOL_VERSION
from stageline.serving.description import describe, show
from stageline.serving.talk import Trouble

if TYPE_CHECKING:
    from stageline.models.loading import LoadedModel
    from stageline.serving.invocations import Invocations
    from stageline.serving.order import Order

OWN = "/api/stageline/1/serving"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


class Following:
    """What the parent last told of the stage, alias or model that is followed."""

    def __init__(self) -> None:
        self.trouble = ""
        """Why what it names now is not what is served; empty if it is."""

    def hear(self, word: object) -> None:
        """Take in what the parent says."""
        if isinstance(word, Trouble):
            self.trouble = word.text


def create_app(
    model: LoadedModel, order: Order, invocations: Invocations, following: Following
) -> FastAPI:
    """The application: all is ready when this returns."""
    document = describe(model, order)
    page = show(document)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    app.openapi = lambda: document  # type: ignore[method-assign]
    app.router.routes.append(Route("/invocations", invocations, methods=["POST"]))

    async def ping() -> Response:
        return Response(b"\n", media_type=JSON)

    async def protocol() -> Response:
        return Response(PROTOCOL_VERSION, media_type=JSON)

    async def serving() -> Response:
        return JSONResponse(_served(model, order, following))

    async def docs() -> Response:
        return HTMLResponse(page, headers={"content-security-policy": _POLICY})

    for path, endpoint in {
        "/ping": ping, "/health": ping, "/version": protocol, OWN: serving, "/docs": docs
    }.items():  # fmt: skip
        app.add_api_route(path, endpoint, include_in_schema=False)
    return app


def _served(model: LoadedModel, order: Order, following: Following) -> dict[str, Any]:
    return {
        "stageline": version("stageline"),
        "protocol": PROTOCOL_VERSION,
        "uri": order.uri,
        "model": order.label,
        "model_uuid": model.metadata.model_uuid,
        "flavor": model.flavor,
        "following": {"trouble": following.trouble or None} if order.is_followed else None,
    }
