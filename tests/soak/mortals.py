"""Processes of the soak that may be killed at any moment, and start again."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

DIES_WITHIN_S = 30.0


@dataclass
class Mortal:
    """A program with all that it starts, in a session of its own. `command` is asked at each start."""

    kind: str
    command: Callable[[], list[str]]
    environment: dict[str, str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    deaths: int = 0
    started_at: float = 0.0
    """By the monotonic clock; the last time."""

    def start(self) -> None:
        """Start it; its output is added to its log."""
        self.started_at = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                stdout=log,
                stderr=log,
                env={**os.environ, **self.environment},
                start_new_session=True,
            )

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def has_said(self, words: str) -> bool:
        """Whether its log has a line of this life with these words. Its lines name its process."""
        assert self.process is not None
        return f"[{self.process.pid}] {words}" in self.log.read_text(errors="replace")

    def own_death(self) -> int | None:
        """The exit code, told once, of an end that nobody asked for; None while there is none."""
        code = None if self.process is None else self.process.poll()
        if code is not None:
            self.process = None
        return code

    def kill(self) -> None:
        """SIGKILL to it and all that it started."""
        if self.process is None:
            return
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DIES_WITHIN_S)
        self.process = None
        self.deaths += 1

    def kill_child(self) -> bool:
        """SIGKILL to one process that it started, and not to itself; False if there is none."""
        assert self.process is not None
        children = [
            child
            for child in psutil.Process(self.process.pid).children(recursive=True)
            if "resource_tracker" not in " ".join(child.cmdline())
        ]
        if children:
            children[0].kill()
        return bool(children)

    def end(self, within_s: float) -> int:
        """SIGTERM, and how it ended."""
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(within_s)
        self.process = None
        return code
