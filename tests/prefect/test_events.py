"""Transitions and drift as events of Prefect: from flows by themselves, from anybody else by the watcher."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.context import FlowRunContext
from rest import events_about, until

from prefect_stageline import tracked_task
from prefect_stageline.drift import DRIFTED, data_resource, report_drift
from prefect_stageline.events import STAGE_CHANGED, model_resource
from prefect_stageline.triggers import on_drift, on_stage_change, retraining
from stageline import get_workspace
from stageline.errors import InvalidInput
from stageline.workspace import Workspace


@pytest.fixture
def model() -> str:
    return f"wine & {uuid.uuid4().hex[:8]} *"


def move(workspace: Workspace, model: str, *stages: str) -> None:
    registry = workspace.registry
    for stage in stages:
        version = registry.register(model, source=f"s3://b/{uuid.uuid4()}").version
        registry.transition(model, version, stage, reason="for a test", archive_existing=True)


def watch(
    workspace: Workspace, *options: str, server: str | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PREFECT_API_URL": server or os.environ["PREFECT_API_URL"]}
    return subprocess.run(
        [sys.executable, "-c", "from stageline.cli.main import main; main()",
         "--store", workspace.store.url, "watch", "prefect", "--once", *options],
        env=environment, capture_output=True, text=True, timeout=200,
    )  # fmt: skip


def told(model: str) -> list[tuple[int, str, str]]:
    events = events_about(model_resource(model), STAGE_CHANGED)
    return sorted(
        (one["payload"]["version"], one["payload"]["from_stage"], one["payload"]["to_stage"])
        for one in events
    )


# -- from flows ---------------------------------------------------------------------------------------


def test_a_transition_that_a_task_makes_is_an_event_of_the_flow_run(
    workspace: Workspace, model: str
):
    @tracked_task
    def promote() -> None:
        move(get_workspace(), model, "Production")

    @flow
    def promoting() -> str:
        promote()
        context = FlowRunContext.get()
        assert context is not None
        assert context.flow_run is not None
        return str(context.flow_run.id)

    flow_run_id = promoting()
    (event,) = until(lambda: events_about(model_resource(model), STAGE_CHANGED))
    labels = event["resource"]
    assert labels["prefect.resource.name"] == model
    assert labels["stageline.to-stage"] == "Production"
    assert event["payload"]["reason"] == "for a test"
    assert event["payload"]["uri"] == f"models:/{model}/1"
    assert f"prefect.flow-run.{flow_run_id}" in [
        one["prefect.resource.id"] for one in event["related"]
    ]
    # Whoever watches does not tell it again.
    watch(workspace, "--from-start")
    assert told(model) == [(1, "None", "Production")]


def test_what_is_no_flow_tells_nothing_by_itself(workspace: Workspace, model: str):
    @tracked_task
    def quiet() -> None: ...

    quiet()
    move(workspace, model, "Production")
    assert told(model) == []


# -- from the watcher ---------------------------------------------------------------------------------


def test_the_watcher_begins_now_and_goes_on_where_the_last_one_stopped(
    workspace: Workspace, model: str
):
    move(workspace, model, "Staging")
    first = watch(workspace)
    assert (first.returncode, first.stderr) == (0, ""), first.stderr
    move(workspace, model, "Production")
    second, third = watch(workspace), watch(workspace)
    assert "sent 1" in second.stdout
    assert "sent" not in third.stdout.replace("to send", "")
    # No waiting here: the watcher returns when Prefect has it in its database.
    assert told(model) == [(2, "None", "Production")]


def test_a_watcher_that_died_before_it_remembered_is_followed_by_one_that_sends_nothing_twice(
    workspace: Workspace, model: str
):
    move(workspace, model, "Staging", "Production", "Production")
    assert watch(workspace, "--from-start").returncode == 0
    expected = [
        (1, "None", "Staging"),
        (2, "None", "Production"),
        (2, "Production", "Archived"),
        (3, "None", "Production"),
    ]
    assert told(model) == expected
    workspace.store.delete("watchers/prefect.json")
    assert watch(workspace, "--from-start").returncode == 0
    assert told(model) == expected


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_watcher_that_is_ended_at_any_moment_is_followed_by_the_next(
    workspace: Workspace, model: str, how: signal.Signals
):
    watch(workspace)
    watcher = subprocess.Popen(
        [sys.executable, "-c", "from stageline.cli.main import main; main()",
         "--store", workspace.store.url, "watch", "prefect", "--poll", "0.2"],
        env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        move(workspace, model, "Staging")
        # Prefect has it; the watcher may have remembered that, or not.
        until(lambda: told(model))
    finally:
        watcher.send_signal(how)
        code = watcher.wait(60)
    assert code in (0, -signal.SIGKILL)
    move(workspace, model, "Production")
    assert watch(workspace).returncode == 0
    assert told(model) == [(1, "None", "Staging"), (2, "None", "Production")]


@pytest.mark.slow
def test_a_server_that_is_away_is_told_and_nothing_is_remembered(workspace: Workspace, model: str):
    watch(workspace)
    move(workspace, model, "Production")
    failed = watch(workspace, server="http://127.0.0.1:9/api")
    assert failed.returncode == 7
    assert "did not take 1 events" in failed.stderr
    assert watch(workspace).returncode == 0
    assert told(model) == [(1, "None", "Production")]


# -- drift --------------------------------------------------------------------------------------------


def columns(shift: float) -> dict[str, list[Any]]:
    source = random.Random(7)
    return {
        "acidity": [source.gauss(shift, 1) for _ in range(500)],
        "colour": ["red" if source.random() < 0.5 else "white" for _ in range(500)],
    }


def test_drift_is_measured_logged_and_told_only_if_it_is_too_far(workspace: Workspace):
    name = f"orders {uuid.uuid4()}"

    @flow
    def checking() -> list[dict[str, float]]:
        return [
            report_drift(columns(0.0), columns(shift), name=name, model="wine")
            for shift in (0.0, 2.0)
        ]

    stable, drifted = checking()
    assert set(stable) == {
        "drift.acidity.psi", "drift.acidity.ks", "drift.acidity.ks_p", "drift.colour.psi",
    }  # fmt: skip
    (event,) = until(lambda: events_about(data_resource(name), DRIFTED))
    payload = event["payload"]
    assert payload["column"] == "acidity"
    assert payload["value"] == pytest.approx(drifted["drift.acidity.psi"])
    assert payload["value"] > payload["threshold"] > stable["drift.acidity.psi"]
    assert list(payload["columns"]) == ["acidity"]
    assert workspace.runs.get(payload["run_id"]).data.metrics == pytest.approx(drifted)


# -- triggers -----------------------------------------------------------------------------------------


def test_triggers_match_what_events_carry():
    trigger = on_stage_change("wine/red", to=["Staging", "Production"], parameters={"a": 1})
    assert trigger.expect == {STAGE_CHANGED}
    assert trigger.match.root == {
        "prefect.resource.id": "stageline.model.wine%2Fred",
        "stageline.to-stage": ["Staging", "Production"],
    }
    assert on_stage_change().match.root == {"prefect.resource.id": "stageline.model.*"}
    assert on_drift("orders", model="wine").match.root == {
        "prefect.resource.id": "stageline.data.orders",
        "stageline.model": "wine",
    }


def test_a_deployment_that_nothing_starts_is_refused():
    @flow
    def train() -> None: ...

    with pytest.raises(InvalidInput, match="nothing starts it"):
        retraining(train)


def test_a_deployment_has_the_schedules_and_triggers(tmp_path: Path):
    @flow
    def train() -> None: ...

    made = retraining(
        train, cron="0 3 * * *", timezone="Europe/Vienna", interval=3600, on=[on_drift()]
    )
    assert [type(one.schedule).__name__ for one in made.schedules or []] == [
        "CronSchedule", "IntervalSchedule",
    ]  # fmt: skip
    assert len(made.triggers) == 1
