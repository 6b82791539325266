"""The page about the registry does what it says: its commands are run in their order, its policy is set."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from shell import Cli

from stageline import Workspace

PAGE = Path(__file__).parents[3] / "docs" / "registry.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def trained(workspace: Workspace, name: str, rmse: float) -> str:
    run = workspace.runs.create(run_name=name)
    run.log_metrics({"rmse": rmse})
    run.end()
    run_id: str = run.info.run_id
    workspace.artifacts(run_id).log_text("flavors: {}\n", "model/MLmodel")
    return run_id


def test_every_command_of_the_page_answers_as_it_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cli = Cli(str(tmp_path / "store"))
    workspace = Workspace.open(cli.url)
    for name, rmse in (("sweep-1", 0.7), ("sweep-2", 0.6)):
        trained(workspace, name, rmse)
    ran = 0
    for language, text in BLOCKS:
        if language == "yaml":
            Path(text.splitlines()[0].removeprefix("# ")).write_text(text)
        for line in text.splitlines() if language == "console" else ():
            words = shlex.split(line.removeprefix("$ stageline "), comments=True)
            expected = int(line.rpartition("exit code ")[2]) if "# exit code" in line else 0
            answer = cli(*words)
            assert answer.code == expected, (line, answer)
            ran += 1
    assert ran > 20
    held = {one.version: one.current_stage for one in workspace.registry.versions("wine")}
    assert held == {1: "Production", 2: "None", 3: "Archived"}


def test_the_python_of_the_page_runs(tmp_path: Path) -> None:
    (program,) = [text for language, text in BLOCKS if language == "python"]
    run_id = trained(Workspace.open(tmp_path), "sweep-1", 0.7)
    assert "s3://bucket/ml" in program
    exec(program.replace("s3://bucket/ml", str(tmp_path)), {"run_id": run_id})
    held = Workspace.open(tmp_path).registry.get_by_uri("models:/wine/Production")
    assert held.run_id == run_id
