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


def test_image_that_is_built_holds_the_code_and_sees_no_folder_of_it(
    workspace: Workspace, make_project: MakeProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker, calls = tmp_path / "bin" / "docker", tmp_path / "calls"
    docker.parent.mkdir()
    docker.write_text(DOCKER)
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(calls))
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
