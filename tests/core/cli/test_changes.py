"""Tagging, deleting and restoring runs, one by one and by policy."""

from __future__ import annotations

import time
from itertools import count

from shell import Cli

from stageline import Workspace
from stageline.domain.run import TAG_PROTECTED, RunStatus

# The last runs are kept: no two of a test's runs start in one millisecond, however fast the machine.
_starts = count(int((time.time() - 100) * 1000))


def run(
    workspace: Workspace,
    name: str,
    status: RunStatus = RunStatus.FINISHED,
    days: int = 0,
    **tags: str,
) -> str:
    opened = workspace.runs.create(
        experiment_name="wine", run_name=name, tags=tags, start_time=next(_starts)
    )
    opened.end()
    ended = workspace.clock.now_ms() - days * 86_400_000
    workspace.runs.set_status(opened.run_id, status, end_time=ended)
    return opened.run_id


def names(cli: Cli, *args: str) -> list[str]:
    return sorted(found["run_name"] for found in cli.json("runs", "list", *args)["runs"])


def test_tags_are_set_and_removed(cli: Cli, workspace: Workspace) -> None:
    run(workspace, "one", team="blue")
    tags = cli.json("runs", "tag", "one", "note=a=b", "stage=tried", "--remove", "team")["tags"]
    assert (tags["note"], tags["stage"], "team" in tags) == ("a=b", "tried", False)
    assert cli("runs", "tag", "one").code == 2
    assert cli("runs", "tag", "one", "novalue").code == 2
    assert cli("runs", "tag", "one", "--remove", "absent").code == 3


def test_runs_are_deleted_and_restored_by_name(cli: Cli, workspace: Workspace) -> None:
    for name in ("one", "two", "three"):
        run(workspace, name)
    cli.ok("runs", "delete", "one", "two", "--dry-run")
    assert len(names(cli)) == 3
    cli.ok("runs", "delete", "one", "two")
    assert (names(cli), names(cli, "--deleted")) == (["three"], ["one", "two"])
    cli.ok("runs", "restore", "two")
    assert names(cli) == ["three", "two"]


def test_one_unknown_name_deletes_nothing(cli: Cli, workspace: Workspace) -> None:
    run(workspace, "one")
    assert cli("runs", "delete", "one", "nobody").code == 3
    assert names(cli) == ["one"]


def test_a_policy_deletes_what_every_rule_applies_to(cli: Cli, workspace: Workspace) -> None:
    run(workspace, "old-failed", RunStatus.FAILED, 40, team="blue")
    run(workspace, "old-kept", RunStatus.FAILED, 40, team="blue", **{TAG_PROTECTED: "1"})
    run(workspace, "old-fine", days=40, team="blue")
    run(workspace, "new-failed", RunStatus.FAILED, 1, team="blue")
    run(workspace, "old-red", RunStatus.FAILED, 40, team="red")
    policy = ("--older-than", "30d", "--status", "failed", "--tag", "team=blue", "-e", "wine")

    planned = cli.json("runs", "delete", *policy, "--dry-run")
    assert len(planned["deleted"]) == 1
    assert {v["reason"] for v in planned["plan"] if v["action"] == "keep"} >= {"it is protected"}
    out = cli.ok("runs", "delete", *policy, "--dry-run")
    assert "old-failed" in out
    assert "kept 1: it is protected" in out
    assert "would delete 1 of 5 runs" in out
    assert len(names(cli)) == 5

    assert cli("runs", "delete", *policy, "--json").code == 2, "a program has to say --yes"
    assert cli("runs", "delete", *policy, stdin="n\n").code == 1
    assert len(names(cli)) == 5
    assert cli("runs", "delete", *policy, stdin="y\n").code == 0
    assert names(cli) == ["new-failed", "old-fine", "old-kept", "old-red"]


def test_a_policy_keeps_the_last_runs(cli: Cli, workspace: Workspace) -> None:
    for number in range(4):
        run(workspace, f"r{number}")
    cli.ok("runs", "delete", "--keep-last", "2", "--yes")
    assert names(cli) == ["r2", "r3"]


def test_runs_or_a_policy_but_not_both_and_not_neither(cli: Cli, workspace: Workspace) -> None:
    run(workspace, "one")
    for line in (["runs", "delete"], ["runs", "delete", "one", "--status", "finished"]):
        answer = cli(*line)
        assert (answer.code, "--older-than" in answer.err) == (2, True)
    assert cli("runs", "delete", "--older-than", "soon").code == 2
    assert cli("runs", "delete", "--keep-best", "loss").code == 2
    assert names(cli) == ["one"]
