"""Every use case that reads a store, each as a call: by Python, the command line, REST and pages."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from hostile_store import Populated, opened
from starlette.testclient import TestClient

from stageline.cli.main import app as command_line
from stageline.domain.run import ViewType
from stageline.exchange.export_files import export_files
from stageline.exchange.outgoing import Outgoing
from stageline.projects.steps.cache import StepCache
from stageline.server.app import create_app
from stageline.server.auth.token_store import Tokens
from stageline.server.options import Options
from stageline.tasks.forwarding import forward_transitions
from stageline.tracking.run_table import Selection
from stageline.ui.options import PageOptions
from stageline.workspace import Workspace

Use = Callable[[], Any]


class Failed(Exception):
    """A command or an address answered as no answer of ours does."""


@contextmanager
def uses_of(url: str, known: Populated, folder: Path) -> Iterator[dict[str, Use]]:
    """The use cases by name, on workspaces that have seen nothing of the store yet."""
    workspace = opened(url, folder)
    options = Options(pages=PageOptions())
    app = create_app(opened(url, folder), options)
    with TestClient(app, raise_server_exceptions=True) as client:
        yield {
            **_python(workspace, known, folder),
            **_commands(url),
            **_addresses(client, known),
        }
    app.state.replica.close()
    workspace.runs.close()


def _python(ws: Workspace, known: Populated, folder: Path) -> dict[str, Use]:
    run_id, experiment = known.run_id, known.experiment_id
    every = [known.run_id, known.live_id, known.segmented_id]
    made: dict[str, Use] = {
        "experiments": lambda: ws.experiments.list(ViewType.ALL),
        "experiment": lambda: ws.experiments.get(experiment),
        "experiment by name": lambda: ws.experiments.get_by_name("wine"),
        "search": lambda: ws.search_runs([experiment], "metrics.rmse < 9", ViewType.ALL),
        "search experiments": lambda: ws.search_experiments(filter_string="name LIKE 'w%'"),
        "table": lambda: ws.run_table(experiment).columns(),
        "groups": lambda: ws.run_table(experiment).extremes(["rmse"], Selection()),
        "artifacts": lambda: ws.artifacts(run_id).list("model"),
        "artifact": lambda: [ws.artifacts(run_id).read(f.path) for f in _files(ws, run_id)],
        "download": lambda: ws.artifacts(run_id).download("", str(_fresh(folder, "down"))),
        "models": lambda: ws.registry.list(),
        "model": lambda: ws.registry.get("wine"),
        "versions": lambda: ws.registry.versions("wine"),
        "search versions": lambda: ws.registry.search_model_versions("name = 'wine'"),
        "by uri": lambda: ws.registry.get_by_uri("models:/wine@champion"),
        "best version": lambda: ws.registry.best_version("wine", "rmse", "min"),
        "gates": lambda: ws.registry.check_gates("wine", "Production"),
        "requests": lambda: ws.registry.requests("wine"),
        "history": lambda: ws.registry.history("wine"),
        "as of": lambda: ws.registry.as_of("wine", 1_900_000_000_000),
        "verify": lambda: ws.registry.verify("wine"),
        "verify all": lambda: ws.registry.verify_all(),
        "follow": lambda: ws.registry.follow(None, limit=100),
        "protected": lambda: ws.registry.protected_runs(),
        "load model": lambda: ws.models.load("models:/wine/1"),
        "load run's model": lambda: ws.models.load(f"runs:/{run_id}/model"),
        "describe": lambda: ws.models.describe(f"runs:/{run_id}/model"),
        "lineage": lambda: ws.lineage.of_model("models:/wine/1"),
        "lineage of run": lambda: ws.lineage.of_run(run_id),
        "trace": lambda: ws.lineage.trace("models:/wine/Production"),
        "webhooks": lambda: ws.webhooks.list(),
        "webhook history": lambda: ws.webhooks.history("chat"),
        "logged model": lambda: ws.logged_models.get(known.model_id),
        "logged models": lambda: ws.logged_models.of_experiment(experiment),
        "views": lambda: ws.views.named(experiment),
        "choice": lambda: ws.views.choice(experiment, known.choice_id),
        "tokens": lambda: Tokens(ws.store, ws.clock).list(),
        "steps": lambda: StepCache(ws.store, ws.runs).find(known.facts),
        "last step": lambda: StepCache(ws.store, ws.runs).last("project", "fit"),
        "forward": lambda: forward_transitions(ws, "prefect", lambda _: None),
        "marks": lambda: ws.collector().marks(),
        "sync": lambda: ws.sync(),
        "export": lambda: export_files(
            Outgoing(ws, []), _fresh(folder, "export"), lambda: None, with_artifacts=True
        ),
    }
    for number, one in enumerate(every):
        made |= {
            f"get {number}": lambda one=one: ws.runs.get(one),
            f"metrics {number}": lambda one=one: [
                ws.runs.metric_history(one, key) for key in ("rmse", "loss", "acc")
            ],
            f"output {number}": lambda one=one: list(ws.runs.output(one)),
            f"files {number}": lambda one=one: ws.runs.files(one),
        }
    return made


def _commands(url: str) -> dict[str, Use]:
    lines = {
        "compact": ["compact"],
        "rebuild": ["compact", "--rebuild"],
        "gc": ["gc", "--dry-run", "--older-than", "0d"],
        "registry list": ["registry", "list"],
        "runs list": ["runs", "list", "-e", "wine"],
    }
    return {
        name: lambda words=words: _command([*words, "--store", url, "--json"])
        for name, words in lines.items()
    }


def _command(words: list[str]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        try:
            command_line(words)
        except SystemExit as left:
            if left.code == 2:
                raise Failed(f"the line is wrong: {words}: {out.getvalue()}") from None
    return out.getvalue()


def _addresses(client: TestClient, known: Populated) -> dict[str, Use]:
    run_id, experiment = known.run_id, known.experiment_id
    mlflow = "/api/2.0/mlflow"
    addresses = [
        f"{mlflow}/runs/get?run_id={run_id}",
        f"{mlflow}/runs/get?run_id={known.segmented_id}",
        f"{mlflow}/experiments/get?experiment_id={experiment}",
        f"{mlflow}/experiments/search?max_results=10",
        f"{mlflow}/metrics/get-history?run_id={run_id}&metric_key=rmse",
        f"{mlflow}/artifacts/list?run_id={run_id}&path=model",
        f"{mlflow}/registered-models/search",
        f"{mlflow}/registered-models/get?name=wine",
        f"{mlflow}/model-versions/get?name=wine&version=1",
        f"{mlflow}/model-versions/search?filter={quote('name=' + repr('wine'))}",
        f"{mlflow}/webhooks",
        f"{mlflow}/logged-models/{known.model_id}",
        "/api/stageline/1/models",
        "/api/stageline/1/models/wine",
        "/api/stageline/1/models/wine/versions",
        "/api/stageline/1/models/wine/versions/1",
        "/api/stageline/1/models/wine/history",
        "/api/stageline/1/models/wine/proof",
        "/api/stageline/1/models/wine/policies",
        "/api/stageline/1/models/wine/versions/2/gates/Production",
        "/api/stageline/1/requests",
        f"/api/stageline/1/runs/{run_id}",
        f"/api/stageline/1/runs/{run_id}/attempts",
        f"/api/stageline/1/runs/{run_id}/children",
        "/",
        "/experiments",
        f"/experiments/{experiment}",
        f"/experiments/{experiment}/runs.csv",
        f"/experiments/{experiment}/views/{known.view_id}",
        f"/experiments/{experiment}/charts",
        f"/experiments/{experiment}/charts/series?metric=rmse&run={run_id}",
        f"/compare?run={run_id}&run={known.live_id}",
        f"/runs/{run_id}",
        f"/runs/{known.live_id}",
        f"/runs/{known.segmented_id}",
        f"/runs/{run_id}/charts",
        f"/runs/{run_id}/artifacts?path=model",
        f"/runs/{run_id}/artifacts?path=squares.csv",
        f"/runs/{run_id}/artifacts?path=labels.json",
        f"/runs/{run_id}/raw/notes.txt",
        "/models",
        "/models/wine",
        "/models/wine/history",
        "/models/wine/history.csv",
        "/models/wine/versions/1",
        "/models/wine/compare?version=1&version=2",
        "/requests",
        "/lineage?of=models:/wine/1",
        "/lineage/export/openlineage?of=models:/wine/1",
    ]
    made: dict[str, Use] = {one: lambda one=one: _got(client, one) for one in addresses}
    found = {"experiment_ids": [experiment], "filter": "metrics.rmse < 9"}
    made["POST runs/search"] = lambda: _posted(client, f"{mlflow}/runs/search", found)
    logged = {"experiment_ids": [experiment]}
    made["POST logged-models/search"] = lambda: _posted(
        client, f"{mlflow}/logged-models/search", logged
    )
    return made


def _got(client: TestClient, address: str) -> str:
    accept = "application/json" if address.startswith("/api") else "text/html"
    answer = client.get(address, headers={"accept": accept})
    return answer.text


def _posted(client: TestClient, address: str, body: Any) -> str:
    return client.post(address, json=body).text


def _files(ws: Workspace, run_id: str) -> list[Any]:
    return [one for one in ws.artifacts(run_id).walk() if not one.is_dir]


def _fresh(folder: Path, name: str) -> Path:
    place = folder / name
    number = len(list(folder.glob(f"{name}*")))
    fresh = place.with_name(f"{name}{number}")
    fresh.mkdir(parents=True)
    return fresh
