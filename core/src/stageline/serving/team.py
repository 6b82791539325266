"""The worker processes of one task, such as a model: started together, opened together, replaced one by one."""

from __future__ import annotations

import multiprocessing
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from stageline.serving.talk import Go, Leave, Loaded, Serving

if TYPE_CHECKING:
    import socket

    from stageline.serving.order import Job, Task

Phase: TypeAlias = Literal["loading", "loaded", "serving", "leaving"]
_SPAWN = multiprocessing.get_context("spawn")  # a fork would take threads and locks along


class Worker:
    """One process, as its parent sees it."""

    def __init__(self, job: Job, order: Task, listener: socket.socket) -> None:
        self.line, theirs = _SPAWN.Pipe()
        self.process = _SPAWN.Process(target=job, args=(order, listener, theirs))
        self.process.start()
        theirs.close()  # so that its death is the end of the line
        self.phase: Phase = "loading"
        self.started = time.monotonic()
        self.leaves_by: float | None = None

    @property
    def pid(self) -> int | None:
        """Of the process."""
        return self.process.pid

    @property
    def is_dead(self) -> bool:
        """Whether the process has ended."""
        return self.process.exitcode is not None

    def hear(self) -> Any:
        """What it says next, or None at the end of the line."""
        try:
            word = self.line.recv()
        except (EOFError, OSError):
            return None
        if isinstance(word, Loaded):
            self.phase = "loaded"
        elif isinstance(word, Serving) and self.phase != "leaving":
            self.phase = "serving"
        return word

    def say(self, word: Any) -> None:
        """Tell it; one that is dead does not listen."""
        with suppress(OSError):
            self.line.send(word)

    def leave(self, linger_s: float, drain_s: float) -> None:
        """Let it end what it has begun, and go; one that does not is killed by `remind`."""
        if self.phase in ("loading", "loaded"):
            self.process.kill()
        self.phase = "leaving"
        self.say(Leave(linger_s))
        self.leaves_by = time.monotonic() + linger_s + drain_s + 5

    def remind(self) -> None:
        """Kill it if it should have gone."""
        if self.leaves_by is not None and time.monotonic() > self.leaves_by:
            self.process.kill()

    def close(self) -> None:
        """Let go of a process that is dead."""
        self.process.join()
        self.line.close()
        self.process.close()


class Team:
    """`size` workers at one task."""

    def __init__(self, job: Job, order: Task, listener: socket.socket, size: int) -> None:
        self._job = job
        self.order = order
        self._listener = listener
        self.workers = [Worker(job, order, listener) for _ in range(size)]
        self.is_open = False
        """Whether the word was given: from then on workers open as soon as they have loaded."""

    def add(self) -> None:
        """Start another worker."""
        self.workers.append(Worker(self._job, self.order, self._listener))

    def open(self) -> None:
        """Let those that have loaded answer."""
        self.is_open = True
        for worker in self.workers:
            if worker.phase == "loaded":
                worker.say(Go())

    def all_are(self, phase: Phase) -> bool:
        """Whether all workers that do not leave are that far."""
        return all(worker.phase in (phase, "leaving") for worker in self.workers)

    def say(self, word: Any) -> None:
        """Tell all that serve."""
        for worker in self.workers:
            if worker.phase == "serving":
                worker.say(word)

    def leave(self, linger_s: float) -> None:
        """Let all go."""
        for worker in self.workers:
            if worker.phase != "leaving":
                worker.leave(linger_s, self.order.limits.drain_s)
