"""What the tests of pages share with each other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from doc_reader import Reader

from stageline.fluent.session import Session


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    """Somebody in an empty folder, who has chosen nothing yet."""
    for name in ("workspace", "experiment_id", "experiment_name"):
        monkeypatch.setattr(Session, name, None)
    opened = Reader(tmp_path, monkeypatch)
    yield opened
    opened.close()
