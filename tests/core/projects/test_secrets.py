"""Secrets among the parameters of a project reach its command, and nothing that is recorded or shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from processes import Script

from stageline import Workspace
from stageline.errors import RunFailed

SECRET = "it's hunter2-zq8"
PROJECT = """
    entry_points:
      main:
        parameters: {db_password: string, max_tokens: float, url: string}
        command: 'test {db_password} = "$EXPECTED" && exit; echo wrong {db_password} >&2; false'
      broken: {parameters: {db_password: string}, command: "if {db_password}; fi"}
    steps:
      - {name: main, outputs: []}
"""
GIVEN = {
    "db_password": SECRET,
    "max_tokens": "512",
    "url": "https://ann:pw-of-ann@host/x",
    "api_key": "key-of-ann",
}
MakeProject = Callable[..., Path]


def everything(workspace: Workspace) -> bytes:
    """All bytes of the store."""
    root = Path(workspace.settings.store)
    return b"\n".join(path.read_bytes() for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("expected", [SECRET, "another"])
def test_secret_reaches_the_command_and_not_the_store(
    workspace: Workspace, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, expected: str
) -> None:
    monkeypatch.setenv("EXPECTED", expected)
    folder = make_project(MLproject=PROJECT)
    said: list[str] = []
    if expected == SECRET:
        workspace.projects.run(folder, "main", GIVEN, say=said.append)
    else:
        with pytest.raises(RunFailed, match="exit code 1"):
            workspace.projects.run(folder, "main", GIVEN, say=said.append)
    (run,) = workspace.search_runs(["0"])
    assert run.data.params == {
        "db_password": "***",
        "max_tokens": "512",
        "url": "https://***@host/x",
        "api_key": "***",
    }
    for secret in ("hunter2", "pw-of-ann", "key-of-ann"):
        assert secret.encode() not in everything(workspace)
        assert secret not in "\n".join(said)


def test_reason_does_not_tell_a_secret_that_was_said_last(
    workspace: Workspace, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPECTED", "another")
    with pytest.raises(RunFailed, match=r"exit code 1: wrong \*\*\*") as caught:
        workspace.projects.run(make_project(MLproject=PROJECT), "main", GIVEN)
    assert "hunter2" not in str(caught.value)
    (run,) = workspace.search_runs(["0"])
    assert run.info.reason == "exit code 1: wrong ***"


def test_line_that_bash_repeats_is_kept_without_the_secret(
    workspace: Workspace, make_project: MakeProject
) -> None:
    with pytest.raises(RunFailed) as caught:
        workspace.projects.run(make_project(MLproject=PROJECT), "broken", {"db_password": SECRET})
    (run,) = workspace.search_runs(["0"])
    kept = workspace.artifacts(run.info.run_id).read("project/output.txt").decode()
    assert "syntax error" in kept
    assert "***" in kept
    lines = "".join(line.text for line in workspace.runs.output(run.info.run_id))
    assert "hunter2" not in kept + lines + str(caught.value)


def test_secret_of_a_step_is_in_no_plan_and_no_cache(
    workspace: Workspace, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPECTED", SECRET)
    folder = make_project(MLproject=PROJECT)
    given = {name: value for name, value in GIVEN.items() if name != "api_key"}
    told = workspace.projects.describe(folder, parameters=given)
    workspace.projects.run(folder, parameters=given)
    given["main.api_key"] = "key-of-ann"
    workspace.projects.run(folder, parameters=given)
    told += workspace.projects.describe(folder, parameters={**given, "max_tokens": "1"})
    for secret in ("hunter2", "pw-of-ann", "key-of-ann"):
        assert secret.encode() not in everything(workspace)
        assert secret not in told


def test_dry_run_shows_no_secret(
    make_project: MakeProject, command_line: Callable[..., Script]
) -> None:
    values = [part for name, value in GIVEN.items() for part in ("-P", f"{name}={value}")]
    with command_line(
        "run", str(make_project(MLproject=PROJECT)), "-e", "main", "--dry-run", *values
    ) as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "--api_key" in out
    assert "***" in out
    for secret in ("hunter2", "pw-of-ann", "key-of-ann"):
        assert secret not in out + err
