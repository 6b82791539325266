"""A store, opened for the test, and the command line beside it."""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from shell import Cli

from stageline import Workspace

_names = count()


@pytest.fixture(params=["local", "memory"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "local":
        return str(tmp_path / "store")
    return f"memory://cli-{next(_names)}"


@pytest.fixture
def workspace(url: str) -> Workspace:
    return Workspace.open(url)


@pytest.fixture
def cli(url: str) -> Cli:
    return Cli(url)


@pytest.fixture
def local_cli(tmp_path: Path) -> Cli:
    """On a folder, which other processes see too."""
    return Cli(str(tmp_path / "shared"))
