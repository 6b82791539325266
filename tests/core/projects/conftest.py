"""What the tests of running projects share: a project to write, a store, and the command line as a process."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cluster_project import PROJECT, TEMPLATE, TRAIN
from jobs_api import FakeCluster
from processes import Script

from stageline import Workspace

MakeProject = Callable[..., Path]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"))


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Writes files, given by name, into a folder; `MLproject` for the one without a dot."""

    def make(**files: str) -> Path:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            path = folder / ("MLproject" if name == "MLproject" else name.replace("_", ".", 1))
            path.write_text(textwrap.dedent(text))
        return folder

    return make


@pytest.fixture
def command_line(workspace: Workspace) -> Callable[..., Script]:
    """`stageline`, started as a process of its own on the store of the test."""

    def start(*arguments: str, **environment: str) -> Any:
        return Script(
            [sys.executable, "-c", "from stageline.cli.main import main; main()", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "STAGELINE_STORE": workspace.settings.store,
                "STAGELINE_CACHE": workspace.settings.cache,
                **environment,
            },
        )

    return start


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    return make_project(MLproject=PROJECT, train_py=TRAIN)


@pytest.fixture
def cluster(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCluster]:
    server = FakeCluster(folder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
    yield server
    server.close()
    thread.join()


@pytest.fixture
def config(workspace: Workspace, tmp_path: Path) -> dict[str, Any]:
    template = tmp_path / "job.yaml"
    template.write_text(TEMPLATE.replace("STORE", str(Path(workspace.settings.store).parent)))
    return {"kube-job-template-path": str(template), "kube-context": "tests", "poll-s": 0.05}
