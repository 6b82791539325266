"""A project that runs: it can be waited for, asked and cancelled. Whoever submitted it ends its run, by its exit."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from stageline.domain.run import RunStatus
from stageline.errors import InvalidInput, RunFailed, StagelineError
from stageline.projects.interruption import Terminated
from stageline.projects.launching import Remote
from stageline.projects.tags import TAG_DURATION, TAG_EXIT_CODE, TAG_SIGNAL
from stageline.tracking.fate import ending_of as fate

if TYPE_CHECKING:
    from stageline.projects.launching import Exit, Launched
    from stageline.tracking.active import ActiveRun

_FROM_OUTSIDE = ("SIGHUP", "SIGINT", "SIGKILL", "SIGTERM")

_log = logging.getLogger("stageline")


def ending_of(exit_: Exit, stopped_by: str | None) -> tuple[RunStatus, str | None]:
    """How the run of a command ends: by why it was stopped from here, if it was, or else by how it ended."""
    if stopped_by is not None:
        return RunStatus.KILLED, stopped_by
    if exit_.signal is not None:
        status = RunStatus.KILLED if exit_.signal in _FROM_OUTSIDE else RunStatus.FAILED
        return status, exit_.signal
    if exit_.code == 0:
        return RunStatus.FINISHED, None
    if exit_.code is None:
        return RunStatus.FAILED, exit_.detail
    said = f": {exit_.detail}" if exit_.detail else ""
    return RunStatus.FAILED, f"exit code {exit_.code}{said}"


class SubmittedRun:
    """A run of a project, with the names of MLflow's. Safe from several threads.

    The command runs, and its run is ended, in a thread of its own, where no signal comes in between. A process does not
    exit before that thread, unless by force.
    """

    def __init__(
        self,
        run: ActiveRun,
        launched: Launched,
        *,
        owns_end: bool = True,
        clean_up: Callable[[], None] = lambda: None,
        shown: Callable[[str], str] = str,
        saw_it_begin: bool = True,
    ) -> None:
        """`shown` takes secrets out of why it failed, which may be what its command said last."""
        self._saw_it_begin = saw_it_begin
        self._run = run
        self._shown = shown
        self._launched = launched
        self._owns_end = owns_end
        self._clean_up = clean_up
        self._stopped_by: str | None = None
        self._status = RunStatus.RUNNING
        self._reason: str | None = None
        # Not the thread's own end: a `join` that Ctrl-C interrupts takes the thread for dead (CPython 3.11).
        self._has_ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name=f"stageline-{run.run_id[:8]}")
        self._has_begun = False

    @property
    def run_id(self) -> str:
        """The run."""
        return self._run.run_id

    @property
    def reason(self) -> str | None:
        """Why it failed or was killed."""
        return self._reason

    @property
    def reference(self) -> dict[str, Any] | None:
        """By which another process may attach to the command; plain JSON. None if it ends with this process."""
        return self._launched.reference if isinstance(self._launched, Remote) else None

    def get_status(self) -> str:
        """RUNNING, FINISHED, FAILED or KILLED; SCHEDULED if it was left to whoever attaches to it."""
        return str(self._status)

    def leave(self) -> None:
        """Begin the command elsewhere, and leave it and its run to whoever attaches to them; instead of `begin`.

        Raises what the place where it runs refuses it with; the run is FAILED then.
        """
        if not isinstance(self._launched, Remote):
            raise InvalidInput(
                f"the command of run {self.run_id} ends with this process: wait for it"
            )
        try:
            self._launched.submit()
            self._status = RunStatus.SCHEDULED
            if self._owns_end:
                self._run.leave(waits=True)
        except BaseException as error:
            self._give_up()
            self._end(*fate(error))
            raise
        finally:
            self._clean_up()
            self._has_ended.set()

    def begin(self) -> None:
        """Begin; once begun, nothing happens."""
        if not self._has_begun:
            self._has_begun = True
            self._thread.start()

    def wait(self) -> bool:
        """Wait for the end, and until the run is ended too. Whether it is FINISHED."""
        self._check_is_ours()
        self._has_ended.wait()
        return self._status is RunStatus.FINISHED

    def cancel(self, reason: str = "cancelled", number: signal.Signals = signal.SIGTERM) -> None:
        """End the command and all that it started, gently first; the run is KILLED, unless it had ended by then."""
        self._check_is_ours()
        if not self._has_ended.is_set():
            self._stopped_by = self._stopped_by or reason
            self._launched.stop(number)
            self.begin()  # what is stopped does not run any more, but its run is to be ended
        self._has_ended.wait()

    def see_through(self) -> None:
        """Begin, and wait; whatever interrupts that, such as Ctrl-C, ends the run.

        Raises:
            RunFailed: it did not finish.
        """
        try:
            self.begin()
            self.wait()
        except BaseException as error:  # whoever waits no more leaves nothing running
            self.cancel(*_told(error))
            raise
        if self._status is not RunStatus.FINISHED:
            said = f" ({self._reason})" if self._reason else ""
            raise RunFailed(
                f"run {self.run_id} of the project is {self._status}{said}: `stageline runs show {self.run_id}` tells "
                "all of it"
            )

    def _give_up(self) -> None:
        """Nothing goes on that nobody will attach to: it may have been accepted, though nobody said so."""
        try:
            self._launched.stop()
        except StagelineError as error:
            _log.warning(
                "whether the command of run %s was begun is not known: %s", self.run_id, error
            )

    def _check_is_ours(self) -> None:
        if self._status is RunStatus.SCHEDULED:
            raise InvalidInput(
                f"run {self.run_id} was left to whoever attaches to it: "
                "`projects.attach(run_id, reference)` waits for it, and cancels it"
            )

    def _watch(self) -> None:
        began = time.monotonic()
        try:
            exit_ = self._launched.run()
            self._record(exit_, time.monotonic() - began)
            self._end(*ending_of(exit_, self._stopped_by))
        except Exception as error:  # a run must not stay open because its launcher failed
            if not isinstance(error, StagelineError):
                _log.exception("run %s could not be watched to its end", self.run_id)
            self._end(RunStatus.FAILED, f"{type(error).__name__}: {error}"[:2000])
        finally:
            self._clean_up()
            self._has_ended.set()

    def _record(self, exit_: Exit, duration_s: float) -> None:
        tags = {TAG_DURATION: f"{duration_s:.3f}"} if self._saw_it_begin else {}
        if exit_.code is not None:
            tags[TAG_EXIT_CODE] = str(exit_.code)
        if exit_.signal is not None:
            tags[TAG_SIGNAL] = exit_.signal
        self._run.set_tags(tags)

    def _end(self, status: RunStatus, reason: str | None) -> None:
        reason = None if reason is None else self._shown(reason)
        try:
            if self._owns_end:
                self._run.end(status, reason)
        finally:
            self._status, self._reason = status, reason


def _told(error: BaseException) -> tuple[str, signal.Signals]:
    """Why a run is stopped, and how its command is asked to end."""
    if isinstance(error, KeyboardInterrupt):
        return "KeyboardInterrupt", signal.SIGINT
    if isinstance(error, Terminated):
        return "SIGTERM", signal.SIGTERM
    return f"{type(error).__name__}: {error}"[:2000], signal.SIGTERM
