"""Keeping a store in order: what is sent, folded, collected, and proved."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from processes import run as run_script
from servers import S3Server
from shell import Cli

from stageline import Workspace
from stageline.storage import layout
from stageline.storage.keys import TEMPORARY


def run(workspace: Workspace, name: str) -> str:
    with workspace.runs.create(run_name=name) as opened:
        opened.log_metric("loss", 1.0)
    return opened.run_id


def test_a_sound_store_keeps_every_promise(cli: Cli, url: str) -> None:
    found = cli.json("doctor")
    assert found["ok"] is True
    assert {finding["ok"] for finding in found["findings"]} == {True}
    assert "BROKEN" not in cli.ok("doctor", url)


def test_a_store_that_can_not_be_reached_is_told_by_the_exit_code(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    answer = cli("doctor", str(tmp_path / "file"))
    assert answer.code == 1
    assert "BROKEN" in answer.out


def test_a_url_that_nothing_opens_is_bad_input(cli: Cli) -> None:
    assert cli("doctor", "nosuchscheme://bucket").code == 2


def test_compacting_changes_no_answer(cli: Cli, workspace: Workspace) -> None:
    for name in ("one", "two"):
        run(workspace, name)
    before = cli.json("runs", "list")
    (folded,) = [e for e in cli.json("compact")["experiments"] if e["experiment_id"] == "0"]
    assert folded["folded"] == 2
    assert cli.json("compact")["experiments"][0]["folded"] == 0
    assert cli.json("runs", "list") == before
    assert cli.json("compact", "--rebuild")["experiments"][0]["rebuilt"] is True
    assert cli.json("runs", "list") == before
    assert "Default" in cli.ok("compact")


def test_a_deleted_run_is_gone_after_two_calls(cli: Cli, workspace: Workspace) -> None:
    kept, dead = run(workspace, "kept"), run(workspace, "dead")
    cli.ok("runs", "delete", "dead")
    soon = ("--older-than", "0h", "--grace", "0h")

    assert cli.json("gc")["noted"]["runs"] == [], "it was deleted just now"
    planned = cli.json("gc", *soon, "--dry-run")
    assert (planned["noted"]["runs"], planned["deleted"]["runs"]) == ([dead], [])
    assert cli.json("gc", *soon, "--yes")["noted"]["runs"] == [dead]

    assert cli("gc", *soon, "--json").code == 2, "a program has to say --yes"
    assert cli("gc", *soon, stdin="n\n").code == 1
    assert workspace.store.list(layout.run_folder(dead))
    answer = cli("gc", *soon, stdin="y\n")
    assert (answer.code, "deleted 1 runs" in answer.out) == (0, True)
    assert not workspace.store.list(layout.run_folder(dead))
    assert [found["run_id"] for found in cli.json("runs", "list")["runs"]] == [kept]


def test_what_was_restored_in_between_is_told(cli: Cli, workspace: Workspace) -> None:
    run_id = run(workspace, "one")
    soon = ("--older-than", "0h", "--grace", "0h", "--yes")
    cli.ok("runs", "delete", "one")
    cli.ok("gc", *soon)
    cli.ok("runs", "restore", "one")
    assert f"kept {run_id}: it was restored" in cli.ok("gc", *soon)


def test_temporary_files_of_the_dead_are_removed(local_cli: Cli) -> None:
    run(Workspace.open(local_cli.url), "one")
    left = Path(local_cli.url, "runs", f"{TEMPORARY}0123")
    left.write_bytes(b"half")
    two_days_ago = time.time() - 2 * 86_400
    os.utime(left, (two_days_ago, two_days_ago))
    assert local_cli.json("gc", "--dry-run")["temporary_files"] == [str(left)]
    assert left.exists()
    local_cli.ok("gc", "--yes")
    assert not left.exists()


@pytest.mark.parametrize("line", [["gc", "--grace", "soon"], ["gc", "--older-than", "-1d"]])
def test_an_age_that_is_none_is_bad_input(cli: Cli, line: list[str]) -> None:
    answer = cli(*line)
    assert (answer.code, "30d" in answer.err) == (2, True)


def test_sync_has_nothing_to_send_from_a_store_that_holds_its_logs(cli: Cli) -> None:
    assert "nothing waits" in cli.ok("sync")
    assert cli.json("sync") == {"shipped": []}


def test_sync_sends_what_a_dead_process_kept(
    moto_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {
        "STAGELINE_STORE": moto_server.new_place(),
        "STAGELINE_STORAGE_OPTIONS": json.dumps(moto_server.options),
        "STAGELINE_SPOOL": str(tmp_path / "spool"),
    }
    script = """
        import os, stageline
        stageline.start_run(run_name="lost")
        stageline.log_metric("loss", 0.5)
        os._exit(9)
    """
    run_script(script, **environment)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    cli = Cli(environment["STAGELINE_STORE"])
    (shipped,) = cli.json("sync")["shipped"]
    assert "is gone" in shipped["reason"]
    shown = cli.json("runs", "show", "lost")
    assert (shown["status"], shown["metrics"]) == ("KILLED", {"loss": 0.5})
    assert "nothing waits" in cli.ok("sync")
