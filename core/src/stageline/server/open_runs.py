"""The runs that one worker writes: opened by the first record, kept a while, let go when they end or go quiet.

Each replica, and each worker of one, is a writer of its own stream of a run; what they wrote adds up by the fold of
`domain.summary`. A run of HTTP is its client's: it neither ends nor vanishes with the process that writes it down.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

from stageline.domain.events import StatusSet
from stageline.errors import InvalidInput, NotAllowed, StagelineError, StorageFailed
from stageline.storage import layout
from stageline.tracking.active import ActiveRun

if TYPE_CHECKING:
    from stageline.domain.run import RunStatus
    from stageline.server.options import Limits
    from stageline.workspace import Workspace

_log = logging.getLogger("stageline")


class OpenRun:
    """A run's place among the open ones. `active` is None before it was opened, and when it was let go."""

    __slots__ = ("active", "lock", "strangers", "used")

    def __init__(self) -> None:
        self.active: ActiveRun | None = None
        self.lock = Lock()
        """Held while something is written, and while the run is opened or let go: nothing falls in between."""
        self.used = time.monotonic()
        self.strangers: tuple[tuple[str, int], ...] = ()
        """Key and size of what others had written of the run when it was last looked for."""


class OpenRuns:
    """Safe from many threads."""

    def __init__(self, workspace: Workspace, limits: Limits) -> None:
        self._workspace = workspace
        self._limits = limits
        self.held: dict[str, OpenRun] = {}
        """By run id."""

    def create(self, **given: Any) -> ActiveRun:
        """Begin a run; see `Runs.create`. When this returns, every replica can find it, unless the store is away."""
        active = self._workspace.runs.create(**given, owns_end=False)
        if not active.stream.lies_in_store:
            try:
                active.stream.ship_start()
            except StorageFailed as error:  # as everywhere, what is logged is kept until it is back
                self._workspace.runs.warn_away(error)
        held = OpenRun()
        held.active = active
        self.held[active.run_id] = held
        self._make_room(active.run_id)
        return active

    @contextmanager
    def writing(self, run_id: str) -> Iterator[OpenRun]:
        """The open run, for this thread alone; opened if need be.

        Raises:
            NotFound: there is no such run.
            InvalidInput: it is deleted.
        """
        while True:
            held = self.held.setdefault(run_id, OpenRun())
            with held.lock:
                if self.held.get(run_id) is not held:
                    continue  # it was let go while this waited
                if held.active is None:
                    self._open(run_id, held)
                held.used = time.monotonic()
                yield held
                break
        self._make_room(run_id)

    @contextmanager
    def alone(self, run_id: str) -> Iterator[None]:
        """Nobody of this worker writes the run, nor lets it go, until the end of the block."""
        held = self.held.get(run_id)
        if held is None:
            yield
        else:
            with held.lock:
                yield

    def _open(self, run_id: str, held: OpenRun) -> None:
        try:
            held.active = self._workspace.runs.resume(run_id, owns_end=False)
        except NotAllowed as error:  # it is deleted: to MLflow that is a wrong argument
            self.held.pop(run_id, None)
            raise InvalidInput(str(error)) from error
        except BaseException:
            self.held.pop(run_id, None)
            raise

    def learn_params(self, run_id: str, held: OpenRun) -> None:
        """Let the open run know the params that other writers have logged since this was last asked."""
        assert held.active is not None
        own = held.active.stream.head.writer
        entries = self._workspace.store.list(layout.run_log(run_id))
        strangers = [(e.key, e.size or 0) for e in entries if f"/{own}" not in e.key]
        if self._workspace.spool is not None:
            logs = self._workspace.spool.glob(f"{run_id}-*.wal")
            strangers += [(p.name, p.stat().st_size) for p in logs if own not in p.name]
        if tuple(strangers) != held.strangers:
            params = self._workspace.runs.stored(run_id).summary.params
            held.active.learn_params({key: value for key, (_, value) in params.items()})
            held.strangers = tuple(strangers)

    def set_status(self, run_id: str, status: RunStatus, end_time: int | None) -> None:
        """Set the status; with one that is the last, this worker's stream of the run ends too, and is in the store."""
        clock = self._workspace.clock
        with self.writing(run_id) as held:
            active = held.active
            assert active is not None
            ended = (end_time or clock.now_ms()) if status.is_terminal else None
            active.record(StatusSet(clock.stamp(), status, ended))
            if status.is_terminal:
                self._leave(run_id, held)

    def leave(self, run_id: str) -> None:
        """Let a run go, if it is open here."""
        held = self.held.get(run_id)
        if held is not None:
            with held.lock:
                if self.held.get(run_id) is held:
                    self._leave(run_id, held)

    def _leave(self, run_id: str, held: OpenRun) -> None:
        active, held.active = held.active, None
        self.held.pop(run_id, None)
        if active is not None:
            active.leave()

    def close(self) -> None:
        """Let all go."""
        for run_id in list(self.held):
            self.leave(run_id)

    # -- care -------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Let go of runs that have been quiet for long."""
        now = time.monotonic()
        for run_id, held in list(self.held.items()):
            quiet_s = now - held.used
            if quiet_s > self._limits.idle_s or (
                quiet_s > self._limits.ended_idle_s and self._has_ended(run_id)
            ):
                self.leave(run_id)

    def publish(self) -> None:
        """Put what changed into the index, for searches of other workers and replicas."""
        for held in list(self.held.values()):
            active = held.active
            if active is not None and not active.is_ended:
                try:
                    active.stream.publish_news()
                except StagelineError as error:  # what one run can not say, others can
                    _log.warning("run %s is not up to date in searches: %s", active.run_id, error)

    def _has_ended(self, run_id: str) -> bool:
        return not self._workspace.runs.stored(run_id).summary.is_running

    def _make_room(self, but: str) -> None:
        while len(self.held) > self._limits.open_runs:
            quietest = min(
                ((held.used, run_id) for run_id, held in list(self.held.items()) if run_id != but),
                default=None,
            )
            if quietest is None:
                return
            self.leave(quietest[1])
