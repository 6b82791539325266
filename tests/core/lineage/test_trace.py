"""What stands behind the version in Production: now, and at a date."""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec
import pytest
from lineage_flows import CODE, PAGE, data, deployed, pipeline, promoted, trained, workspace_in

from stageline import Workspace
from stageline.domain.model_input import model_input
from stageline.errors import InvalidInput, NotFound
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore

TIME = 1_700_000_000_000
DAY = 86_400_000


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(TIME)


@pytest.fixture
def workspace(tmp_path: Path, clock: FixedClock) -> Workspace:
    return workspace_in(tmp_path, clock=clock)


def test_trace_tells_run_data_code_and_who_let_it_in(workspace: Workspace) -> None:
    run_id = trained(workspace, data(), model_input("models:/base/4", "u"))
    deployed(workspace, promoted(workspace, run_id))
    workspace.registry.annotate("wine", 1, "watch the acidity")
    trace = workspace.lineage.trace("models:/wine/Production")

    assert (trace.version.name, trace.version.version, trace.others) == ("wine", 1, ())
    assert trace.run is not None
    assert trace.run.info.run_id == run_id
    assert (trace.params, trace.metrics) == ({"alpha": "0.1"}, {"rmse": 0.5})
    assert [(one.run_id, one.input) for one in trace.datasets] == [(run_id, data())]
    assert trace.models == ("models:/base/4",)
    assert trace.source.commit == CODE["mlflow.source.git.commit"]
    assert (trace.source.branch, trace.source.entry_point) == ("main", "train.py")
    assert trace.source.is_dirty is True
    assert trace.task is None
    assert list(trace.version.deployments) == ["eu"]
    assert [one.text for one in trace.version.annotations] == ["watch the acidity"]

    entered = trace.entered
    assert entered is not None
    assert (entered.from_stage, entered.to_stage, entered.cause) == (
        "None",
        "Production",
        "request",
    )
    assert (entered.actor, entered.time, entered.reason) == ("bob", TIME, "looks good")
    assert (entered.requested_by, entered.comment) == ("ann", "better by far")
    assert [(one.by, one.comment) for one in entered.approvals] == [("bob", "looks good")]
    assert entered.decision is not None
    assert entered.decision.allowed
    with pytest.raises(AttributeError):
        trace.uri = "x"  # type: ignore[misc]
    assert msgspec.json.decode(msgspec.json.encode(trace))["entered"]["actor"] == "bob"


def test_task_and_the_data_of_its_pipeline_are_told(tmp_path: Path) -> None:
    workspace = workspace_in(tmp_path)
    flow, task = pipeline(workspace)
    promoted(workspace, task)
    trace = workspace.lineage.trace("models:/wine/Production")
    assert trace.task is not None
    assert (trace.task.orchestrator, trace.task.pipeline_run) == ("orchestra", "nightly/1")
    assert (trace.task.task, trace.task.links) == ("train", {"orchestra": PAGE})
    read = [(one.run_id, one.input.dataset.name) for one in trace.datasets]
    assert read == [(task, "wine.csv"), (flow, "raw.csv")]


def test_date_asks_what_was_in_production_then(workspace: Workspace, clock: FixedClock) -> None:
    first = promoted(workspace, trained(workspace, data(digest="old")))
    clock.set(TIME + 2 * DAY)
    promoted(workspace, trained(workspace, data(digest="new")))
    clock.set(TIME + 4 * DAY)
    workspace.registry.rollback("wine", "Production", actor="eve", reason="drift")

    def digest_at(when: int | datetime.datetime | None) -> str:
        trace = workspace.lineage.trace("models:/wine/Production", as_of=when)
        return trace.datasets[0].input.dataset.digest

    assert digest_at(TIME + DAY) == "old"
    assert digest_at(TIME + 3 * DAY) == "new"
    day_three = datetime.datetime.fromtimestamp(TIME / 1000 + 3 * 86_400, datetime.timezone.utc)
    assert digest_at(day_three) == "new"
    assert digest_at(None) == "old"
    now = workspace.lineage.trace("models:/wine/Production")
    assert now.entered is not None
    assert (now.entered.actor, now.entered.cause) == ("eve", "rollback")
    assert (now.entered.reason, now.entered.approvals) == ("drift", ())
    then = workspace.lineage.trace("models:/wine/Production", as_of=TIME + DAY)
    assert then.as_of == TIME + DAY
    assert then.entered is not None
    assert (then.entered.time, then.version.version) == (TIME, first)
    assert workspace.lineage.trace("models:/wine/2", as_of=TIME + 3 * DAY).others == ()

    with pytest.raises(NotFound, match="not there"):
        workspace.lineage.trace("models:/wine/Production", as_of=TIME - DAY)
    with pytest.raises(NotFound, match="was there"):
        workspace.lineage.trace("models:/wine/Staging", as_of=TIME + DAY)
    with pytest.raises(NotFound, match="was there"):
        workspace.lineage.trace("models:/wine/2", as_of=TIME + DAY)
    with pytest.raises(InvalidInput, match="time zone"):
        workspace.lineage.trace("models:/wine/Production", as_of=datetime.datetime(2024, 1, 1))


