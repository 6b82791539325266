"""The copy of docs/how-to/backup.md, taken while others train and promote: it opens, and nothing in it is missing."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from doc_blocks import ROOT, blocks
from processes import WITHIN_S, start, until
from servers import S3Server
from typer.testing import CliRunner

from stageline import Workspace
from stageline.cli.main import app
from stageline.domain.model import ModelVersion
from stageline.domain.run import RunStatus

WRITER = """
    import sys, time
    from pathlib import Path
    from stageline import Workspace
    workspace, name, go = Workspace.open(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    for turn in range(1, 5):
        while turn == 3 and not go.exists():
            time.sleep(0.01)
        with workspace.runs.create(experiment_name=name) as run:
            for step in range(20):
                run.log_metrics({"rmse": 1 / (step + 1)}, step=step)
            artifacts = workspace.artifacts(run.run_id)
            artifacts.log_text("flavors: {}\\n", "model/MLmodel")
            artifacts.log_text(str(turn) * 1000, "model/weights")
        workspace.registry.register(name, run_id=run.run_id, artifact_path="model")
        workspace.registry.transition(name, turn, "Production", archive_existing=True)
        print(turn, flush=True)
"""
NAMES = ("wine", "cider")


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The program of the page."""
    (text,) = [
        one.text
        for one in blocks(ROOT / "docs" / "how-to" / "backup.md")
        if one.file == "copy_store.py"
    ]
    path = tmp_path / "copy_store.py"
    path.write_text(text)
    return path


@pytest.fixture(params=["folder", "seaweedfs"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[str, str]]:
    """Where the store is, and where its copy goes."""
    monkeypatch.setenv("STAGELINE_SPOOL", str(tmp_path / "spool"))
    if request.param == "folder":
        yield str(tmp_path / "live"), str(tmp_path / "copy")
        return
    server: S3Server = request.getfixturevalue("seaweedfs_server")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    bucket = server.new_bucket()
    yield f"{bucket}/live", f"{bucket}/copy"


def test_a_copy_of_a_store_in_use_opens_and_lacks_no_file(
    place: tuple[str, str], script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, copy = place
    go = tmp_path / "go"
    with ExitStack() as stack:
        writers = [stack.enter_context(start(WRITER, live, name, str(go))) for name in NAMES]
        for writer in writers:
            assert writer.stdout is not None
            assert [writer.stdout.readline() for _ in range(2)] == ["1\n", "2\n"]
        copier = stack.enter_context(start(script.read_text(), live, copy))
        there = Workspace.open(copy).store
        until(lambda: bool(there.list("registry/")), "the copy has begun")
        go.touch()
        told = [one.communicate(timeout=WITHIN_S) for one in (copier, *writers)]
        assert [one.returncode for one in (copier, *writers)] == [0, 0, 0], told
    assert len(check(copy)) == 4, "what was registered when the copy began"
    take(script, live, copy, monkeypatch)
    assert len(check(copy)) == 8


def take(script: Path, live: str, copy: str, patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sys, "argv", [str(script), live, copy])
    runpy.run_path(str(script))


def check(url: str) -> list[ModelVersion]:
    """All that the page says of a copy; its versions."""
    compacted = stageline("compact", "--rebuild", "--store", url, "--json")
    assert {one["name"] for one in compacted["experiments"]} >= {*NAMES}
    workspace = Workspace.open(url)
    found = []
    for name in NAMES:
        assert workspace.registry.verify(name).is_intact
        versions = workspace.registry.versions(name)
        assert [one.current_stage for one in versions].count("Production") <= 1
        experiment = workspace.experiments.get_by_name(name)
        listed = {one.info.run_id for one in workspace.search_runs([experiment.experiment_id])}
        for version in versions:
            assert version.run_id in listed
            assert workspace.runs.get(version.run_id).info.status is RunStatus.FINISHED
            assert len(workspace.runs.metric_history(version.run_id, "rmse")) == 20
            assert workspace.artifacts(version.run_id).read("model/weights"), (
                "checked by its digest"
            )
        found += versions
    return found


def stageline(*words: str) -> dict[str, Any]:
    result = CliRunner().invoke(app, [*words])
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told
