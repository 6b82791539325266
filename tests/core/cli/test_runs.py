"""Looking at runs: lists, searches, one run in full, several side by side; and calling a run by a name."""

from __future__ import annotations

import math
import time
from itertools import count
from pathlib import Path

import pytest
from shell import Cli

from stageline import DatasetInput, DatasetRef, Workspace
from stageline.domain.run import RunStatus

# Lists show the newest first: no two of a test's runs start in one millisecond, however fast the machine.
_starts = count(int((time.time() - 100) * 1000))


def run(
    workspace: Workspace,
    name: str,
    experiment: str = "wine",
    *,
    parent: str | None = None,
    status: RunStatus = RunStatus.FINISHED,
    metrics: dict[str, float] | None = None,
    params: dict[str, object] | None = None,
    run_id: str | None = None,
) -> str:
    opened = workspace.runs.create(
        experiment_name=experiment,
        run_name=name,
        parent_run_id=parent,
        run_id=run_id,
        start_time=next(_starts),
    )
    opened.log_metrics(metrics or {})
    opened.log_params(params or {})
    opened.end(status)
    return opened.run_id


def test_a_list_has_the_metrics_and_the_params_that_vary(cli: Cli, workspace: Workspace) -> None:
    run(workspace, "one", metrics={"rmse": 0.25}, params={"alpha": 1, "fixed": "same"})
    run(workspace, "two", metrics={"rmse": 0.5}, params={"alpha": 2, "fixed": "same"})
    head, *rows = cli.ok("runs", "list").splitlines()
    assert head.split() == ["status", "name", "run_id", "started", "duration", "rmse", "alpha"]
    assert [row.split()[1] for row in rows] == ["two", "one"]
    assert rows[1].split()[-2:] == ["0.25", "1"]


def test_a_list_is_json_for_programs(cli: Cli, workspace: Workspace) -> None:
    run_id = run(workspace, "one", metrics={"rmse": 0.25, "odd": math.nan}, params={"alpha": 1})
    answer = cli.json("runs", "list")
    (found,) = answer["runs"]
    assert answer["has_more"] is False
    assert (found["run_id"], found["run_name"], found["status"]) == (run_id, "one", "FINISHED")
    assert found["metrics"] == {"rmse": 0.25, "odd": "NaN"}
    assert found["params"] == {"alpha": "1"}


def test_a_list_is_narrowed_ordered_and_cut(cli: Cli, workspace: Workspace) -> None:
    for number in range(4):
        run(workspace, f"r{number}", metrics={"loss": number % 3})
    run(workspace, "elsewhere", "other", metrics={"loss": 9})
    run(workspace, "broken", status=RunStatus.FAILED)

    def names(*args: str) -> list[str]:
        return [found["run_name"] for found in cli.json("runs", *args)["runs"]]

    assert len(names("list")) == 6
    assert "elsewhere" not in names("list", "-e", "wine")
    assert names("list", "-e", "wine", "-e", "other", "--filter", "metrics.loss > 1") == [
        "elsewhere",
        "r2",
    ]
    assert names("list", "--order-by", "metrics.loss DESC", "--limit", "2") == ["elsewhere", "r2"]
    assert names("list", "--status", "failed") == ["broken"]
    assert names("search", "metrics.loss > 1", "-e", "other") == ["elsewhere"]
    assert names("search", "metrics.loss = 0", "--order-by", "attributes.run_name ASC") == [
        "r0",
        "r3",
    ]
    assert "there are more" in cli.ok("runs", "list", "--limit", "2")


