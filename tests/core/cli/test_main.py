"""The line as a whole: help, options anywhere, errors as one line and an exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from shell import Cli
from typer.testing import CliRunner

from stageline import Workspace, errors
from stageline.cli.main import app
from stageline.errors import StagelineError, reaction

COMMANDS = {
    "": ("run", "sync", "compact", "gc", "doctor", "server", "ui"),
    "runs": (
        *("list", "search", "show", "compare", "tail", "wait"),
        *("reap", "delete", "restore", "tag"),
    ),
    "experiments": ("list", "search", "show", "create", "rename", "tag", "delete", "restore"),
    "artifacts": ("list", "download", "upload"),
    "import": ("mlflow",),
    "export": ("files", "mlflow", "parquet"),
    "lineage": ("show", "trace"),
    "models": ("predict", "serve", "show", "verify"),
    "projects env": ("list", "prune"),
    "registry": (
        *("list", "show", "create", "rename", "describe", "tag", "untag", "annotate", "delete"),
        *("versions", "register", "best", "gate", "transition", "rollback"),
        *("request", "requests", "approve", "reject", "cancel", "history", "verify", "follow"),
        "copy",
    ),
    "server tokens": ("create", "list", "revoke"),
    "registry alias": ("set", "delete"),
    "registry policy": ("show", "set", "delete"),
    "registry deployments": ("list", "set", "delete"),
    "registry webhooks": (
        *("create", "list", "show", "update", "delete", "test", "run", "history", "replay"),
    ),
}
PATHS = [[*group.split(), name] for group, names in COMMANDS.items() for name in names]


def found(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command under `command`, with the words that lead to it."""
    is_group = hasattr(command, "commands")
    if path and (not is_group or command.invoke_without_command):
        yield path, command
    for name, child in command.commands.items() if is_group else ():
        yield from found(child, (*path, name))


def test_these_are_all_the_commands() -> None:
    assert sorted(path for path, _ in found(typer.main.get_command(app))) == sorted(
        tuple(path) for path in PATHS
    )


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_and_each_of_its_options_has_help(path: list[str]) -> None:
    command = dict(found(typer.main.get_command(app)))[tuple(path)]
    assert command.help
    assert [param.name for param in command.params if not getattr(param, "help", "")] == []
    shown = CliRunner().invoke(app, [*path, "--help"])
    assert (shown.exit_code, command.help.split()[0] in shown.stdout) == (0, True)


def test_global_options_may_stand_anywhere(tmp_path: Path) -> None:
    Workspace.open(tmp_path).experiments.create("wine")
    for line in (
        ["--store", str(tmp_path), "--json", "experiments", "show", "wine"],
        ["experiments", "show", "wine", "--json", f"--store={tmp_path}"],
        ["experiments", "--store", str(tmp_path), "show", "--json", "wine"],
    ):
        shown = CliRunner().invoke(app, line)
        assert json.loads(shown.stdout)["name"] == "wine"


def test_the_environment_names_the_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAGELINE_STORE", str(tmp_path))
    Workspace.open(tmp_path).experiments.create("wine")
    assert "wine" in CliRunner().invoke(app, ["experiments", "list"]).stdout


@pytest.mark.parametrize(
    "kind",
    [
        each
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, StagelineError)
    ],
    ids=lambda kind: kind.__name__,
)
def test_each_kind_of_error_has_its_exit_code(
    kind: type[StagelineError], local_cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise kind("what went wrong, and what to do")

    monkeypatch.setattr(Workspace, "open", fail)
    plain = local_cli("runs", "reap")
    assert plain.code == reaction(kind("")).exit_code
    assert (plain.out, plain.err) == ("", "error: what went wrong, and what to do\n")
    told = json.loads(local_cli("runs", "reap", "--json").out)
    assert told == {"error": {"code": kind.code, "message": "what went wrong, and what to do"}}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (["runs", "list", "--limit", "many"], "--limit"),
        (["runs", "shw"], "Did you mean 'show'"),
        (["runs", "show"], "RUN"),
        (["runs", "list", "--status", "asleep"], "finished"),
        (["runs", "list", "--no-such-option"], "--no-such-option"),
    ],
)
def test_a_wrong_line_is_bad_input_that_says_what_is_wrong(
    line: list[str], told: str, local_cli: Cli
) -> None:
    plain, program = local_cli(*line), local_cli(*line, "--json")
    assert (plain.code, program.code) == (2, 2)
    assert told in plain.err.replace("FINISHED", "finished")
    error = json.loads(program.out)["error"]
    assert error["code"] == "invalid_input"
    assert told in error["message"].replace("FINISHED", "finished")


def test_no_command_shows_help() -> None:
    shown = CliRunner().invoke(app, [])
    assert "experiments" in shown.stdout + shown.stderr


def test_version_loads_nothing_heavy() -> None:
    script = (
        "import sys\nfrom stageline.cli.main import main\nsys.argv = ['stageline', '--version']\n"
        "try:\n    main()\nexcept SystemExit as end:\n    print(end.code, *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    version, rest = done.stdout.splitlines()
    assert version.startswith("stageline ")
    code, *modules = rest.split()
    assert code == "0"
    heavy = {"fsspec", "lark", "pydantic", "sqlite3", "rich.table", "zstandard", "pandas"}
    assert heavy & {*modules} == set()
