"""Runs in Prefect's UI: which have a card, what it holds, and that no task pays for it."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_API_URL, temporary_settings
from rest import artifacts_of, until

from prefect_stageline import Tracking, tracked_flow, tracked_task
from prefect_stageline.cards import FIRST, artifact_key, card_markdown, wait_for_cards
from prefect_stageline.publishing import PUBLISHER
from stageline import log_metric
from stageline.tasks import pipeline_run_id
from stageline.workspace import Workspace


@tracked_task
def train(alpha: float, note: str = "") -> dict[str, float]:
    for step in range(5):
        log_metric("loss", 1 / (step + 1), step=step)
    return {"rmse": alpha}


def this_flow_run() -> str:
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    return str(context.flow_run.id)


def test_a_flow_run_and_its_tasks_have_cards_when_it_has_ended(workspace: Workspace):
    @tracked_flow(name="Sweep it")
    def sweep() -> str:
        train(0.1)
        train(0.2)
        return this_flow_run()

    flow_run_id = sweep()
    found = artifacts_of(flow_run_id)
    assert set(found) == {
        "stageline-card-sweep-it",
        "stageline-metrics-sweep-it",
        "stageline-card-sweep-it-train",
        "stageline-metrics-sweep-it-train",
    }
    cards = found["stageline-card-sweep-it-train"]
    assert len({one["task_run_id"] for one in cards}) == 2
    assert all("| loss | 0.2 | 0.2 | 1 | 5 |" in one["data"] for one in cards)
    (of_flow,) = found["stageline-card-sweep-it"]
    assert of_flow["task_run_id"] is None
    assert "```mermaid" in of_flow["data"]
    assert of_flow["data"] == card_markdown(pipeline_run_id("prefect", flow_run_id), workspace)
    (table,) = found["stageline-metrics-sweep-it"]
    rows = json.loads(table["data"])
    assert sorted((row["param alpha"], row["metric rmse"]) for row in rows) == [
        ("0.1", "0.1"),
        ("0.2", "0.2"),
    ]


def test_a_failed_task_has_a_card_with_its_exception_and_no_secret(workspace: Workspace):
    seen: list[str] = []

    @tracked_task(retries=1)
    def broken(password: str) -> None:
        raise ValueError(f"no luck with {password}")

    @flow
    def failing() -> None:
        seen.append(this_flow_run())
        broken("hunter2", return_state=True)

    failing(return_state=True)
    (card,) = artifacts_of(seen[0])["stageline-card-failing-broken"]
    assert "no luck with ***" in card["data"]
    assert "attempts | 2: failed, failed" in card["data"]
    assert "hunter2" not in card["data"]


def test_of_many_runs_of_a_task_the_first_have_cards_and_the_flows_table_has_all(
    workspace: Workspace,
):
    @tracked_flow
    def many() -> str:
        train.map([n / 100 for n in range(FIRST + 5)]).wait()
        return this_flow_run()

    found = artifacts_of(many())
    assert len(found["stageline-card-many-train"]) == FIRST
    assert len(json.loads(found["stageline-metrics-many"][0]["data"])) == FIRST + 5


def test_cards_are_opted_out_of_and_into(workspace: Workspace):
    def quiet() -> None: ...

    def loud() -> dict[str, float]:
        return {"a": 1.0}

    @tracked_flow(tracking=Tracking(card=False))
    def choosing() -> str:
        tracked_task(quiet)()
        tracked_task(quiet, tracking=Tracking(card=True)).with_options(name="wanted")()
        tracked_task(loud, tracking=Tracking(card=False))()
        wait_for_cards()
        return this_flow_run()

    assert set(artifacts_of(choosing())) == {"stageline-card-choosing-wanted"}


def test_cards_lead_to_the_page_where_there_is_one(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    @tracked_flow
    def linked() -> str:
        return this_flow_run() if train(0.5) else ""

    other = Workspace.open(tmp_path / "store", ui_url="https://ml.example/", cache=str(tmp_path))
    monkeypatch.setattr("stageline.fluent.Session.workspace", other)
    flow_run_id = linked()
    run_id = pipeline_run_id("prefect", flow_run_id)
    (page,) = artifacts_of(flow_run_id)["stageline-page-linked"]
    assert page["data"] == f"[{run_id}](https://ml.example/runs/{run_id})"


def test_a_coroutine_flow_is_shown_too(workspace: Workspace):
    import asyncio

    @tracked_flow
    async def gathering() -> str:
        @tracked_task
        async def one(x: float) -> dict[str, float]:
            return {"x": x}

        await asyncio.gather(one(1.0), one(2.0))
        return this_flow_run()

    flow_run_id = asyncio.run(gathering())
    assert wait_for_cards(60)
    assert len(artifacts_of(flow_run_id)["stageline-card-gathering-one"]) == 2


def test_a_process_that_ends_has_shown_what_it_was_given(workspace: Workspace, tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(
        "from prefect import flow\n"
        "from prefect.context import FlowRunContext\n"
        "from prefect_stageline import tracked_task\n"
        "import asyncio\n"
        "@tracked_task\n"
        "def measure() -> dict[str, float]:\n"
        "    return {'a': 1.0}\n"
        "@flow\n"
        "async def short() -> None:\n"
        "    measure()\n"
        "    print(FlowRunContext.get().flow_run.id)\n"
        "asyncio.run(short())\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], env=os.environ, capture_output=True, text=True, timeout=200
    )
    assert done.returncode == 0, done.stderr
    found = artifacts_of(done.stdout.strip())
    assert "stageline-card-short-measure" in found


def test_a_server_that_is_away_is_one_warning_and_no_error(
    workspace: Workspace, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(PUBLISHER, "_away_until", 0.0)
    made: list[int] = []

    def artifacts() -> list[Any]:
        made.append(1)
        from prefect.client.schemas.actions import ArtifactCreate

        return [ArtifactCreate(type="markdown", key="k", data="x")]

    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        caplog.at_level(logging.WARNING, "stageline"),
    ):
        PUBLISHER.publish(artifacts, "a run")
        PUBLISHER.publish(artifacts, "a run")
        assert PUBLISHER.wait(100)
    assert caplog.text.count("can not show a run") == 1
    assert made == [1]
    monkeypatch.setattr(PUBLISHER, "_away_until", 0.0)


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("card", "Train it!"), "card-train-it"),
        (("card", "a/b"), "card-a-b"),
        (("x" * 300,), None),
        (("card", "训练"), None),
    ],
)
def test_keys_are_those_that_prefect_allows(words: tuple[str, ...], key: str | None):
    made = artifact_key(*words)
    assert key in (None, made)
    assert made == artifact_key(*words) != artifact_key(*words, "é")
    assert set(made) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert len(made) <= 120


def test_the_thread_ends_when_there_is_nothing_to_send(workspace: Workspace):
    @flow
    def short() -> None:
        train(0.5)

    short()
    assert wait_for_cards(60)
    assert until(lambda: PUBLISHER._thread is None)
