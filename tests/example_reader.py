"""One who has copied `examples/` into an empty folder, and follows the README of one of them by processes of their own.

A package that a README installs is put on the path as `pip install` would put it there, out of its own
pyproject.toml: to build it takes a backend from an index.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
import tomllib
from doc_blocks import ROOT, Block
from doc_reader import Reader

MADE_BY_RUNNING = shutil.ignore_patterns("__pycache__", "mlstore")
WITHIN_S = 480.0


class ExampleReader(Reader):
    """Where a README has got to."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, monkeypatch)
        shutil.copytree(ROOT / "examples", folder / "examples", ignore=MADE_BY_RUNNING)
        self._site = folder / "site"
        self._site.mkdir()
        monkeypatch.setenv("PYTHONPATH", str(self._site))
        monkeypatch.setenv("COLUMNS", "160")

    def install(self, words: list[str], block: Block) -> None:
        """Put a package of an example where Python finds it, with its entry points."""
        if not words[0].startswith("examples/"):
            super().install(words, block)
            return
        (folder,) = (Path(word) for word in words)
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        modules = sorted(
            file.name for file in folder.glob("*.py") if _is_named(file, project["entry-points"])
        )
        assert modules, f"{block.place}: {folder} has nothing of what its entry points name"
        for module in modules:
            shutil.copy(folder / module, self._site)
        name, version = project["name"].replace("-", "_"), project["version"]
        info = self._site / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {version}\n"
        )
        (info / "RECORD").write_text("".join(f"{module},,\n" for module in modules))
        (info / "entry_points.txt").write_text(
            "".join(
                f"[{group}]\n" + "".join(f"{key} = {value}\n" for key, value in named.items())
                for group, named in project["entry-points"].items()
            )
        )

    def stageline(self, words: list[str]) -> tuple[int, str]:
        """As a user's shell runs it: what was installed is found, and nothing is kept from one command to the next."""
        return self.shell(shlex.join(words))

    def shell(self, line: str) -> tuple[int, str]:
        """What a line of bash printed, warnings of libraries left out."""
        environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        with subprocess.Popen(
            ["bash", "-c", line],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        ) as process:
            try:
                printed, complaints = process.communicate(timeout=WITHIN_S)
            except BaseException:  # whatever happens, Spark and Airflow leave no process behind
                os.killpg(process.pid, signal.SIGKILL)
                raise
        return process.returncode, printed or complaints


def _is_named(file: Path, entry_points: dict[str, dict[str, str]]) -> bool:
    return any(
        value.partition(":")[0] == file.stem
        for named in entry_points.values()
        for value in named.values()
    )
