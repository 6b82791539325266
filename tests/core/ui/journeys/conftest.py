"""One demo store, one process of `stageline ui` and one browser for all journeys of a file."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from demo_store import Team, build
from looking import Look, looks
from serving import Served, ui_process


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Team:
    """The demo's records; journeys that change something ask for `own_demo`."""
    return build(tmp_path_factory.mktemp("demo") / "store", _now_ms())


@pytest.fixture(scope="session")
def demo_pages(demo: Team) -> Iterator[Served]:
    """The demo's pages."""
    with ui_process(demo.folder) as served:
        yield served


@pytest.fixture
def own_demo(tmp_path: Path) -> Team:
    """The demo's records, for a journey that changes them."""
    return build(tmp_path / "store", _now_ms())


@pytest.fixture
def look() -> Iterator[Look]:
    """A browser's page that notes what goes wrong; skipped where no Chromium is installed."""
    if not (shutil.which("chromium") or shutil.which("chromium-browser")):
        pytest.skip("no chromium found: install it (Debian: chromium)")
    with looks() as found:
        yield found


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
