"""Out to a server that speaks MLflow's protocol, and in from one: `stageline server`, as a process of its own.

MLflow's own server is tried in tests/flavors, with the registry too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "server"))

from running import Running

from stageline.errors import InvalidInput, StorageFailed
from stageline.exchange import mlflow_calls
from stageline.exchange.export_mlflow import MlflowExport
from stageline.exchange.importing import Import
from stageline.exchange.opening import open_mlflow
from stageline.exchange.outgoing import Outgoing
from stageline.workspace import Workspace


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("server")
    with Running(str(folder / "store"), folder) as running:
        yield f"http://127.0.0.1:{running.port}"
        running.end()


def nobody() -> None:
    """Nobody watches."""


def test_out_and_in_again(url, tmp_path):
    workspace = Workspace.open(tmp_path / "store")
    experiment = workspace.experiments.create("wine").experiment_id
    with workspace.runs.create(experiment, run_name="parent") as run:
        run.log_params({f"p{i}": i for i in range(120)})
        run.log_points([("rmse", 1.0 / (i + 1), i, 1000 + i) for i in range(1500)])
        run.log_metric("odd", float("-inf"), 0, 1000)
        workspace.artifacts(run.run_id).log_text("hello", "notes/ä b.txt")
    with workspace.runs.create(experiment, parent_run_id=run.run_id):
        pass

    def export():
        return MlflowExport(Outgoing(workspace, ["wine"]), url, {}).run(nobody).counts

    first, second = export(), export()
    assert (first["runs_new"], first["points"], first["files"]) == (2, 1501, 1)
    assert (second["runs"], second["runs_new"]) == (2, 0)

    back = Workspace.open(tmp_path / "back")
    work = Import(open_mlflow(url, None, {}), back, experiments=frozenset({"wine"}))
    assert work.begin() == 2
    assert work.run().failures == []
    home = back.experiments.get_by_name("wine").experiment_id
    (parent,) = back.search_runs([home], f"tags.`stageline.run_id` = '{run.run_id}'")
    assert len(parent.data.params) == 120
    assert parent.data.metrics["odd"] == float("-inf")
    history = back.runs.metric_history(parent.info.run_id, "rmse")
    assert [point.step for point in history] == list(range(1500))
    assert back.artifacts(parent.info.run_id).read("notes/ä b.txt") == b"hello"
    children = back.search_runs([home], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert len(children) == 1


def test_run_that_was_cut_off_is_sent_anew(url, tmp_path, monkeypatch):
    workspace = Workspace.open(tmp_path / "store")
    experiment = workspace.experiments.create("cut").experiment_id
    with workspace.runs.create(experiment) as run:
        run.log_metric("m", 1.0, 0, 1000)

    def torn(self, run, uri):
        raise StorageFailed("the line went dead")

    with monkeypatch.context() as patched:
        patched.setattr(MlflowExport, "_send_files", torn)
        with pytest.raises(StorageFailed):
            MlflowExport(Outgoing(workspace, ["cut"]), url, {}).run(nobody)
    assert MlflowExport(Outgoing(workspace, ["cut"]), url, {}).run(nobody).counts["runs_new"] == 1
    source = open_mlflow(url, None, {})
    there = next(one for one in source.experiments() if one.name == "cut")
    runs = [source.run(each) for each in source.run_ids(there.experiment_id)]
    assert sorted(one.is_deleted for one in runs) == [False, True]


def test_server_that_is_not_there_is_told_with_its_name_and_without_the_password(monkeypatch):
    monkeypatch.setattr(mlflow_calls, "TRIES", 1)
    with pytest.raises(StorageFailed, match="Is the server running") as refused:
        open_mlflow("http://ann:secret@127.0.0.1:9", None, {}).experiments()
    assert "secret" not in str(refused.value)


def test_what_speaks_another_protocol_is_refused(url):
    with pytest.raises(InvalidInput, match="answered"):
        mlflow_calls.MlflowCalls(url).post("experiments/search", {"max_results": "many"})
