"""Processes of the soak that may be killed at any moment, and start again."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
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
    own_deaths: list[int] = field(default_factory=list)
    """Exit codes of ends that nobody asked for."""

    def start(self) -> None:
        """Start it; its output is added to its log."""
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

    def note_own_death(self) -> bool:
        """Whether it has ended without being killed; noted once."""
        if self.process is None or self.process.poll() is None:
            return False
        self.own_deaths.append(self.process.returncode)
        self.process = None
        return True

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
