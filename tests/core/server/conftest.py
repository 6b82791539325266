"""A server's application in this process, over a folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from asking import Asked

from stageline.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"), user="ann")


@pytest.fixture
def server(workspace: Workspace) -> Iterator[Asked]:
    with Asked(workspace) as asked:
        yield asked
