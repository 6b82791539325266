"""Registered models for tests of the provider: lines through the points of one file."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
from sklearn.linear_model import LinearRegression

from stageline.models.signature import infer_signature
from stageline.workspace import Workspace


def logged(workspace: Workspace, slope: float = 2.0) -> str:
    """The run of a model that says `slope * x + 1`, with the metric `error`: how far that is from `2 x + 1`."""
    x = pd.DataFrame({"x": [0.0, 1.0]})
    model = LinearRegression().fit(x, [1.0, 1.0 + slope])
    # skops asks every module of the process for its names, and Airflow's warn of old ones.
    with warnings.catch_warnings(action="ignore"), workspace.runs.create() as run:
        run.log_metrics({"error": abs(slope - 2.0)})
        workspace.models.log(run.run_id, model, signature=infer_signature(x, [1.0, 2.0]))
    return str(run.run_id)


def registered(workspace: Workspace, *slopes: float, name: str = "line") -> None:
    """A model with a version for each slope."""
    for slope in slopes:
        run_id = logged(workspace, slope)
        workspace.registry.register(name, run_id=run_id, artifact_path="model")


def points(folder: Path) -> str:
    """A file of points of `y = 2 x + 1`."""
    path = folder / "points.csv"
    pd.DataFrame({"x": [0.0, 1.0, 2.0], "y": [1.0, 3.0, 5.0]}).to_csv(path, index=False)
    return str(path)


def stages(workspace: Workspace, name: str = "line") -> dict[int, str]:
    """Each version's stage."""
    return {one.version: one.current_stage for one in workspace.registry.versions(name)}
