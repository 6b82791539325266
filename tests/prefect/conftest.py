"""One real Prefect server for all tests of the integration, and a store of its own for each test."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from servers import free_ports

# Before Prefect is imported, which reads its settings then. The server's address and home are among them, and not only
# set for each test: Prefect's own threads go on for a while after a flow, and one that finds no server named starts
# one, which nobody ends.
os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{free_ports(1)[0]}/api"
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="prefect-home-")
os.environ["PREFECT_LOGGING_LEVEL"] = "ERROR"
os.environ["PREFECT_LOGGING_TO_API_ENABLED"] = "false"
os.environ["DO_NOT_TRACK"] = "1"
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"

from prefect_stageline.publishing import PUBLISHER
from stageline import fluent
from stageline.workspace import Workspace

START_WITHIN_S = 300.0


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(os.environ["PREFECT_HOME"], ignore_errors=True)


def pytest_configure(config: pytest.Config) -> None:
    # Prefect leaves the connections of its clients to the garbage collector when an event loop ends.
    config.addinivalue_line("filterwarnings", "ignore:unclosed <socket:ResourceWarning")


@pytest.fixture(scope="session")
def prefect_home() -> Path:
    return Path(os.environ["PREFECT_HOME"])


@pytest.fixture(scope="session")
def prefect_server(prefect_home: Path) -> Iterator[str]:
    """`prefect server start` on the port that was free."""
    url = os.environ["PREFECT_API_URL"]
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--host=127.0.0.1",
        f"--port={urlsplit(url).port}",
    ]
    environment = {
        **os.environ,
        "PREFECT_LOGGING_SERVER_LEVEL": "CRITICAL",
        "PREFECT_UI_API_URL": url,
    }
    with open(prefect_home / "server.log", "wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_for(process, f"{url}/health", prefect_home / "server.log")
        yield url
    finally:
        PUBLISHER.wait(30)  # else its cards find no server when this process ends
        process.terminate()
        process.wait(START_WITHIN_S)


def _wait_for(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    give_up = time.monotonic() + START_WITHIN_S
    while time.monotonic() < give_up:
        with suppress(OSError), urllib.request.urlopen(url, timeout=2):
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
            break
    raise RuntimeError(
        f"the Prefect server did not start: {log.read_text(errors='replace')[-2000:]}"
    )


@pytest.fixture(autouse=True)
def prefect(prefect_server: str) -> None:
    """Flows of a test talk to the server."""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The store of the test, also of the processes that it starts."""
    monkeypatch.setenv("STAGELINE_STORE", str(tmp_path / "store"))
    opened = Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"))
    monkeypatch.setattr(fluent.Session, "workspace", opened)
    return opened
