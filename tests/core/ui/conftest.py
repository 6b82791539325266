"""A workspace in memory, and a browser without scripts on its pages."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from reading import Reader

from stageline.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(f"memory://{tmp_path.name}", cache=str(tmp_path / "cache"), user="ann")


@pytest.fixture
def reader(workspace: Workspace) -> Reader:
    return Reader(workspace)
