"""One who follows a page: runs its blocks in order, in an empty folder, with a store that nobody has used.

A bucket that a page names is a folder here. `pip install` is believed if the distribution and its extra are ours.
"""

from __future__ import annotations

import doctest
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomllib
import yaml
from doc_blocks import ROOT, Block, Command, commands
from processes import WITHIN_S, until
from typer.testing import CliRunner

import stageline
from stageline.cli.main import app

_OUTPUT = doctest.OutputChecker()
_LOOSE = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_BUCKET = re.compile(r"\b(?:s3|gs|az)://(?=[\w-]+)")
_FOR_A_SHELL = re.compile(r"[|<>;&`]|\$\(|\$\{?\w")


class Reader:
    """Where a page has got to. `names` are of its Python; `instead` has what stands here for words of the page."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.instead: dict[str, str] = {}
        self._patch = monkeypatch
        self._beside: list[subprocess.Popen[bytes]] = []
        monkeypatch.chdir(folder)
        monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")

    def bucket(self, url: str) -> Path:
        """The folder that stands for a bucket."""
        return self.folder / "buckets" / _BUCKET.sub("", url)

    def choose(self, workspace: stageline.Workspace) -> None:
        """Let this be the store of all that follows."""
        self._patch.setenv("STAGELINE_STORE", str(workspace.store.url))

    def here(self, text: str) -> str:
        """The text of a page, with what stands here for its words."""
        for word, instead in self.instead.items():
            text = text.replace(word, instead)
        return _BUCKET.sub(lambda _: f"{self.folder}/buckets/", text)

    def follow(self, block: Block) -> None:
        """Do what a block says; what it gets wrong is an assertion, or the error itself."""
        text = self.here(block.text)
        if block.file is not None:
            path = Path(block.file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        if block.language in ("console", "bash"):
            found = [Command(text, "", 0)] if block.language == "bash" else commands(text)
            assert found, f"{block.place}: no command begins with `$ `"
            for command in found:
                self._do(command, block)
        elif block.language == "python" and block.file is None:
            self._execute(text, block)
        else:
            look_over(block)

    def _execute(self, text: str, block: Block) -> None:
        began = stageline.active_run()
        exec(compile("\n" * (block.line - 1) + text, block.page, "exec"), self.names)
        if began is None:  # a run ends with its program at the latest
            stageline.end_run()

    def _do(self, command: Command, block: Block) -> None:
        words = shlex.split(command.text)
        if words[:2] == ["pip", "install"]:
            self.install(words[2:], block)
            return
        if words[0] == "export" and "$" not in command.text:
            for one in words[1:]:
                self._patch.setenv(*one.split("=", 1))
            return
        if words[0] == "cd":
            self._patch.chdir(words[1])
            return
        if words[-1] == "&":
            self._begin(words[:-1], block)
            return
        plain = not _FOR_A_SHELL.search(re.sub(r"'[^']*'|\"[^\"$]*\"", "", command.text))
        code, printed = (
            self.stageline(words) if words[0] == "stageline" and plain else self.shell(command.text)
        )
        assert code == command.exit_code, f"{block.place}: {command.text} gave {code}: {printed}"
        if command.prints:
            alike = _OUTPUT.check_output(f"{command.prints}\n", f"{printed.strip()}\n", _LOOSE)
            assert alike, (
                f"{block.place}: {command.text} printed\n{printed}\nand not\n{command.prints}"
            )

    def _begin(self, words: list[str], block: Block) -> None:
        """Let a program run beside the page; go on when it has said something."""
        log = self.folder / f"log-{block.line}"
        with log.open("wb") as out:
            process = subprocess.Popen(words, stdout=out, stderr=out, start_new_session=True)
        self._beside.append(process)
        until(
            lambda: process.poll() is not None or log.stat().st_size > 0, f"{words} says something"
        )
        assert process.poll() is None, f"{block.place}: {log.read_text()}"

    def close(self) -> None:
        """End what runs beside the page."""
        for process in self._beside:
            process.terminate()
            try:
                process.wait(WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(WITHIN_S)

    def install(self, words: list[str], block: Block) -> None:
        """What a page says is to be installed: it is there, if it is ours."""
        _check_install(words, block)

    def stageline(self, words: list[str]) -> tuple[int, str]:
        """Exit code and output of a command of ours."""
        result = CliRunner().invoke(app, words[1:], input="y\n")
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.output

    def shell(self, line: str) -> tuple[int, str]:
        """Exit code and output of a line of bash."""
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, timeout=4 * WITHIN_S
        )
        return done.returncode, done.stdout + done.stderr


def look_over(block: Block) -> None:
    """What can be known of a block without running it: that it parses, and names commands that there are."""
    if block.language == "python":
        compile(block.text, block.place, "exec")
    elif block.language == "json":
        json.loads(block.text)
    elif block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "yaml":
        assert isinstance(yaml.safe_load(block.text), dict | list)
    elif block.language in ("console", "bash"):
        for command in commands(block.text):
            _look_over_command(command, block)
    else:
        assert block.language == "text", (
            f"{block.place}: nobody knows how to read {block.language!r}"
        )


def _look_over_command(command: Command, block: Block) -> None:
    words = shlex.split(command.text)
    while words and re.match(r"[A-Z_]+=", words[0]):
        words.pop(0)
    if words[0] == "stageline":
        parse(words[1:])
    elif words[:2] == ["pip", "install"]:
        _check_install(words[2:], block)
    elif words[0] == "make":
        targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
        assert len(words) == 1 or words[1] in targets, f"{block.place}: no target {words[1]!r}"


def parse(words: list[str]) -> None:
    """Let the command line read its words, and do nothing. Raises `click.UsageError`."""
    import click
    from typer.main import get_command

    command: Any = get_command(app)
    context = None
    while True:
        context = command.make_context(command.name or "stageline", list(words), parent=context)
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not isinstance(command, click.Group) or not rest:
            return
        _, command, words = command.resolve_command(context, rest)


def _check_install(words: list[str], block: Block) -> None:
    for word in words:
        name, _, extras = word.rstrip("]").partition("[")
        folder = {
            "stageline": "core",
            "prefect-stageline": "integrations/prefect",
            "airflow-provider-stageline": "integrations/airflow",
        }.get(name)
        assert folder, f"{block.place}: {word} is not ours to install"
        project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
        assert project["name"] == name
        there = {*project.get("optional-dependencies", {})}
        assert {one for one in extras.split(",") if one} <= there, f"{block.place}: {word}"
