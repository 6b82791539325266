"""Launchers of third parties: found by entry point, given a job, asked for its exit."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from stageline import RunStatus, Workspace
from stageline.errors import InvalidInput, RunFailed

MakeProject = Callable[..., Path]

MOON = """
from stageline.projects.launching import Exit

def describe(job):
    return f"fly {job.command} with {job.options['crew']}"

def launch(job):
    if job.options.get("crew") is None:
        raise RuntimeError("no crew")
    return Flight(job)

class Flight:
    def __init__(self, job):
        self.job = job
    def run(self):
        self.job.write("stdout", "landed\\n")
        self.job.set_tags({"moon.run": self.job.variables["STAGELINE_RUN_ID"]})
        return Exit(self.job.options["code"])
    def stop(self, number=15):
        pass
"""


@pytest.fixture(autouse=True)
def moon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package that is installed as any other, with two launchers, one of which is none."""
    site = tmp_path / "site"
    about = site / "moon-1.0.dist-info"
    about.mkdir(parents=True)
    (site / "moon_launcher.py").write_text(MOON)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: moon\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[stageline.launchers]\nmoon = moon_launcher\nempty = json\ngone = no_such_module\n"
    )
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    monkeypatch.delitem(sys.modules, "moon_launcher", raising=False)


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    return make_project(
        MLproject="entry_points: {main: {command: 'echo {a}', parameters: {a: string}}}"
    )


def test_job_says_all_that_a_launcher_needs(workspace: Workspace, folder: Path) -> None:
    config = {"crew": 3, "code": 0}
    how = {"parameters": {"a": "x y"}, "backend": "moon", "backend_config": config}
    assert workspace.projects.describe(folder, **how) == "fly echo 'x y' with 3"  # type: ignore[arg-type]
    submitted = workspace.projects.run(folder, **how)  # type: ignore[arg-type]
    run = workspace.runs.get(submitted.run_id)
    assert run.info.status is RunStatus.FINISHED
    assert run.data.tags["moon.run"] == submitted.run_id
    assert run.data.tags["mlflow.project.backend"] == "moon"
    assert [line.text for line in workspace.runs.output(submitted.run_id)] == ["landed\n"]


def test_exit_of_a_launcher_ends_the_run(workspace: Workspace, folder: Path) -> None:
    with pytest.raises(RunFailed, match="exit code 4"):
        workspace.projects.run(
            folder, parameters={"a": 1}, backend="moon", backend_config={"crew": 1, "code": 4}
        )


@pytest.mark.parametrize(("config", "error"), [({}, RuntimeError), ({"crew": 1}, RunFailed)])
def test_launcher_that_breaks_leaves_no_run_open(
    workspace: Workspace, folder: Path, config: dict[str, int], error: type[Exception]
) -> None:
    with pytest.raises(error):
        workspace.projects.run(folder, parameters={"a": 1}, backend="moon", backend_config=config)
    (run,) = workspace.search_runs(["0"])
    assert run.info.status is RunStatus.FAILED
    assert run.info.reason in ("RuntimeError: no crew", "KeyError: 'code'")


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("sun", "there are empty, gone, kubernetes, local, moon"),
        ("empty", "json is no launcher"),
        ("gone", "needs no_such_module"),
    ],
)
def test_what_is_no_launcher_is_refused(
    workspace: Workspace, folder: Path, name: str, match: str
) -> None:
    with pytest.raises(InvalidInput, match=match):
        workspace.projects.run(folder, parameters={"a": 1}, backend=name)
