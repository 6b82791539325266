"""The application behind `/api/stageline/1`: its routes, and the document that describes them."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from stageline.server.api import events, gates, models, promotions, runs
from stageline.server.api.bodies import Bounded
from stageline.server.api.failures import PROBLEMS, install
from stageline.server.api.feed import LOCAL_S, REMOTE_S, Feed
from stageline.server.api.positions import Positions

if TYPE_CHECKING:
    from fastapi.routing import APIRoute

    from stageline.server.replica import Replica
    from stageline.serving.asgi import App, Receive, Scope, Send

PREFIX = "/api/stageline/1"
ROUTERS = [part.router for part in (models, gates, promotions, runs, events)]


def create_api(replica: Replica) -> FastAPI:
    """An application of its own, which `Api` puts below `PREFIX`: what it refuses, it tells in its own way."""
    api = FastAPI(
        title="Stageline",
        version=version("stageline"),
        summary="What MLflow's protocol has no words for.",
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        responses=PROBLEMS,
        generate_unique_id_function=_operation,
        redirect_slashes=False,
    )
    api.state.replica = replica
    workspace = replica.workspace
    every_s = REMOTE_S if workspace.spool else LOCAL_S
    api.state.news = Feed(
        lambda: workspace.registry.cursor(), every_s, replica.options.limits.listeners
    )
    api.state.positions = Positions(workspace.store, workspace.clock)
    for router in ROUTERS:
        api.include_router(router)
    install(api)
    api.add_middleware(Bounded, limits=replica.options.limits)
    describe = api.openapi

    def described() -> dict[str, Any]:
        return _without_422(describe())

    api.openapi = described  # type: ignore[method-assign]  # as FastAPI's documentation has it
    return api


class Api:
    """An ASGI application around another: answers what is below `PREFIX`, and hands the rest on.

    Starlette's mount does the same, but for paths with a line break in them.
    """

    def __init__(self, app: App, api: FastAPI) -> None:
        self._app = app
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] == "http" and f"{scope['path']}/".startswith(f"{PREFIX}/"):
            inside = {**scope, "root_path": scope.get("root_path", "") + PREFIX}
            try:
                await self._api(inside, receive, send)
            finally:
                route = inside.get("route")
                if route is not None:
                    scope["template"] = PREFIX + route.path
        else:
            await self._app(scope, receive, send)


def _operation(route: APIRoute) -> str:
    return route.name


def _without_422(document: dict[str, Any]) -> dict[str, Any]:
    """FastAPI declares its own answer to what is not valid; here that is 400, and a `Problem`."""
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
    for unused in ("HTTPValidationError", "ValidationError"):
        document["components"]["schemas"].pop(unused, None)
    return document
