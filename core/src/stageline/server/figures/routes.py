"""Under which route a request is counted: a template of ours, never what a client made up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Match, Route

from stageline.server.api.app import ROUTERS
from stageline.server.artifact_proxy import BASES
from stageline.server.auth.paths import API, PUBLIC, SIGN_IN, SIGN_OUT
from stageline.server.downloads import DOWNLOAD, MODEL_DOWNLOAD, VERSION_DOWNLOAD
from stageline.server.failures import Refused
from stageline.server.multipart import MULTIPART
from stageline.server.table import PREFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi import FastAPI
    from starlette.routing import BaseRoute

    from stageline.server.table import Table
    from stageline.serving.asgi import Scope

NO_ROUTE = "(none)"
FILES = "/api/2.0/mlflow-artifacts/artifacts/{path}"
MULTIPART_STEPS = {
    "part": "/api/2.0/mlflow-artifacts/mpu/part/{upload_id}/{number}",
    **{
        step: f"/api/2.0/mlflow-artifacts/mpu/{step}/{{path}}"
        for step in ("create", "complete", "abort")
    },
}
MODEL_FILES = "/api/2.0/mlflow/logged-models/{model_id}/artifacts/files"
_FIXED = frozenset({*PUBLIC, SIGN_IN, SIGN_OUT, DOWNLOAD, VERSION_DOWNLOAD})


class Routes:
    """Asked where nobody answered a request by a template: it was refused before, or is not in a table."""

    def __init__(self, table: Table, app: FastAPI) -> None:
        self._table = table
        self._routes = app.router.routes
        self._api_routes = [route for router in ROUTERS for route in router.routes]

    def of(self, scope: Scope) -> str:
        """The template."""
        path = scope["path"]
        if path in _FIXED:
            return str(path)
        if MODEL_DOWNLOAD.fullmatch(path):
            return MODEL_FILES
        if path.startswith(PREFIXES):
            return self._protocol(scope["method"], path)
        if path in BASES or path.startswith(tuple(f"{base}/" for base in BASES)):
            return FILES
        if path.startswith(MULTIPART):
            step = path.partition("/mpu/")[2].partition("/")[0]
            return MULTIPART_STEPS.get(step, NO_ROUTE)
        if f"{path}/".startswith(f"{API}/"):
            inside = {**scope, "root_path": "", "path": path[len(API) :]}
            found = _found(self._api_routes, inside)
            return NO_ROUTE if found is None else API + found
        known = getattr(scope.get("route"), "path", None)
        return known or _found(self._routes, scope) or NO_ROUTE

    def _protocol(self, method: str, path: str) -> str:
        try:
            return self._table.find(method, path)[0].path
        except Refused:
            return NO_ROUTE


def _found(routes: Iterable[BaseRoute], scope: Scope) -> str | None:
    """The first route that the path is one of, whatever the method."""
    for route in routes:
        if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
            return route.path
    return None
