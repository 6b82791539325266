"""The card of a run: what it shows, what it leaves out, and that no name in it is obeyed."""

from __future__ import annotations

import math
import re

import pytest
from orchestra import Orchestra

from stageline import (
    DatasetInput,
    DatasetRef,
    RunStatus,
    active_run,
    log_metric,
    log_params,
    set_tag,
    start_run,
)
from stageline.errors import InvalidInput
from stageline.tasks import (
    TaskCall,
    TaskWorkspace,
    Tracking,
    card_markdown,
    metric_rows,
    run_facts,
    run_rows,
    tracked_call,
)

HOSTILE = '<img src=x onerror=alert(1)>|a](javascript:alert(2))`` ```\n# head\n"];click n0 "x" https://a.example'


def card_of(orchestra: Orchestra, call: TaskCall, page: str = "") -> str:
    return card_markdown(run_facts(orchestra.workspace, call.identity.run_id), page=page)


def train(alpha: float) -> dict[str, float]:
    for step in range(20):
        log_metric("loss", 1 / (step + 1), step=step)
    run = active_run()
    assert run is not None
    run.log_input(DatasetInput(DatasetRef(name="wine.csv", digest="d1", source="s3://b/wine.csv")))
    return {"rmse": alpha, "odd": math.nan}


def test_a_card_shows_params_metrics_with_their_course_data_and_lineage(orchestra: Orchestra):
    call = orchestra.call()
    tracked_call(train, (0.5,), {}, call)
    card = card_of(orchestra, call, "https://ui.example/runs/1")
    assert "### `train of nightly` finished" in card
    assert "| `alpha` | `0.5` |" in card
    assert re.search(r"\| loss \| 0\.05 \| 0\.05 \| 1 \| 20 \| █[▁-█]+ \|", card)
    assert "| odd | nan |  |  | 1 |  |" in card
    assert "`wine.csv`" in card
    assert "```mermaid\nflowchart LR\n" in card
    assert f"[{call.identity.run_id}](<https://ui.example/runs/1>)" in card


def test_rows_of_metrics(orchestra: Orchestra):
    call = orchestra.call()
    tracked_call(train, (0.5,), {}, call)
    rows = {
        row["metric"]: row
        for row in metric_rows(run_facts(orchestra.workspace, call.identity.run_id))
    }
    assert rows["loss"] | {"course": ""} == {
        "metric": "loss", "last": "0.05", "min": "0.05", "max": "1", "points": "20", "course": "",
    }  # fmt: skip


def test_a_failed_run_shows_its_exception_without_secrets(orchestra: Orchestra):
    def fail(password: str) -> None:
        raise ValueError(f"can not log in with {password} at ```https://me:pw@host/")

    call = orchestra.call()
    with pytest.raises(ValueError, match="can not log in"):
        tracked_call(fail, ("hunter2",), {}, call)
    card = card_of(orchestra, call)
    assert "failed" in card
    assert "can not log in with *** at" in card
    assert "hunter2" not in card
    assert "me:pw" not in card


def test_nothing_that_somebody_named_is_obeyed(orchestra: Orchestra):
    def hostile(**params: str) -> dict[str, float]:
        log_metric("m / a", 1.0)
        set_tag("mlflow.source.name", HOSTILE)
        run = active_run()
        assert run is not None
        run.log_input(DatasetInput(DatasetRef(name=HOSTILE, digest=HOSTILE[:36], source=HOSTILE)))
        raise ValueError(HOSTILE)

    call = orchestra.call(tracking=Tracking(run_name="{x}"))
    with pytest.raises(ValueError, match="img"):
        tracked_call(hostile, (), {"x": HOSTILE}, call)
    card = card_of(orchestra, call, "javascript:alert(3)")
    outside = without_code(card)
    for sign in ("<img", "](javascript", "https://a.example", "# head"):
        assert sign not in outside
    chart = re.search(r"```mermaid\n(.*?)\n```", card, re.DOTALL)
    assert chart is not None
    assert "click" not in chart[1].replace("#59;click", "")
    # Each row of a table still has the cells of its head.
    for table in re.findall(r"(?:^\|.*\|$\n?)+", card, re.MULTILINE):
        assert len({line.count("|") for line in table.splitlines()}) == 1


def without_code(card: str) -> str:
    """The card as a reader of Markdown sees it, less its blocks and spans of code."""
    card = re.sub(r"^(`{3,})[a-z]*\n.*?\n\1$", "", card, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", card)


def test_the_card_of_a_pipeline_compares_its_runs(orchestra: Orchestra):
    with start_run(run_name="sweep") as parent:
        for alpha in (0.1, 0.2):
            with start_run(run_name=f"train {alpha}", nested=True):
                log_metric("rmse", alpha)
                log_params({"alpha": alpha, "same": 1, "run": alpha})
    facts = run_facts(orchestra.workspace, parent.run_id, with_children=True)
    assert sorted(row["metric rmse"] for row in run_rows(facts.children)) == ["0.1", "0.2"]
    assert set(run_rows(facts.children)[0]) == {
        "run", "status", "param alpha", "param run", "metric rmse",
    }  # fmt: skip
    assert "| train 0.1 | FINISHED | 0.1 | 0.1 | 0.1 |" in card_markdown(facts)
    assert card_markdown(facts).count('-.->|"nested"|') == 2


def test_a_run_that_says_no_more_than_its_orchestrator_tells_nothing(orchestra: Orchestra):
    call = orchestra.call()
    tracked_call(lambda: None, (), {}, call)
    assert not run_facts(orchestra.workspace, call.identity.run_id).tells_something


def test_the_end_is_told_when_the_store_has_it_and_only_once(orchestra: Orchestra):
    told: list[RunStatus] = []

    def on_end(call: TaskCall, workspace: TaskWorkspace) -> None:
        told.append(workspace.runs.get(call.identity.run_id).info.status)

    tracked_call(lambda: None, (), {}, orchestra.call(on_end=on_end))
    assert told == [RunStatus.FINISHED]

    def fail() -> None:
        raise ValueError

    with pytest.raises(ValueError, match=r"^$"):
        tracked_call(fail, (), {}, orchestra.call(task="again", on_end=on_end, will_retry=True))
    assert told == [RunStatus.FINISHED]


def test_only_these_cards_are_there_to_choose():
    with pytest.raises(InvalidInput, match="card='always'"):
        Tracking(card="always")  # type: ignore[arg-type]
