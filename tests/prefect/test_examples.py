"""The examples for Prefect do what their READMEs say; test_demo and test_retrain try elasticnet further."""

from __future__ import annotations

from pathlib import Path

import pytest
from doc_blocks import EXAMPLES, blocks_of, marked
from doc_reader import look_over
from example_reader import ExampleReader
from fastapi import FastAPI
from starlette.testclient import TestClient

from stageline.ui.app import add_pages
from stageline.workspace import Workspace

PAGES = blocks_of("prefect", EXAMPLES)
SWEEP = "examples/sweep/README.md"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_example_does_what_its_readme_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = ExampleReader(tmp_path, monkeypatch)
    for block in PAGES[page]:
        reader.follow(block)
    if page == SWEEP:
        check_sweep(Workspace.open(tmp_path / "mlstore", cache=str(tmp_path / "mine")))


def check_sweep(workspace: Workspace) -> None:
    """Nine children of one flow run, the best of them registered, all of them drawn as parallel coordinates."""
    experiment = workspace.experiments.get_by_name("sweep")
    runs = list(workspace.search_runs([experiment.experiment_id], order_by=["metrics.r2 DESC"]))
    (parent,) = [run for run in runs if run.parent_run_id is None]
    candidates = [run for run in runs if run is not parent]
    assert len(candidates) == 9
    assert {run.parent_run_id for run in candidates} == {parent.info.run_id}
    (version,) = workspace.registry.versions("sweep")
    assert version.run_id == candidates[0].info.run_id

    app = FastAPI()
    add_pages(app, workspace)
    with TestClient(app) as browser:
        drawn = browser.get(f"/experiments/{experiment.experiment_id}/charts?kind=parallel").text
    for run in candidates:
        assert run.info.run_id in drawn
    assert "params.max_depth" in drawn
    assert "params.learning_rate" in drawn


@pytest.mark.parametrize("block", marked("prefect", EXAMPLES), ids=lambda one: one.place)
def test_block_that_is_not_run_is_at_least_well_formed(block) -> None:
    look_over(block)
