"""Experiments from the command line."""

from __future__ import annotations

from shell import Cli

from stageline import Workspace


def names(cli: Cli, *args: str) -> set[str]:
    return {found["name"] for found in cli.json("experiments", *args)["experiments"]}


def test_an_experiment_is_made_renamed_tagged_deleted_and_restored(cli: Cli) -> None:
    made = cli.json("experiments", "create", "wine", "--tag", "team=blue")
    assert made["tags"] == {"team": "blue"}
    assert cli.json("experiments", "rename", "wine", "beer")["name"] == "beer"
    assert cli.json("experiments", "tag", "beer", "note=a=b", "--remove", "team")["tags"] == {
        "note": "a=b"
    }
    assert "note=a=b" in cli.ok("experiments", "list")

    assert cli.json("experiments", "delete", "beer")["lifecycle_stage"] == "deleted"
    assert names(cli, "list") == {"Default"}
    assert names(cli, "list", "--deleted") == {"beer"}
    assert cli.json("experiments", "restore", made["experiment_id"])["lifecycle_stage"] == "active"


def test_an_experiment_shows_how_its_runs_stand(cli: Cli, workspace: Workspace) -> None:
    for status in ("FINISHED", "FINISHED", "FAILED"):
        workspace.runs.create(experiment_name="wine").end(status)
    assert cli.json("experiments", "show", "wine")["runs"] == {"FINISHED": 2, "FAILED": 1}
    assert "1 FAILED, 2 FINISHED" in cli.ok("experiments", "show", "wine")


def test_experiments_are_searched(cli: Cli) -> None:
    for name in ("wine-red", "wine-white", "beer"):
        cli.ok("experiments", "create", name)
    assert names(cli, "search", "name LIKE 'wine%'") == {"wine-red", "wine-white"}
    assert "no such experiments" in cli.ok("experiments", "search", "name = 'gin'")


def test_a_typo_is_answered_with_the_nearest_name(cli: Cli) -> None:
    cli.ok("experiments", "create", "wine")
    answer = cli("experiments", "show", "wnie")
    assert (answer.code, "did you mean 'wine'?" in answer.err) == (3, True)


def test_bad_input_changes_nothing(cli: Cli) -> None:
    cli.ok("experiments", "create", "wine")
    assert cli("experiments", "create", "wine").code == 4
    assert cli("experiments", "create", " ").code == 2
    assert cli("experiments", "tag", "wine", "no-equals").code == 2
    assert cli("experiments", "tag", "wine").code == 2
    assert cli("experiments", "tag", "wine", "--remove", "absent").code == 3
    assert cli("experiments", "delete", "Default").code == 2
    assert cli("experiments", "restore", "wine").code == 2
    assert names(cli, "list") == {"Default", "wine"}
