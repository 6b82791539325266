"""What tests of environments share: a cache, the lines that were said, a project, and packages that take no network."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# Read before a test gets a home of its own.
UV_CACHE = os.environ.get("UV_CACHE_DIR") or str(
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "uv"
)


@pytest.fixture(autouse=True)
def no_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither uv nor pip asks an index: what these environments hold lies beside the test."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch, no_index: None) -> None:
    """The user's index after all, and what uv has fetched from it before."""
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("UV_CACHE_DIR", UV_CACHE)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Path]:
    """Writes files, given by name with `_` for the dot, into a folder."""

    def write(**files: str) -> Path:
        folder = tmp_path / "project"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            stem, _, ending = name.rpartition("_")
            (folder / f"{stem}.{ending}").write_text(text)
        return folder

    return write