def test_the_environment_chooses_the_experiment_unless_all_are_asked_for(
    cli: Cli, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(workspace, "one", "wine")
    run(workspace, "two", "beer")
    monkeypatch.setenv("STAGELINE_EXPERIMENT_NAME", "wine")
    assert [found["run_name"] for found in cli.json("runs", "list")["runs"]] == ["one"]
    assert len(cli.json("runs", "list", "--all-experiments")["runs"]) == 2


def test_nested_runs_stand_under_their_parent_and_the_best_family_first(
    cli: Cli, workspace: Workspace
) -> None:
    run(workspace, "alone", metrics={"loss": 2})
    parent = run(workspace, "grid")
    run(workspace, "child-a", parent=parent, metrics={"loss": 3})
    run(workspace, "child-b", parent=parent, metrics={"loss": 1})
    lines = cli.ok(
        "runs", "list", "--order-by", "metrics.loss ASC", "--columns", "name"
    ).splitlines()
    assert lines == ["name", "grid", "  child-b", "  child-a", "alone"]


def test_columns_are_chosen(cli: Cli, workspace: Workspace) -> None:
    run(workspace, "one", metrics={"rmse": 0.25}, params={"alpha": 7})
    out = cli.ok("runs", "list", "--columns", "name,experiment,rmse,params.alpha")
    assert [line.split() for line in out.splitlines()] == [
        ["name", "experiment", "rmse", "alpha"],
        ["one", "wine", "0.25", "7"],
    ]
    refused = cli("runs", "list", "--columns", "name,rsme")
    assert (refused.code, "no column 'rsme'" in refused.err) == (2, True)


def test_an_empty_store_says_where_it_looked(cli: Cli, url: str) -> None:
    assert url in cli.ok("runs", "list")
    assert cli.json("runs", "list") == {"runs": [], "has_more": False}


def test_looking_into_a_store_that_is_not_there_does_not_make_one(local_cli: Cli) -> None:
    for line in (
        "runs list",
        "runs show x",
        "runs reap",
        "experiments list",
        "gc --dry-run",
        "gc",
        "sync",
    ):
        local_cli(*line.split())
        assert not Path(local_cli.url).exists(), line


def test_a_name_can_not_command_the_terminal(cli: Cli, workspace: Workspace) -> None:
    run(workspace, "evil\x1b[2J\nname")
    assert "\x1b" not in cli.ok("runs", "list")


def test_one_run_is_shown_in_full(cli: Cli, workspace: Workspace) -> None:
    opened = workspace.runs.create(experiment_name="wine", run_name="full", tags={"team": "blue"})
    for step in range(20):
        opened.log_metric("loss", 1 / (step + 1), step)
    opened.log_metric("odd", math.nan)
    opened.log_param("alpha", 0.5)
    opened.log_input(
        DatasetInput(DatasetRef(name="cellar", digest="abc"), {"mlflow.data.context": "training"})
    )
    workspace.artifacts(opened.run_id).log_text("hello", "notes/a.txt")
    opened.end(RunStatus.FAILED, "ValueError: bad alpha")

    out = cli.ok("runs", "show", "full")
    for part in (
        "FAILED: ValueError: bad alpha",
        "wine",
        "█",
        "alpha",
        "team",
        "cellar",
        "notes/a.txt",
    ):
        assert part in out
    shown = cli.json("runs", "show", opened.run_id)
    assert (shown["experiment"], shown["reason"]) == ("wine", "ValueError: bad alpha")
    assert shown["series"]["loss"]["points"] == 20
    assert (shown["series"]["loss"]["max"], shown["series"]["loss"]["last"]) == (1.0, 0.05)
    assert shown["series"]["odd"]["last"] == "NaN"
    assert shown["artifacts"][0]["path"] == "notes/a.txt"
    assert shown["inputs"][0]["dataset"]["name"] == "cellar"


def test_runs_are_compared_by_what_differs(cli: Cli, workspace: Workspace) -> None:
    run(workspace, "one", metrics={"rmse": 1, "nan": math.nan}, params={"alpha": 1, "same": 1})
    run(workspace, "two", metrics={"rmse": 2, "nan": math.nan}, params={"alpha": 2, "same": 1})
    compared = cli.json("runs", "compare", "one", "two")
    assert compared["params"] == {"alpha": ["1", "2"]}
    assert compared["metrics"] == {"rmse": [1.0, 2.0]}
    assert cli.json("runs", "compare", "one", "two", "--all")["params"]["same"] == ["1", "1"]
    out = cli.ok("runs", "compare", "one", "two")
    assert "alpha" in out
    assert "same" not in out
    assert "do not differ" in cli.ok("runs", "compare", "one", "one")
    assert cli("runs", "compare", "one").code == 2


def test_a_run_is_called_by_its_id_its_beginning_or_its_name(
    cli: Cli, workspace: Workspace
) -> None:
    run_id = run(workspace, 'it\'s 100% "fine"', run_id="abcdef-123")
    run(workspace, "abcdef-123x", run_id="abcxyz-1")
    run(workspace, 'it\'s 100x "fine"')
    for text in (run_id, "abcdef", 'it\'s 100% "fine"'):
        assert cli.json("runs", "show", text)["run_id"] == run_id
    assert cli.json("runs", "show", "name:abcdef-123x")["run_id"] == "abcxyz-1"


def test_a_name_with_a_typo_is_answered_with_the_nearest(cli: Cli, workspace: Workspace) -> None:
    run(workspace, "baseline")
    answer = cli("runs", "show", "basline")
    assert answer.code == 3
    assert "did you mean 'baseline'?" in answer.err
    assert "stageline runs search" in answer.err


def test_a_name_of_several_runs_is_refused_with_their_ids(cli: Cli, workspace: Workspace) -> None:
    ids = {run(workspace, "twin"), run(workspace, "twin")}
    answer = cli("runs", "show", "twin")
    assert answer.code == 2
    assert all(run_id in answer.err for run_id in ids)
    workspace.runs.delete(ids.pop())
    assert cli.json("runs", "show", "twin")["run_id"] in ids


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["runs", "list", "--filter", "metrics.loss >"], "Invalid"),
        (["runs", "list", "--order-by", "metrics.loss UP"], "Invalid"),
        (["runs", "list", "-e", "nowhere"], "experiments list"),
        (["runs", "show", "../../etc"], "runs search"),
        (["runs", "show", "nul\0"], "runs search"),
        (["runs", "show", ""], "runs search"),
    ],
)
def test_bad_input_is_answered_with_what_to_do(
    line: list[str], told: str, cli: Cli, workspace: Workspace
) -> None:
    run(workspace, "one")
    answer = cli(*line)
    assert answer.code in (2, 3)
    assert told in answer.err
    assert answer.err.count("\n") == 1
