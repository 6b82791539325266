"""`--build-image`: a project's container with its code inside, by a program that stands in for docker."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from stageline import RunStatus, Workspace

DOCKER = """#!/bin/bash
echo "$@" >> "$CALLS"
case "$1" in
  build) cat "${4#--file=}" >> "$CALLS" ;;
  image) echo sha256:cd ;;
  run) exec bash -c "${@: -1}" ;;
esac
"""
MakeProject = Callable[..., Path]


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What docker was asked."""
    docker, calls = tmp_path / "bin" / "docker", tmp_path / "calls"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(calls))
    return calls


def test_container_sees_the_files_that_its_parameters_name(
    workspace: Workspace, make_project: MakeProject, calls: Path
) -> None:
    folder = make_project(
        MLproject="""
            docker_env: {image: 'team/base:1'}
            entry_points:
              main:
                parameters: {own: {type: path, default: a.csv}, fetched: path}
                command: "cat {own} {fetched}"
              none: {command: "true"}
        """,
        a_csv="1",
    )
    with workspace.runs.create() as made:
        workspace.artifacts(made.run_id).log_text("2", "b.csv")
    given = {"fetched": f"runs:/{made.run_id}/b.csv"}
    workspace.projects.run(folder, "main", given)
    line, *_ = [one for one in calls.read_text().splitlines() if one.startswith("run ")]
    fetched = line.split()[-1].partition("/param_")[0]
    assert f"--volume={folder}:{folder} --volume={fetched}:{fetched} " in line
    calls.unlink()
    workspace.projects.run(folder, "none")
    assert f"--volume={folder}:{folder}" not in calls.read_text()


def test_image_that_is_built_holds_the_code_and_sees_no_folder_of_it(
    workspace: Workspace, make_project: MakeProject, calls: Path
) -> None:
    folder = make_project(
        MLproject="""
            name: A demo
            docker_env: {image: 'team/base:1'}
            entry_points: {main: {command: echo hello}}
        """
    )
    submitted = workspace.projects.run(folder, build_image=True, docker_args={"gpus": "all"})
    run = workspace.runs.get(submitted.run_id)
    assert run.info.status is RunStatus.FINISHED
    name = f"a-demo:{submitted.run_id}"
    assert run.data.tags["mlflow.docker.image.uri"] == name
    said = calls.read_text()
    assert "FROM team/base:1\nCOPY . /mlflow/projects/code/\n" in said
    (line,) = [one for one in said.splitlines() if one.startswith("run ")]
    assert "--gpus all" in line
    assert f" {name} bash -c echo hello" in line
    assert f"{folder}:" not in line
    assert "--workdir=/mlflow/projects/code" in line
