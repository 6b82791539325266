"""`stageline projects env`, on environments that were really built."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shell import Cli

from stageline.projects.environments.prepare import prepare
from stageline.projects.environments.spec import NoEnvironment
from stageline.settings import load_settings


def test_environments_are_listed_and_pruned(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STAGELINE_CACHE", str(tmp_path / "cache"))
    assert "there are no environments" in cli.ok("projects", "env", "list")
    cache = load_settings().cache_folder / "projects"
    prepared = prepare(NoEnvironment(), "uv", cache=cache, say=print)
    (listed,) = cli.json("projects", "env", "list")["environments"]
    assert (listed["kind"], listed["is_in_use"]) == ("uv", True)
    assert listed["key"][:12] in cli.ok("projects", "env", "list")
    assert "removed 0 environments" in cli.ok("projects", "env", "prune", "--days", "0", "--yes")
    del prepared
    assert cli("projects", "env", "prune", "--json").code != 0
    assert "removed 0 environments" in cli.ok("projects", "env", "prune", "--yes")
    removed = json.loads(cli.ok("projects", "env", "prune", "--days", "0", "--yes", "--json"))
    assert [one["key"] for one in removed["removed"]] == [listed["key"]]
