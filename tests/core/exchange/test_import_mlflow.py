"""What the real MLflow wrote (tests/flavors/make_exchange_fixtures.py), taken in without MLflow."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import pytest

from stageline.domain.run import ViewType
from stageline.errors import InvalidInput, NotFound, StorageFailed
from stageline.exchange.importing import Import
from stageline.exchange.landing import RunLanding
from stageline.exchange.opening import open_mlflow
from stageline.registry import MetricRule, Policy
from stageline.workspace import Workspace

MADE = Path(__file__).parents[1] / "fixtures" / "mlflow"
TOLD = json.loads((MADE / "told.json").read_text())
PLACES = {"mlruns": MADE / "mlruns", "mlflow.db": MADE / "db" / "mlflow.db"}


@pytest.fixture(params=PLACES)
def kind(request) -> str:
    return request.param


@pytest.fixture
def told(kind) -> dict[str, str]:
    return TOLD[kind]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "store")


def take(workspace: Workspace, place: Path, **more):
    source = open_mlflow(str(place), more.pop("artifacts", None), {})
    try:
        work = Import(source, workspace, **more)
        work.begin()
        return work.run()
    finally:
        source.close()


def keys(workspace: Workspace) -> dict[str, bytes]:
    store = workspace.store
    return {entry.key: store.read(entry.key) for entry in store.list("")}


def test_runs_come_with_ids_params_tags_and_whole_histories(workspace, kind, told):
    done = take(workspace, PLACES[kind])
    assert done.failures == []
    run = workspace.runs.get(told["first"])
    assert run.info.experiment_id == told["experiment"]
    assert (run.info.run_name, str(run.info.status)) == ("first", "FINISHED")
    assert (run.info.start_time, run.info.end_time) == (1_700_000_000_000, 1_700_000_005_000)
    assert run.data.params == {"alpha": "0.5", "empty": ""}
    assert run.data.tags["note"] == "several\nlines: ✓"
    history = workspace.runs.metric_history(told["first"], "rmse")
    assert [point.step for point in history] == list(range(200))
    assert history[4].value == 0.2
    odd = workspace.runs.metric_history(told["first"], "odd")
    assert [point.value for point in odd][::2] == [1.5, -2.0]
    assert math.isnan(odd[1].value)
    assert run.inputs.dataset_inputs[0].dataset.name == "train"
    assert run.inputs.dataset_inputs[0].tags == {"mlflow.data.context": "training"}


def test_files_come_with_digests_though_the_folder_was_moved(workspace, kind, told):
    take(workspace, PLACES[kind])
    artifacts = workspace.artifacts(told["first"])
    assert artifacts.read("notes/a.txt") == b"hello\n"
    assert artifacts.read("empty.txt") == b""
    assert b"signature" in artifacts.read("model/MLmodel")
    assert all(file.sha256 for file in workspace.runs.files(told["first"]).values())


def test_experiments_come_with_their_state(workspace, kind, told):
    take(workspace, PLACES[kind])
    found = {one.name: one for one in workspace.experiments.list(ViewType.ALL)}
    assert found["wine"].experiment_id == told["experiment"]
    assert found["wine"].tags == {"team": "risk"}
    assert str(found["gone"].lifecycle_stage) == "deleted"
    assert set(found) == {"Default", "wine", "gone"}


def test_failed_deleted_nested_and_running_runs_are_told_apart(workspace, kind, told):
    take(workspace, PLACES[kind])
    child = workspace.runs.get(told["child"])
    assert str(child.info.status) == "FAILED"
    assert child.parent_run_id == told["first"]
    assert str(workspace.runs.get(told["deleted"]).info.lifecycle_stage) == "deleted"
    left = workspace.runs.get(told["running"])
    assert (str(left.info.status), left.info.reason) == (
        "KILLED",
        "it was running when it was imported",
    )


def test_search_finds_them(workspace, kind, told):
    take(workspace, PLACES[kind])
    found = workspace.search_runs(
        [told["experiment"]], "metrics.rmse < 0.01 AND tags.mood = 'good'"
    )
    assert [run.info.run_id for run in found] == [told["first"]]
    assert len(workspace.search_runs([told["experiment"]])) == 3


def test_logged_models_keep_ids_and_metrics_and_files_lie_with_the_run(workspace, kind, told):
    take(workspace, PLACES[kind])
    model = workspace.logged_models.get(told["model"])
    assert (model.name, model.source_run_id, str(model.status)) == ("model", told["first"], "READY")
    assert model.params == {"depth": "3"}
    assert [(m.key, m.value, m.dataset_name) for m in model.metrics] == [("rmse", 0.005, "train")]
    assert workspace.logged_models.artifact_uri(model).endswith(f"{told['first']}/artifacts/model")
    assert [one.model_id for one in workspace.logged_models.search([told["experiment"]])] == [
        told["model"]
    ]


def test_registry_keeps_numbers_stages_aliases_and_tags(workspace, kind, told):
    take(workspace, PLACES[kind])
    registry = workspace.registry
    assert registry.get("wine").description == "a model"
    assert registry.get("wine").tags == {"t": "1"}
    versions = {one.version: one for one in registry.versions("wine")}
    assert set(versions) == {1, 3}
    assert (versions[1].current_stage, versions[3].current_stage) == ("Production", "Archived")
    assert versions[1].aliases == ("champion",)
    assert (versions[1].run_id, versions[1].artifact_path) == (told["first"], "model")
    assert versions[1].facts.has_signature
    assert versions[3].source == "s3://elsewhere/model"
    assert versions[3].tags == {"far": "yes"}
    assert "imported" in registry.history("wine")[-1].reason


def test_twice_is_once(workspace, kind):
    first = take(workspace, PLACES[kind])
    before = keys(workspace)
    again = take(workspace, PLACES[kind])
    assert again.counts["runs"] == first.counts["runs"] == 5
    assert (first.counts["runs_new"], again.counts["runs_new"]) == (5, 0)
    assert {k: v for k, v in keys(workspace).items() if not k.startswith("models/of")} == {
        k: v for k, v in before.items() if not k.startswith("models/of")
    }


def test_interrupted_import_goes_on(workspace, kind, told, monkeypatch):
    def torn(self, summary):
        raise StorageFailed("the line went dead")

    with monkeypatch.context() as patched:
        patched.setattr(RunLanding, "_claim", torn)
        with pytest.raises(StorageFailed):
            take(workspace, PLACES[kind])
    assert workspace.search_runs([told["experiment"]]) == []
    assert take(workspace, PLACES[kind]).failures == []
    assert len(workspace.runs.metric_history(told["first"], "rmse")) == 200


def test_run_that_went_on_is_taken_in_anew(workspace, tmp_path):
    told = TOLD["mlruns"]
    place = tmp_path / "mlruns"
    shutil.copytree(PLACES["mlruns"], place)
    take(workspace, place)
    run = place / told["experiment"] / told["running"]
    (run / "metrics").mkdir(exist_ok=True)
    (run / "metrics" / "late").write_text("1700000000000 4.0 0\n")
    meta = (run / "meta.yaml").read_text().replace("status: 1", "status: 3")
    (run / "meta.yaml").write_text(meta.replace("end_time: null", "end_time: 1999999999999"))
    assert take(workspace, place).counts["runs_new"] == 1
    found = workspace.runs.get(told["running"])
    assert (str(found.info.status), found.data.metrics) == ("FINISHED", {"late": 4.0})


def test_version_does_not_slip_past_a_gate(workspace):
    workspace.registry.create_registered_model("wine")
    workspace.registry.set_policy(
        "wine",
        "Production",
        Policy(rules=(MetricRule(condition="metrics.rmse < 0.001"),)),
        allow_unknown=True,
    )
    done = take(workspace, PLACES["mlruns"])
    assert workspace.registry.get_version("wine", 1).current_stage == "None"
    assert any("policy" in note for note in done.notes)


def test_name_that_is_held_takes_the_runs_and_says_so(workspace, kind, told):
    mine = workspace.experiments.create("wine")
    done = take(workspace, PLACES[kind])
    assert any("has the id" in note for note in done.notes)
    assert workspace.runs.get(told["first"]).info.experiment_id == mine.experiment_id
    assert len(workspace.search_runs([mine.experiment_id])) == 3


def test_other_run_under_the_id_is_left_alone(workspace, kind, told):
    with workspace.runs.create(run_id=told["first"]) as mine:
        mine.log_metric("own", 1.0)
    done = take(workspace, PLACES[kind])
    assert [what for what, _ in done.failures] == [f"run {told['first']}"]
    assert workspace.runs.get(told["first"]).data.metrics == {"own": 1.0}


def test_damaged_history_keeps_only_its_own_run_out(workspace, tmp_path):
    told = TOLD["mlruns"]
    place = tmp_path / "mlruns"
    shutil.copytree(PLACES["mlruns"], place)
    (place / told["experiment"] / told["first"] / "metrics" / "rmse").write_text("no number\n")
    done = take(workspace, place)
    assert done.failures[0][0] == f"run {told['first']}"
    assert "rmse" in done.failures[0][1]
    assert str(workspace.runs.get(told["child"]).info.status) == "FAILED"


def test_one_experiment_alone_comes_without_the_registry(workspace, kind, told):
    done = take(workspace, PLACES[kind], experiments=frozenset({"wine"}))
    assert done.counts["runs"] == 4
    assert workspace.registry.list() == []
    assert {one.name for one in workspace.experiments.list(ViewType.ALL)} == {"Default", "wine"}


def test_what_is_no_tracker_is_refused(tmp_path):
    (tmp_path / "x.db").write_text("no database at all, but some text that is long enough")
    with pytest.raises(InvalidInput, match="SQLite"):
        open_mlflow(str(tmp_path / "x.db"), None, {})
    with pytest.raises(InvalidInput, match="experiments"):
        open_mlflow(str(tmp_path), None, {})
    with pytest.raises(NotFound):
        open_mlflow(str(tmp_path / "nothing"), None, {})
    with pytest.raises(InvalidInput, match="postgresql"):
        open_mlflow("postgresql://host/db", None, {})


@pytest.mark.slow
def test_into_a_bucket(seaweedfs_server, tmp_path):
    place = {"storage_options": seaweedfs_server.options, "cache": str(tmp_path / "cache")}
    workspace = Workspace.open(seaweedfs_server.new_place(), **place)
    told = TOLD["mlflow.db"]
    assert take(workspace, PLACES["mlflow.db"]).failures == []
    assert take(workspace, PLACES["mlflow.db"]).counts["runs_new"] == 0
    assert len(workspace.runs.metric_history(told["first"], "rmse")) == 200
    assert workspace.artifacts(told["first"]).read("notes/a.txt") == b"hello\n"
    assert workspace.registry.get_by_alias("wine", "champion").current_stage == "Production"
