"""The views, each a module of this folder that has `ROUTES`. One that is named here and missing is an error."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stageline.ui.view import View

VIEWS = [
    "home",
    "experiments",
    "runs",
    "runs_changes",
    "experiment_settings",
    "chart_series",
    "charts",
    "run_charts",
    "compare",
    "run",
    "run_changes",
    "artifacts",
    "artifact_files",
    "models",
    "model",
    "version",
    "version_changes",
    "history",
    "model_compare",
    "requests",
    "lineage",
]
"""The names of the modules. Of two routes that fit an address, the first answers."""


def routes() -> list[View]:
    """The routes of all views."""
    return [view for name in VIEWS for view in import_module(f"{__name__}.{name}").ROUTES]
