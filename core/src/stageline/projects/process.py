"""A command as a process group of its own: watched, read from, stopped as a whole. Knows nothing of runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

GRACE_S = 10.0
"""Seconds between a signal that asks and the one that does not."""
_PIPES_S = 2.0
"""Seconds that the output of an ended group is waited for: who left the group may hold its pipes for ever."""
_POLL_S = 0.02

Take = Callable[[bytes], None]
"""What is given each piece of output."""


class Group:
    """A command and all that it starts, unless that leaves the group. Safe from several threads.

    If this process dies, the group ends too: see `guard`.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        folder: Path,
        environment: Mapping[str, str],
        outputs: Mapping[str, Take],
        grace_s: float = GRACE_S,
    ) -> None:
        """Start `command` in `folder`.

        Args:
            command: The program and its arguments.
            folder: Its current folder.
            environment: All of its environment.
            outputs: Who takes what it writes, by `stdout` and `stderr`: in a thread each, and without raising.
            grace_s: Seconds for it to end by itself when it is stopped.

        Raises:
            OSError: it can not be started, for example because the command is too long.
        """
        self._grace_s = grace_s
        self._is_stopped = False
        self._lock = threading.Lock()
        lifeline, self._hold = os.pipe()
        guard = str(Path(__file__).with_name("guard.py"))
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", guard, str(lifeline), str(grace_s), *command],
                cwd=folder,
                env=dict(environment),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                pass_fds=(lifeline,),
            )
        except BaseException:
            os.close(self._hold)
            raise
        finally:
            os.close(lifeline)
        self._pumps = [
            threading.Thread(target=_pump, args=(pipe, outputs[name]), daemon=True)
            for name, pipe in (("stdout", self._process.stdout), ("stderr", self._process.stderr))
            if pipe is not None
        ]
        for pump in self._pumps:
            pump.start()

    def wait(self) -> int:
        """Wait for the end of the command, and end what it left behind; its exit code, or minus a signal."""
        code = self._process.wait()
        self._end_the_rest()
        deadline = time.monotonic() + _PIPES_S
        for pump in self._pumps:
            pump.join(max(0.0, deadline - time.monotonic()))
        self._release()
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send the group a signal, harder ones if it does not end, and wait for that. A second Ctrl-C hurries it."""
        self._is_stopped = True
        try:
            for signalled in dict.fromkeys((number, signal.SIGTERM)):
                self._send(signalled)
                if self._ends_within(self._grace_s):
                    return
        finally:
            self.kill()
        self._process.wait()

    def kill(self) -> None:
        """End the whole group at once."""
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> bool:
        """Whether there was anybody to send it to."""
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            return False
        return True

    def _release(self) -> None:
        with self._lock:
            hold, self._hold = self._hold, -1
        if hold >= 0:
            with suppress(BrokenPipeError):  # the guard has been killed
                os.write(hold, b".")
            os.close(hold)

    def _ends_within(self, seconds: float) -> bool:
        """Whether the command ends in that time, and all that it started: a shell is gone before its children are."""
        deadline = time.monotonic() + seconds
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            return self._is_empty_by(deadline)
        return False

    def _end_the_rest(self) -> None:
        # Who was asked to end is not asked again while it does.
        asks = 0 if self._is_stopped else signal.SIGTERM
        for number, patience_s in ((asks, self._grace_s), (signal.SIGKILL, _PIPES_S)):
            if not self._send(number) or self._is_empty_by(time.monotonic() + patience_s):
                return

    def _is_empty_by(self, deadline: float) -> bool:
        while self._send(0):
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_S)
        return True


def _pump(pipe: IO[bytes], take: Take) -> None:
    with pipe:
        while piece := os.read(pipe.fileno(), 1 << 16):
            take(piece)
