"""The application of one worker: MLflow's protocol in front, everything else by FastAPI behind it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from stageline.server import (
    mlflow_about,
    mlflow_artifacts,
    mlflow_experiments,
    mlflow_inputs,
    mlflow_logged_models,
    mlflow_logging,
    mlflow_metrics,
    mlflow_model_versions,
    mlflow_registered_models,
    mlflow_runs,
    mlflow_webhooks,
)
from stageline.server.api.app import Api, create_api
from stageline.server.artifact_proxy import ArtifactProxy
from stageline.server.auth.sign_in import SignIn
from stageline.server.failures import missing
from stageline.server.figures.figures import Figures
from stageline.server.figures.request_log import RequestLog
from stageline.server.figures.route import metrics
from stageline.server.figures.routes import Routes
from stageline.server.figures.watch import Watch
from stageline.server.mlflow_about import About
from stageline.server.options import Options
from stageline.server.protocol import Protocol
from stageline.server.replica import Replica
from stageline.server.table import Table
from stageline.serving.door import Door
from stageline.ui.asking import BelowPrefix

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from stageline.server.endpoint import Endpoint
    from stageline.ui.options import PageOptions
    from stageline.workspace import Workspace

TRACKING: list[Endpoint] = [
    *mlflow_experiments.ENDPOINTS,
    *mlflow_runs.ENDPOINTS,
    *mlflow_logging.ENDPOINTS,
    *mlflow_inputs.ENDPOINTS,
    *mlflow_metrics.ENDPOINTS,
    *mlflow_artifacts.ENDPOINTS,
    *mlflow_about.ENDPOINTS,
    *mlflow_logged_models.ENDPOINTS,
]
REGISTRY: list[Endpoint] = [
    *mlflow_registered_models.ENDPOINTS,
    *mlflow_model_versions.ENDPOINTS,
    *mlflow_webhooks.ENDPOINTS,
]


def create_app(
    workspace: Workspace, options: Options | None = None, *, endpoints: Iterable[Endpoint] = ()
) -> FastAPI:
    """The application over an opened store.

    `app.state.replica` is what its requests share: whoever runs the application calls `start` and `close` of it, and
    lets requests in by `guarded`.

    Args:
        workspace: The store.
        options: How the server behaves.
        endpoints: More, beside those of tracking and the registry; of two with the same path, the one given answers.
    """
    replica = Replica(workspace, options)
    app = FastAPI(title="Stageline", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.replica = replica
    app.state.api = create_api(replica)
    app.state.figures = Figures(replica, app.state.api.state.news, replica.options.figures_folder)
    form = replica.options.log_format
    app.state.request_log = None if form is None else RequestLog(form)
    app.add_route("/metrics", metrics, include_in_schema=False)
    app.add_exception_handler(HTTPException, _missing)
    # The first that is added stands last.
    app.add_middleware(Api, api=app.state.api)
    table = Table([*TRACKING, *REGISTRY, *endpoints])
    app.add_middleware(Protocol, replica=replica, table=table)
    if replica.options.artifacts == "proxy":
        app.add_middleware(ArtifactProxy, replica=replica)
    app.add_middleware(About)
    if replica.options.auth is not None:
        app.add_middleware(SignIn, replica=replica, options=replica.options.auth)
    if replica.options.pages is not None:
        _add_pages(app, workspace, replica.options.pages)
    app.state.routes = Routes(table, app)
    return app


async def _missing(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return missing(error)


def guarded(app: FastAPI) -> tuple[Door, Watch]:
    """The door in front of an application, and the watch around the door, which is the first that requests meet."""
    state = app.state
    options = state.replica.options
    door = Door(app, options.hosts, origins=options.origins, proxies=options.proxies)
    return door, Watch(door, state.figures, state.request_log, state.routes)


def _add_pages(app: FastAPI, workspace: Workspace, options: PageOptions) -> None:
    # Late: templates and all that, for a server that has pages.
    from stageline.ui.app import add_pages

    add_pages(app, workspace, options)
    if options.prefix:
        app.add_middleware(BelowPrefix, prefix=options.prefix)
