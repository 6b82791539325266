"""What a project prints and begins, handed over to whoever runs it for somebody else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from stageline import Workspace
from stageline.errors import RunFailed
from stageline.projects import SubmittedRun

MakeProject = Callable[..., Path]
PROJECT = """
    entry_points:
      says:
        parameters: {api_key: string}
        command: "echo one; echo two {api_key}; echo three >&2"
      waits: {command: "exec sleep 600"}
      says-more: {command: "echo of a step"}
    steps: [{name: first, entry_point: says-more, code: []}]
"""


def test_lines_are_handed_over_without_secrets_and_not_shown_here(
    workspace: Workspace, make_project: MakeProject, capfd: pytest.CaptureFixture[str]
) -> None:
    heard: list[tuple[str, str]] = []
    workspace.projects.run(
        make_project(MLproject=PROJECT),
        "says",
        {"api_key": "hunter2-of-mine"},
        env_manager="local",
        output=lambda stream, text: heard.append((stream, text)),
    )
    by_stream = {
        name: "".join(text for stream, text in heard if stream == name)
        for name in ("stdout", "stderr")
    }
    assert by_stream["stdout"].startswith("one\ntwo ")
    assert by_stream["stderr"] == "three\n"
    assert "hunter2" not in by_stream["stdout"]
    assert "two" not in "".join(capfd.readouterr())


def test_another_thread_can_cancel_what_has_begun(
    workspace: Workspace, make_project: MakeProject
) -> None:
    def cancel_soon(submitted: SubmittedRun) -> None:
        threading.Thread(target=submitted.cancel, args=("enough",)).start()

    with pytest.raises(RunFailed, match=r"is KILLED \(enough\)"):
        workspace.projects.run(
            make_project(MLproject=PROJECT), "waits", env_manager="local", begun=cancel_soon
        )


def test_of_steps_the_run_of_all_is_told(workspace: Workspace, make_project: MakeProject) -> None:
    begun: list[str] = []
    heard: list[str] = []
    submitted = workspace.projects.run(
        make_project(MLproject=PROJECT),
        env_manager="local",
        output=lambda stream, text: heard.append(text),
        begun=lambda run: begun.append(run.run_id),
    )
    assert begun == [submitted.run_id]
    assert heard == ["of a step\n"]
