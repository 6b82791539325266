"""What several pages assume to be in a store, or to be moved into one."""

from __future__ import annotations

from doc_blocks import ROOT

from stageline import DatasetInput, DatasetRef, Workspace

MLFLOW = ROOT / "tests" / "core" / "fixtures" / "mlflow"
"""A tracking store of MLflow's, as folders and as a database."""


def trained(workspace: Workspace, name: str, rmse: float) -> str:
    """A run that has read data, measured something and kept a model."""
    run = workspace.runs.create(run_name=name)
    run.log_inputs([DatasetInput(DatasetRef(name="wine.csv", digest="d1"))])
    run.log_metrics({"rmse": rmse})
    run.end()
    workspace.artifacts(run.run_id).log_text("flavors: {}\n", "model/MLmodel")
    return run.run_id


def registered(workspace: Workspace, versions: int) -> list[str]:
    """Versions of `wine`, the last in Production; their runs."""
    made = [trained(workspace, f"sweep-{one}", 0.8 - one / 100) for one in range(1, versions + 1)]
    for run_id in made:
        workspace.registry.register("wine", run_id=run_id, artifact_path="model")
    workspace.registry.transition("wine", versions, "Production")
    return made
