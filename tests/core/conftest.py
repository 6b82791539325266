"""How core's properties are tried, and what no test leaves to the next."""

from __future__ import annotations

import pytest
from hypothesis import settings

from stageline.fluent.session import Session

# A busy machine is slow, not wrong.
settings.register_profile("core", max_examples=100, deadline=None)
settings.load_profile("core")


@pytest.fixture(autouse=True)
def nothing_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process has chosen no store and no experiment, whatever a test before has."""
    for name in ("workspace", "experiment_id", "experiment_name"):
        monkeypatch.setattr(Session, name, None)
