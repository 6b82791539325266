"""Commands that other distributions bring: listed without being loaded, loaded when called, told apart from ours."""

from __future__ import annotations

import sys
import types
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from stageline.cli import plugins
from stageline.cli.main import app


@pytest.fixture
def brought(monkeypatch: pytest.MonkeyPatch) -> None:
    """A distribution that brings `watch sky`, and one whose command can not be loaded."""
    module = types.ModuleType("sky_watching")
    module.app = typer.Typer()  # type: ignore[attr-defined]

    @module.app.command()  # type: ignore[attr-defined]
    def look(ctx: typer.Context, high: bool = typer.Option(False, "--high")) -> None:
        """Look up."""
        ctx.obj.say({"store": ctx.obj.workspace.store.url, "high": high}, "clouds")

    monkeypatch.setitem(sys.modules, "sky_watching", module)
    points = [
        EntryPoint("watch.sky", "sky_watching:app", plugins.GROUP),
        EntryPoint("watch.sea", "sea_watching:app", plugins.GROUP),
        EntryPoint("other.thing", "nowhere:app", plugins.GROUP),
    ]
    monkeypatch.setattr(plugins, "entry_points", lambda group: points)


def test_a_brought_command_gets_the_options_of_all(brought: None, tmp_path: Path):
    done = CliRunner().invoke(app, ["watch", "sky", "--high", "--store", str(tmp_path), "--json"])
    assert done.exit_code == 0
    assert done.stdout == f'{{"store":"{tmp_path}","high":true}}\n'


def test_one_that_can_not_be_loaded_is_told_and_hides_no_other(brought: None, tmp_path: Path):
    listed = CliRunner().invoke(app, ["watch", "--help"])
    assert "Look up." in listed.stdout
    assert "Can not be loaded." in listed.stdout
    failed = CliRunner().invoke(app, ["watch", "sea", "--deep"])
    assert failed.exit_code == 2
    assert "No module named 'sea_watching'" in failed.output
    assert CliRunner().invoke(app, ["watch", "sky", "--store", str(tmp_path)]).stdout == "clouds\n"


def test_without_any_the_group_says_what_brings_one(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plugins, "entry_points", lambda group: [])
    shown = CliRunner().invoke(app, ["watch", "--help"])
    assert shown.exit_code == 0
    assert "prefect-stageline" in shown.stdout
    assert CliRunner().invoke(app, ["watch", "sky"]).exit_code == 2
