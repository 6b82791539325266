"""`stageline run`, as people and programs type it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import Script

from stageline import RunStatus, Workspace

PROJECT = """
    entry_points:
      main:
        parameters: {alpha: {type: float, default: 0.5}}
        command: 'echo "alpha is {alpha}"'
      fail: {command: exit 3}
"""
MakeProject = Callable[..., Path]
CommandLine = Callable[..., Script]


def said(process: Script) -> tuple[int, str, str]:
    with process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_output_is_the_projects_and_what_is_said_beside_it_is_not(
    workspace: Workspace, make_project: MakeProject, command_line: CommandLine
) -> None:
    folder = make_project(MLproject=PROJECT)
    code, out, err = said(
        command_line("run", str(folder), "-P", "alpha=0.48", "--run-name", "r", "--experiment-name", "wine")
    )  # fmt: skip
    assert (code, out) == (0, "alpha is 0.48\n")
    experiment = workspace.experiments.get_by_name("wine")
    (run,) = workspace.search_runs([experiment.experiment_id])
    assert err.splitlines() == [
        f'run {run.info.run_id}: echo "alpha is 0.48"',
        f"run {run.info.run_id} is finished",
    ]
    assert run.info.run_name == "r"
    assert run.data.params == {"alpha": "0.48"}


def test_json_is_the_run_and_the_output_goes_aside(
    make_project: MakeProject, command_line: CommandLine
) -> None:
    code, out, err = said(command_line("run", str(make_project(MLproject=PROJECT)), "--json"))
    assert code == 0
    document = json.loads(out)
    assert document["params"] == {"alpha": "0.5"}
    assert "alpha is 0.5\n" in err


def test_failure_is_an_exit_code_and_a_sentence(
    make_project: MakeProject, command_line: CommandLine
) -> None:
    code, out, err = said(command_line("run", str(make_project(MLproject=PROJECT)), "-e", "fail"))
    assert (code, out) == (11, "")
    assert "is FAILED (exit code 3): `stageline runs show" in err.splitlines()[-1]


def test_dry_run_shows_the_command_and_its_environment_and_records_nothing(
    workspace: Workspace, make_project: MakeProject, command_line: CommandLine
) -> None:
    folder = make_project(MLproject=PROJECT)
    code, out, _ = said(
        command_line(
            "run", str(folder), "--dry-run", "-P", "x=a b", "--env-manager", "local",
            STAGELINE_STORAGE_OPTIONS='{"secret": "hush"}',
        )
    )  # fmt: skip
    assert code == 0
    assert 'echo "alpha is 0.5" --x' in out
    assert f"STAGELINE_STORE={workspace.settings.store}" in out
    assert str(folder) in out
    assert "hush" not in out
    assert not Path(workspace.settings.store).exists()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["-P", "alpha"], "expected -P NAME=VALUE"),
        (["-P", "alpha=1", "-P", "alpha=2"], "-P alpha is given twice"),
        (["-c", "{"], "--backend-config is not JSON"),
        (["-c", "gone.json"], "gone.json can not be read"),
        (["-e", "gone"], "no entry point 'gone'"),
        (["-b", "moon"], "no backend 'moon'"),
    ],
)
def test_what_is_typed_wrong_is_told(
    make_project: MakeProject, command_line: CommandLine, arguments: list[str], match: str
) -> None:
    code, out, err = said(command_line("run", str(make_project(MLproject=PROJECT)), *arguments))
    assert (code, out) == (2, "")
    assert match in err


def test_reader_who_goes_away_does_not_end_the_run(
    workspace: Workspace, make_project: MakeProject, command_line: CommandLine
) -> None:
    folder = make_project(
        MLproject="entry_points: {main: {command: 'for i in $(seq 20000); do echo $i; done'}}"
    )
    with command_line("run", str(folder)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        process.wait(timeout=60)
        assert process.stderr is not None
        process.stderr.read()
    (run,) = workspace.search_runs(["0"])
    assert run.info.status is RunStatus.FINISHED
    kept = workspace.artifacts(run.info.run_id).read("project/output.txt")
    assert kept.endswith(b"\n20000\n")


def test_run_inside_of_a_run_is_its_child(
    workspace: Workspace, make_project: MakeProject, command_line: CommandLine
) -> None:
    folder = make_project(MLproject=PROJECT)
    with workspace.runs.create() as parent:
        assert said(command_line("run", str(folder), STAGELINE_RUN_ID=parent.run_id))[0] == 0
    child, _ = workspace.search_runs(["0"], order_by=["start_time DESC"])
    assert child.parent_run_id == parent.run_id
