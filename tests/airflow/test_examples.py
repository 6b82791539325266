"""The examples for Airflow do what their READMEs say; test_standalone_retraining does that of `airflow/` for real."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from doc_blocks import EXAMPLES, blocks_of, marked
from doc_reader import look_over
from example_reader import ExampleReader

from stageline.workspace import Workspace

PAGES = blocks_of("airflow", EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_example_does_what_its_readme_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, airflow_home: Path
) -> None:
    home = tmp_path / "airflow"
    home.mkdir()
    shutil.copy(airflow_home / "migrated.db", home / "airflow.db")
    monkeypatch.setenv("AIRFLOW_HOME", str(home))
    reader = ExampleReader(tmp_path, monkeypatch)
    for block in PAGES[page]:
        reader.follow(block)
    check_sweep(Workspace.open(tmp_path / "mlstore", cache=str(tmp_path / "mine")))


def check_sweep(workspace: Workspace) -> None:
    """Nine children of one DAG run, the best of them registered."""
    experiment = workspace.experiments.get_by_name("sweep")
    runs = list(workspace.search_runs([experiment.experiment_id], order_by=["metrics.r2 DESC"]))
    candidates = [run for run in runs if run.data.metrics]
    (parent,) = [run for run in runs if run.parent_run_id is None]
    assert len(candidates) == 9
    assert {run.parent_run_id for run in candidates} == {parent.info.run_id}
    (version,) = workspace.registry.versions("sweep")
    assert version.run_id == candidates[0].info.run_id


@pytest.mark.parametrize("block", marked("airflow", EXAMPLES), ids=lambda one: one.place)
def test_block_that_is_not_run_is_at_least_well_formed(block) -> None:
    look_over(block)
