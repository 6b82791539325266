"""What a store holds, as plain files and as tables; both read back."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stageline.errors import NotFound
from stageline.exchange.export_files import export_files
from stageline.exchange.export_parquet import export_parquet
from stageline.exchange.outgoing import Outgoing
from stageline.workspace import Workspace


def nobody() -> None:
    """Nobody watches."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace.open(tmp_path / "store")
    workspace.experiments.create("wine", {"team": "risk"})
    experiment = workspace.experiments.get_by_name("wine").experiment_id
    with workspace.runs.create(experiment, run_name="first") as run:
        run.log_params({"alpha": 0.5})
        for step in range(3):
            run.log_metric("rmse", 1.0 / (step + 1), step, 1000 + step)
        run.log_metric("odd", math.nan, 0, 1000)
        run.log_metric("odd", math.inf, 1, 1001)
        workspace.artifacts(run.run_id).log_text("hello", "notes/a.txt")
        workspace.artifacts(run.run_id).log_text("model", "model/MLmodel")
    with workspace.runs.create() as other:
        other.log_metric("m", 1.0)
    workspace.registry.register("wine", run_id=run.run_id, artifact_path="model")
    workspace.registry.transition("wine", 1, "Production")
    return workspace


def run_id(workspace: Workspace) -> str:
    experiment = workspace.experiments.get_by_name("wine").experiment_id
    return workspace.search_runs([experiment])[0].info.run_id


def test_files_hold_all_of_a_run(workspace, tmp_path):
    done = export_files(Outgoing(workspace), tmp_path / "out", nobody)
    assert done.counts == {"experiments": 2, "runs": 2, "points": 6, "files": 2, "versions": 1}
    home = tmp_path / "out" / "runs" / run_id(workspace)
    document = json.loads((home / "run.json").read_text())
    assert document["params"] == {"alpha": "0.5"}
    assert document["metrics"]["odd"] == "Infinity"
    rows = list(csv.reader((home / "metrics.csv").read_text().splitlines()))
    assert rows[0] == ["key", "step", "timestamp", "value"]
    assert ["rmse", "1", "1001", "0.5"] in rows
    assert (home / "artifacts" / "notes" / "a.txt").read_text() == "hello"
    registry = json.loads((tmp_path / "out" / "registry.json").read_text())
    assert (registry[0]["name"], registry[0]["stage"]) == ("wine", "Production")


def test_files_written_again_are_brought_up_to_date(workspace, tmp_path):
    export_files(Outgoing(workspace), tmp_path / "out", nobody)
    home = tmp_path / "out" / "runs" / run_id(workspace)
    (home / "artifacts" / "notes" / "a.txt").write_text("HELLO")  # as long, and not the same
    workspace.runs.set_tags(run_id(workspace), {"late": "yes"})
    export_files(Outgoing(workspace), tmp_path / "out", nobody)
    assert (home / "artifacts" / "notes" / "a.txt").read_text() == "hello"
    assert json.loads((home / "run.json").read_text())["tags"]["late"] == "yes"
    assert not list((tmp_path / "out").rglob("*.part"))


def test_tables_hold_every_point(workspace, tmp_path):
    done = export_parquet(Outgoing(workspace), tmp_path / "out", nobody)
    assert done.counts == {"experiments": 2, "runs": 2, "metrics": 6, "versions": 1}
    metrics = pq.read_table(tmp_path / "out" / "metrics.parquet").to_pylist()
    mine = [(one["step"], one["value"]) for one in metrics if one["key"] == "rmse"]
    assert mine == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    runs = {
        one["run_id"]: one for one in pq.read_table(tmp_path / "out" / "runs.parquet").to_pylist()
    }
    assert dict(runs[run_id(workspace)]["params"]) == {"alpha": "0.5"}
    versions = pq.read_table(tmp_path / "out" / "versions.parquet").to_pylist()
    assert (versions[0]["version"], versions[0]["stage"]) == (1, "Production")


def test_tables_of_an_empty_store_have_their_columns(tmp_path):
    done = export_parquet(Outgoing(Workspace.open(tmp_path / "store")), tmp_path / "out", nobody)
    assert done.counts["runs"] == 0
    assert "params" in pq.read_table(tmp_path / "out" / "runs.parquet").column_names


def test_one_experiment_goes_alone(workspace, tmp_path):
    done = export_files(Outgoing(workspace, ["wine"]), tmp_path / "out", nobody)
    assert (done.counts["runs"], done.counts["versions"]) == (1, 0)
    assert not (tmp_path / "out" / "registry.json").exists()


def test_unknown_experiment_is_refused_before_anything_is_written(workspace, tmp_path):
    with pytest.raises(NotFound, match="wien"):
        Outgoing(workspace, ["wien"])
