"""Servers of pages as contestants: started on a free port, and looked at with Chromium in a process of its own.

A peer's Python has no library that drives a browser, so `page_driver.py` runs in the bench's own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from http_server import cpu_s, memory_mb, served


@dataclass(frozen=True)
class Pages:
    """Where to look, and what shows that it is there. Addresses begin with the server's."""

    table: str
    rows: str
    """A selector of the rows of the table."""
    charts: str
    chart: str
    """A selector of a line or bar that is drawn."""
    sort: str
    """The address of the table, sorted by a metric, as a click on its head makes it."""
    filter: str
    is_app: bool
    """Whether a click changes the page by script; else the browser goes to another."""
    answer: str = ""
    """Part of the address that such a script asks."""


def look_at(
    command: list[str], path: str, pages: Pages, environment: dict[str, str] | None = None
) -> dict[str, float]:
    """Figures of the pages of the server that `command` starts."""
    with served(command, path, environment) as (port, pid):
        before = cpu_s(pid)
        driver = Path(__file__).with_name("page_driver.py")
        asked = json.dumps({"url": f"http://127.0.0.1:{port}", **asdict(pages)})
        done = subprocess.run(
            [os.environ.get("BENCH_PYTHON", sys.executable), str(driver), asked],
            capture_output=True,
            text=True,
            timeout=240,
        )
        if done.returncode:
            sys.exit(done.stderr.strip()[-500:] or "the browser ended")
        figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        loads = figures.pop("loads")
        cpu = (cpu_s(pid) - before) / loads
        return {**figures, "cpu_s": cpu, "server_mb": memory_mb(pid)}
