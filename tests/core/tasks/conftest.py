"""A store of its own, and an orchestrator, for every test of tasks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from orchestra import Orchestra

from stageline import fluent


@pytest.fixture
def orchestra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Orchestra:
    made = Orchestra(tmp_path)
    monkeypatch.setattr(fluent.Session, "workspace", made.workspace)
    return made
