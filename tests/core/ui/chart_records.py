"""Runs for charts: a sweep of two params with a course of one metric, and a series of any length."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

from stageline import DatasetInput, DatasetRef
from stageline.ui.experiments.primary import TAG_METRIC

if TYPE_CHECKING:
    from reading import Element

    from stageline.workspace import Workspace

START = 1_790_000_000_000


def sweep(workspace: Workspace, count: int = 24, *, steps: int = 5) -> tuple[str, list[str]]:
    """An experiment whose runs have `alpha` from 0.0001 to 1, two kinds, and an `rmse` that falls to their number."""
    experiment_id = workspace.experiments.get_or_create("sweep").experiment_id
    workspace.experiments.set_tag(experiment_id, TAG_METRIC, "rmse")
    run_ids = []
    for number in range(count):
        run = workspace.runs.create(
            experiment_id, run_name=f"try {number}", start_time=START + 1000 * number
        )
        run.log_params(
            {
                "alpha": 10 ** (-4 * number / max(count - 1, 1)),
                "kernel": "rbf" if number % 2 else "linear",
                "seed": 7,
            }
        )
        run.log_input(DatasetInput(DatasetRef(name="wine", digest="d1" if number else "d0")))
        run.log_batch(
            [
                ("rmse", number + 2.0 * (steps - 1 - step), step, START + step)
                for step in range(steps)
            ]
        )
        run.log_batch([("r2", number / 100, 0, START), ("system/cpu", 50.0, 0, START)])
        run.end()
        run_ids.append(run.run_id)
    return experiment_id, run_ids


def long_series(workspace: Workspace, count: int) -> tuple[str, str]:
    """An experiment, and a run with one falling wave of so many points."""
    experiment_id = workspace.experiments.get_or_create("long").experiment_id
    with workspace.runs.create(experiment_id, run_name="long", start_time=START) as run:
        run.log_batch(
            ("loss", math.exp(-step / count) + 0.01 * math.sin(step), step, START + step * 50)
            for step in range(count)
        )
    return experiment_id, run.run_id


def figures(page: Element) -> dict[str, dict[str, Any]]:
    """What the scripts of a page are told, by the titles of its figures."""
    return {
        figure.one("h3").text: json.loads("".join(figure.one("script")._texts()))
        for figure in page.all("figure")
    }
