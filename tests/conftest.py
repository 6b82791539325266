"""What every test gets: the servers' fixtures, and a home of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

# Tests are not a package (--import-mode=importlib), so what they share is found here.
sys.path.insert(0, str(Path(__file__).parent))

pytest_plugins = ["servers"]


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Only what is named `test_*` is a test: what tests share is imported by them, not collected for its doctests."""
    is_shared = collection_path.suffix == ".py" and not collection_path.name.startswith("test_")
    return True if is_shared and collection_path.name != "conftest.py" else None


@pytest.fixture(autouse=True)
def isolated_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """An empty home and cache, and no settings or credentials from outside."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    for name in list(os.environ):
        if name.startswith(("STAGELINE_", "AWS_", "MLFLOW_")):
            monkeypatch.delenv(name)
    # botocore would ask the cloud's metadata address for credentials, and wait.
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return home
