"""A flow that knows nothing of tracking, tracked: its tasks too, however they are called, and nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from prefect import flow, task
from prefect.task_runners import ProcessPoolTaskRunner
from runs import all_runs, flow_run_of, run_of, runs_of

from prefect_stageline import TrackedFlow, Tracking, track_flow
from stageline import RunStatus
from stageline.workspace import Workspace


@task(retries=1)
def double(x: int) -> dict[str, int]:
    return {"y": 2 * x}


@task
def broken() -> None:
    raise ValueError("no luck")


@task
async def shift(x: int) -> dict[str, int]:
    return {"y": x + 1}


@task
def count(n: int) -> Iterator[int]:
    yield from range(n)


class Scaler:
    @task
    def scale(self, x: int) -> dict[str, int]:
        return {"y": 10 * x}


@flow(name="existing")
def existing(n: int = 2) -> list[Any]:
    helped = by_helper(n)
    submitted = double.submit(5).result()
    mapped = [future.result() for future in double.map([6, 7])]
    return [helped, submitted, mapped, list(count(2)), Scaler().scale(3)]


def by_helper(n: int) -> dict[str, int]:
    return double.with_options(name="helped")(n)


def test_a_flow_and_its_tasks_are_tracked_with_no_change_to_them(workspace: Workspace):
    tracked = track_flow(existing, tracking=Tracking(experiment="grid"))
    assert isinstance(tracked, TrackedFlow)
    assert tracked(4)[0] == {"y": 8}
    parent = flow_run_of(workspace, "existing")
    assert parent.data.params == {"n": "4"}
    assert run_of(workspace, "helped").data.metrics == {"y": 8.0}
    assert sorted(run.data.params["x"] for run in runs_of(workspace, "double")) == ["5", "6", "7"]
    assert run_of(workspace, "scale").data.params == {"x": "3"}
    assert run_of(workspace, "count").info.status is RunStatus.FINISHED
    children = [run for run in all_runs(workspace) if run.info.run_id != parent.info.run_id]
    assert {run.parent_run_id for run in children} == {parent.info.run_id}
    assert {run.info.experiment_id for run in children} == {parent.info.experiment_id}


def test_the_flow_that_was_given_stays_as_it_is(workspace: Workspace):
    track_flow(existing)
    existing(1)
    assert all_runs(workspace) == []
    assert type(double).__name__ == "Task"


def test_options_stay_and_tasks_keep_their_keys(workspace: Workspace):
    tracked = track_flow(existing.with_options(retries=3, name="renamed"))
    again = tracked.with_options(version="2")
    assert (tracked.retries, again.retries, again.tracks_all_tasks) == (3, 3, True)
    again(1)
    found = runs_of(workspace, "double")
    assert {run.data.tags["prefect.task_key"] for run in found} == {double.task_key}


def test_failures_retries_and_coroutines_are_told(workspace: Workspace):
    @flow(name="awaiting")
    async def awaiting() -> None:
        await shift(1)
        shift.submit(2).wait()
        broken()

    import asyncio

    with pytest.raises(ValueError, match="no luck"):
        asyncio.run(track_flow(awaiting)())
    assert [run.data.metrics["y"] for run in runs_of(workspace, "shift")] == [2.0, 3.0]
    assert run_of(workspace, "broken").info.reason == "ValueError: no luck"
    assert flow_run_of(workspace, "awaiting").info.status is RunStatus.FAILED


def test_tasks_in_other_processes_are_tracked_too(workspace: Workspace):
    @flow(name="pooled", task_runner=ProcessPoolTaskRunner(max_workers=1))
    def pooled() -> None:
        double.map([1, 2]).wait()

    track_flow(pooled)()
    parent = flow_run_of(workspace, "pooled")
    assert {run.parent_run_id for run in runs_of(workspace, "double")} == {parent.info.run_id}


def test_a_flow_that_is_tracked_already_gets_its_plain_tasks_tracked(workspace: Workspace):
    from prefect_stageline import tracked_flow

    @tracked_flow(name="half", tracking=Tracking(tags={"team": "ml"}))
    def half() -> None:
        double(1)

    half()
    assert runs_of(workspace, "double") == []
    track_flow(half)()
    assert len(runs_of(workspace, "double")) == 1
    tags = [run.data.tags.get("team") for run in all_runs(workspace)]
    assert sorted(tag for tag in tags if tag) == ["ml", "ml"]
