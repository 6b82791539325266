"""Many simulated processes, one at a time: the seed draws who goes on at each step, and time moves as they wait.

A task is a Python thread that runs only while it holds the baton, so the product's own blocking code is what is
tried, and exactly one line of it runs at any moment. Why threads and not generators: docs/design/014.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from random import Random

SECOND = 1_000_000_000
START_NS = 1_700_000_000 * SECOND
LOOK_S = 5.0
"""Real seconds between two looks at whether whoever has the baton lives."""


class Killed(BaseException):
    """Raised in the thread of a task that is dead, to be rid of it; nothing that it still does has an effect."""


class Process:
    """What would be a process of its own: dies as a whole, and has a clock that may be wrong."""

    def __init__(self, name: str, machine: str, number: int) -> None:
        self.name = name
        self.machine = machine
        self.pid = 20_000 + number
        self.is_alive = True
        self.clock_off_ns = 0
        self.paused_until = 0
        self.last_stamp = 0
        self.descriptors: dict[int, str] = {}
        self.sick_until = 0
        """Until when its credentials are refused."""


class Task:
    """One thread of a process."""

    def __init__(self, process: Process, name: str, is_daemon: bool) -> None:
        self.process = process
        self.name = name
        self.is_daemon = is_daemon
        self.is_done = False
        self.wakes_at = 0
        self.waits_for: CooperativeLock | None = None
        self.gate = threading.Semaphore(0)
        self.thread: threading.Thread | None = None


class Scheduler:
    """Hands the baton. Only the thread that holds it touches anything here."""

    def __init__(self, random: Random, *, loyalty: float = 0.5) -> None:
        self.random = random
        self.now_ns = START_NS
        self.current: Task | None = None
        self.is_tearing = False
        self.failures: list[tuple[str, BaseException]] = []
        self._loyalty = loyalty
        """How likely the task that runs goes on, if it can."""
        self._tasks: list[Task] = []
        self._main = threading.Semaphore(0)
        self._owner = threading.current_thread()

    @property
    def is_task(self) -> bool:
        """Whether a task asks, that which holds the baton."""
        task = self.current
        return task is not None and task.thread is threading.current_thread()

    @property
    def is_ours(self) -> bool:
        """Whether a task asks, or who set all this up: not a thread that other tests have left in this process."""
        return threading.current_thread() is self._owner or self.is_task

    @property
    def process(self) -> Process:
        """Whose code runs."""
        assert self.current is not None, "asked outside of any task"
        return self.current.process

    def spawn(
        self, process: Process, target: Callable[[], None], name: str, *, daemon: bool = False
    ) -> Task:
        """A new task, which begins when it is given the baton."""
        task = Task(process, name, daemon)

        def body() -> None:
            task.gate.acquire()
            try:
                if not self.is_tearing:
                    target()
            except Killed:
                pass
            except BaseException as error:  # whatever it is, the history has failed by it
                if not self.is_tearing and process.is_alive:
                    self.failures.append((task.name, error))
            task.is_done = True
            if self.is_tearing:
                return
            try:
                self._hand_on()
            except (
                BaseException
            ) as error:  # of the simulation itself: nobody else would ever have the baton
                self.failures.append((task.name, error))
                self._main.release()

        task.thread = threading.Thread(target=body, name=f"simulated-{name}", daemon=True)
        self._tasks.append(task)
        task.thread.start()
        return task

    def run(self) -> None:
        """Until every task that is no daemon is done."""
        self._hand_on()
        while not self._main.acquire(timeout=LOOK_S):
            self._check_threads()
        self.current = None

    def _check_threads(self) -> None:
        """Raise if the task that has the baton has no thread to hand it on."""
        task = self.current
        if task is not None and task.thread is not None and not task.thread.is_alive():
            raise RuntimeError(f"the thread of {task.name} has ended with the baton in its hand")

    def step(self) -> None:
        """Where a task may have to let others go first."""
        task = self.current
        assert task is not None
        self.check_alive()
        self._switch(task)

    def sleep(self, seconds: float) -> None:
        """Let others go on for so long."""
        task = self.current
        assert task is not None
        self.check_alive()
        task.wakes_at = self.now_ns + int(seconds * SECOND)
        self._switch(task)

    def check_alive(self) -> None:
        """Raise `Killed` in a task whose process is dead."""
        if self.is_tearing or not self.process.is_alive:
            raise Killed

    def park(self) -> None:
        """The process has just died: its thread stands still until the end of the history."""
        task = self.current
        assert task is not None
        self._switch(task)

    def tear_down(self) -> None:
        """Be rid of all threads."""
        self.is_tearing = True
        for task in self._tasks:
            if not task.is_done:
                self.current = task
                task.gate.release()
            if task.thread is not None:
                task.thread.join(30)
                assert not task.thread.is_alive(), f"{task.name} does not end"
        self.current = None

    # -- whose turn it is -------------------------------------------------------------------------

    def _switch(self, task: Task) -> None:
        following = self._pick()
        if following is not task:
            self.current = following
            (following.gate if following else self._main).release()
            task.gate.acquire()
        if self.is_tearing or not task.process.is_alive:
            raise Killed

    def _hand_on(self) -> None:
        self.current = following = self._pick()
        (following.gate if following else self._main).release()

    def _pick(self) -> Task | None:
        alive = [t for t in self._tasks if not t.is_done and t.process.is_alive]
        if all(task.is_daemon for task in alive):
            return None
        free = [t for t in alive if t.waits_for is None or t.waits_for.owner is None]
        ready = [t for t in free if _wakes(t) <= self.now_ns]
        if not ready:
            assert free, f"all wait for each other: {[task.name for task in alive]}"
            self.now_ns = min(map(_wakes, free))
            ready = [t for t in free if _wakes(t) <= self.now_ns]
        if self.current in ready and self.random.random() < self._loyalty:
            return self.current
        return ready[int(self.random.random() * len(ready))]


def _wakes(task: Task) -> int:
    return max(task.wakes_at, task.process.paused_until)


class CooperativeLock:
    """Stands in for `threading.RLock` where one is held across requests: who waits lets the others go on."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.owner: Task | None = None
        self._depth = 0

    def __enter__(self) -> CooperativeLock:
        task = self._scheduler.current
        if task is None or self._scheduler.is_tearing:
            return self
        while self.owner not in (None, task):
            task.waits_for = self
            self._scheduler.step()
        task.waits_for = None
        self.owner = task
        self._depth += 1
        return self

    def __exit__(self, *exc: object) -> None:
        if self.owner is not self._scheduler.current:
            return
        self._depth -= 1
        if not self._depth:
            self.owner = None