def test_alias_of_a_date_is_the_one_of_then(workspace: Workspace, clock: FixedClock) -> None:
    registry = workspace.registry
    for day in (0, 1):
        clock.set(TIME + day * DAY)
        version = registry.register("wine", run_id=trained(workspace)).version
        registry.set_alias("wine", "champion", version)
    trace = workspace.lineage.trace
    assert trace("models:/wine@champion", as_of=TIME).version.version == 1
    assert trace("models:/wine@champion").version.version == 2
    assert trace("models:/wine/latest", as_of=TIME).version.version == 1


def test_version_that_never_moved_entered_nothing(workspace: Workspace) -> None:
    workspace.registry.register("wine", run_id=trained(workspace))
    assert workspace.lineage.trace("models:/wine/1").entered is None


def test_entry_is_found_through_a_rename(workspace: Workspace) -> None:
    workspace.registry.register("wine", run_id=trained(workspace))
    workspace.registry.transition("wine", 1, "Staging", reason="try it")
    workspace.registry.rename("wine", "port")
    entered = workspace.lineage.trace("models:/port/Staging").entered
    assert entered is not None
    assert (entered.name, entered.reason) == ("wine", "try it")


def test_run_that_is_gone_leaves_what_the_registry_noted(workspace: Workspace) -> None:
    promoted(workspace, trained(workspace))
    for entry in workspace.store.list("runs/"):
        workspace.store.delete(entry.key)
    trace = workspace.lineage.trace("models:/wine/Production")
    assert (trace.run, trace.run_is_missing) == (None, True)
    assert (trace.metrics, trace.datasets) == ({"rmse": 0.5}, ())
    assert trace.entered is not None


def test_version_without_a_run_has_none_that_could_be_missing(workspace: Workspace) -> None:
    workspace.registry.register("wine", source="s3://models/wine")
    trace = workspace.lineage.trace("models:/wine/1")
    assert (trace.run, trace.run_is_missing) == (None, False)


def test_others_in_the_stage_are_named(workspace: Workspace) -> None:
    for _ in range(2):
        version = workspace.registry.register("wine", run_id=trained(workspace)).version
        workspace.registry.transition("wine", version, "Staging")
    trace = workspace.lineage.trace("models:/wine/Staging")
    assert (trace.version.version, trace.others) == (2, (1,))


@pytest.mark.parametrize("uri", ["runs:/abc/model", "s3://models/wine", "models:/wine", "models:x"])
def test_what_is_no_registered_model_is_refused(workspace: Workspace, uri: str) -> None:
    with pytest.raises(InvalidInput):
        workspace.lineage.trace(uri)


def test_late_promotion_is_found_without_reading_all_that_happened(tmp_path: Path) -> None:
    inner = workspace_in(tmp_path)
    for number in range(60):
        inner.registry.register("wine", source=f"s3://{number}")
    inner.registry.transition("wine", 60, "Production")
    store = CountingStore(inner.store)
    workspace = workspace_in(tmp_path, store)
    with store.counted() as c:
        trace = workspace.lineage.trace("models:/wine/Production")
    assert trace.entered is not None
    # Eight of the newest entries, of which the first is how the model stands.
    assert c.by_verb() == {"list": 3, "read": 8}
