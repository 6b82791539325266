"""`stageline ui` as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

WITHIN_S = 60.0
BOUND = re.compile(rb"https?://127\.0\.0\.1:(\d+)")


class Served(NamedTuple):
    """Where the pages are, and whose they are."""

    url: str
    pid: int


@contextmanager
def ui_process(store: Path, *options: str, user: str = "ann") -> Iterator[Served]:
    """The pages of a store, on any free port; the process is gone at the end."""
    stageline = str(Path(sys.executable).with_name("stageline"))
    command = [stageline, "--store", str(store), "ui", "--port", "0", *options]
    environment = {**os.environ, "STAGELINE_CACHE": str(store.with_name("cache-of-pages"))}
    log = store.with_name("pages.log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**environment, "STAGELINE_USER": user},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield Served(_address(process, log), process.pid)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    give_up = time.monotonic() + WITHIN_S
    while time.monotonic() < give_up and process.poll() is None:
        found = BOUND.search(log.read_bytes())
        if found:
            return f"http://127.0.0.1:{int(found[1])}"
        time.sleep(0.02)
    raise RuntimeError(f"the pages were not served: {log.read_text(errors='replace')[-2000:]}")
