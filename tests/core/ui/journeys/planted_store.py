"""A store with scripts in all that users can write: names, tags, params, data, comments, and files of every kind."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from run_records import HANDLER, SCRIPT, planted_run

from stageline.registry import Policy
from stageline.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVIL = SCRIPT + HANDLER
NAME = "wine <img src=x onerror=window.planted=20>"
NOTE = f"{EVIL}\n\n[x](javascript:window.planted=21)"


def plant(folder: Path) -> tuple[Workspace, str]:
    """Fill the store; the workspace, and the id of the run."""
    workspace = Workspace.open(folder, cache=str(folder.with_name("cache")), user="ann")
    run_id = planted_run(workspace)
    experiment_id = workspace.runs.get(run_id).info.experiment_id
    workspace.experiments.set_tag(experiment_id, "team", EVIL)
    workspace.experiments.set_tag(experiment_id, "mlflow.note.content", NOTE)
    twin = workspace.runs.create(experiment_id, run_name=f"twin {EVIL}")
    twin.log_params({"alpha": EVIL})
    twin.log_metrics({"loss": 1.0})
    workspace.artifacts(twin.run_id).log_text(f"flavors: {{{SCRIPT!r}: {{}}}}\n", "model/MLmodel")
    twin.end()
    _plant_model(workspace, run_id, twin.run_id)
    return workspace, run_id


def _plant_model(workspace: Workspace, *run_ids: str) -> None:
    registry = workspace.registry
    for run_id in run_ids:
        registry.register(NAME, run_id=run_id, artifact_path="model")
    registry.transition(NAME, 1, "Production", reason=EVIL)
    registry.set_policy(NAME, "Production", Policy(approvals=1))
    registry.set_description(NAME, f"{NOTE} ![x](https://evil.example/x)")
    registry.set_version_description(NAME, 2, NOTE)
    registry.set_tag(NAME, "evil", EVIL)
    registry.set_version_tag(NAME, 2, "evil", EVIL)
    registry.annotate(NAME, 2, EVIL)
    link = "javascript:window.planted=24"
    registry.set_deployment(NAME, 1, EVIL, url=link, link=link)
    registry.request_transition(
        NAME, 2, "Production", archive_existing=True, comment=EVIL, actor=f"eve {HANDLER}"
    )


def planted_addresses(workspace: Workspace, run_id: str) -> Iterator[str]:
    """Every page on which something planted is shown."""
    experiment_id = workspace.runs.get(run_id).info.experiment_id
    here = f"/experiments/{experiment_id}"
    yield from ("/experiments", here, f"{here}?group=tags.said", f"{here}/settings")
    yield from (f"{here}?filter={quote(EVIL)}", f"{here}/charts", f"{here}/charts?kind=parallel")
    yield from (f"/runs/{run_id}", f"/runs/{run_id}/charts", f"/runs/{run_id}/artifacts")
    for path in workspace.runs.files(run_id):
        yield f"/runs/{run_id}/artifacts?path={quote(path)}"
    others = [one.run_id for one in workspace.runs.summaries(experiment_id)]
    yield "/compare?" + "&".join(f"run={one}" for one in others)
    model = f"/models/{quote(NAME)}"
    yield from ("/models", model, f"{model}/versions/1", f"{model}/versions/2", f"{model}/history")
    yield from (f"{model}/compare?a=1&b=2", "/requests", "/lineage")
    yield from (f"/lineage?of=models:/{quote(NAME)}", f"/lineage?of={run_id}")
