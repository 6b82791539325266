"""`stageline lineage`, as people and programs see it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from lineage_flows import data, deployed, pipeline, promoted, trained
from typer.testing import CliRunner

from stageline import Workspace
from stageline.cli.main import app
from stageline.domain.model_input import model_input
from stageline.lineage.export.document import from_json


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "store", user="ann", cache=str(tmp_path / "cache"))


@pytest.fixture
def run_id(workspace: Workspace) -> str:
    """The whole chain."""
    made = trained(workspace)
    deployed(workspace, promoted(workspace, made))
    return made


def cli(workspace: Workspace, *args: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["--store", workspace.store.url, "lineage", *args])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result
    return result.stdout if code == 0 else result.stderr


def test_tree_tells_both_ways(workspace: Workspace, run_id: str) -> None:
    lines = cli(workspace, "show", "models:/wine/1").splitlines()
    assert lines[0] == "version wine v1  Production"
    at, down = lines.index("came from"), lines.index("came of it")
    assert lines[at + 1].startswith(
        f"registered from: run train  {run_id[:12]}  FINISHED  commit 0123456789+"
    )
    assert lines[at + 2] == "   read: dataset wine.csv @d1"
    assert lines[down + 1] == "deployed to: deployment eu  https://eu.example/score"
    assert lines[down + 2] == "in stage: stage wine Production"


def test_tree_of_a_stage_begins_with_it(workspace: Workspace, run_id: str) -> None:
    lines = cli(workspace, "show", "models:/wine/Production").splitlines()
    assert lines[0] == "stage wine Production"
    assert "   holds: version wine v1  Production" in lines
    assert "   deployed to: deployment eu  https://eu.example/score" in lines


@pytest.mark.parametrize(
    "how", [lambda run_id: run_id, lambda run_id: run_id[:16], lambda _: "train"]
)
def test_run_is_named_by_id_prefix_or_name(workspace: Workspace, run_id: str, how) -> None:
    out = cli(workspace, "show", how(run_id), "--up")
    assert out.startswith("run train")
    assert "read: dataset wine.csv @d1" in out
    assert "registered as" not in out


def test_directions_and_depth(workspace: Workspace, run_id: str) -> None:
    down = cli(workspace, "show", "dataset:wine.csv@d1", "--down", "--depth", "1")
    assert "read by: run train" in down
    assert "wine v1" not in down
    for both in ([], ["--both"], ["--up", "--down"]):
        out = cli(workspace, "show", run_id, *both)
        assert "read: dataset" in out
        assert "registered as: version wine v1" in out


def test_formats(workspace: Workspace, run_id: str) -> None:
    asked = ("show", "models:/wine/Production")
    graph = workspace.lineage.of("models:/wine/Production")
    assert from_json(cli(workspace, *asked, "--format", "json").encode()) == graph
    assert from_json(cli(workspace, *asked, "--json").encode()) == graph
    assert cli(workspace, *asked, "--format", "mermaid").startswith("flowchart LR\n")
    assert cli(workspace, *asked, "--format", "dot").startswith("digraph lineage {\n")
    events = [
        json.loads(line) for line in cli(workspace, *asked, "--format", "openlineage").splitlines()
    ]
    assert [event["eventType"] for event in events] == ["START", "COMPLETE"]


def test_trace_tells_who_and_what(workspace: Workspace, run_id: str) -> None:
    lines = cli(workspace, "trace", "models:/wine/Production").splitlines()
    told = {line.partition("  ")[0]: line.partition("  ")[2].strip() for line in lines}
    assert told["model"] == "wine version 1"
    assert told["asked for"] == "by ann: better by far"
    assert told["approved"].startswith("by bob, ")
    assert told["approved"].endswith(": looks good")
    assert told["entered"].endswith("by bob (request): looks good")
    assert told["run"] == f"train ({run_id}), FINISHED"
    assert told["data"] == "s3://data wine.csv @d1"
    assert told["commit"].endswith("on main (with uncommitted changes)")
    assert told["metrics"] == "rmse=0.5"
    assert told["code"] == "train.py"


def test_trace_of_a_task_shows_its_page(workspace: Workspace) -> None:
    flow, task = pipeline(workspace)
    promoted(workspace, task)
    out = cli(workspace, "trace", "models:/wine/Production")
    assert "orchestra: nightly / nightly/1 / train" in out
    assert "https://orchestra.example/runs/nightly-1/train" in out
    assert f"raw.csv @r1 (read by {flow})" in out


def test_trace_in_json_and_at_a_date(workspace: Workspace, run_id: str) -> None:
    told = json.loads(cli(workspace, "trace", "models:/wine/Production", "--json"))
    assert (told["version"]["version"], told["run"]["run_id"]) == (1, run_id)
    assert told["entered"]["approvals"][0]["by"] == "bob"
    day = json.loads(
        cli(workspace, "trace", "models:/wine/Production", "--as-of", "2999-01-01", "--json")
    )
    assert day["version"]["version"] == 1
    assert "was not there" in cli(
        workspace, "trace", "models:/wine/1", "--as-of", "2001-01-01", code=3
    )
    assert "no date" in cli(workspace, "trace", "models:/wine/1", "--as-of", "soon", code=2)


def test_unknown_and_malformed_targets_end_with_their_codes(
    workspace: Workspace, run_id: str
) -> None:
    assert "error: no run" in cli(workspace, "show", "dataset:beer", code=3)
    assert "no run has the id or name" in cli(workspace, "show", "beer", code=3)
    assert "error:" in cli(workspace, "show", "models:/wine/Nowhere", code=2)
    assert "Invalid value" in cli(workspace, "show", run_id, "--format", "png", code=2)


def test_runs_that_name_each_other_are_told_once(workspace: Workspace) -> None:
    first = trained(workspace, run_name="first")
    second = trained(workspace, run_name="second", parent_run_id=first)
    workspace.runs.set_tags(first, {"mlflow.parentRunId": second})
    out = cli(workspace, "show", first, "--up")
    assert out.count("within: run second") == 1
    assert "within: run first" in out


def test_control_characters_do_not_reach_the_terminal(workspace: Workspace) -> None:
    name = "a\x1b[31m\u202eb"
    made = trained(
        workspace, data(name=name), model_input("models:/wine/9", "u"), run_name="x\x1b[2J"
    )
    out = cli(workspace, "show", made)
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "dataset a?[31m?b @d1" in out
    assert "wine v9 (gone)" in out
