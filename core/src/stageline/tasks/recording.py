"""One attempt of a task, or of a pipeline, as it is recorded: opened, noted, ended; its errors never the task's."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from stageline.domain.redaction import Redactor
from stageline.domain.run import Attempt, RunStatus
from stageline.domain.task_tags import TAG_SKIPPED
from stageline.errors import Conflict, InvalidInput
from stageline.tasks import unfinished
from stageline.tasks.active_block import ActiveBlock
from stageline.tasks.code_tags import source_tags_of
from stageline.tasks.meaning import ending_of_call, meaning_of
from stageline.tasks.naming import run_name_of
from stageline.tasks.params import param_texts
from stageline.tasks.returned import points_to_end_with, record_returned
from stageline.tasks.session import ErrorMeaning
from stageline.tasks.shared_parent import join_shared_parent
from stageline.tracking import endings

if TYPE_CHECKING:
    from stageline.domain.events import PointLogged
    from stageline.tasks.session import Session, TaskCall
    from stageline.tracking.active import ActiveRun
    from stageline.tracking.fate import Ending

_log = logging.getLogger("stageline")


class Recording:
    """Records one attempt. Call `begin`, then `succeed`, `fail` or `end`: harmless if the one before it failed."""

    def __init__(self, call: TaskCall, params: Mapping[str, Any]) -> None:
        self.call = call
        self.run: ActiveRun | None = None
        """The open run; None before `begin`, after the end, and if the run could not be opened."""
        self._params = params
        self._session: Session | None = None
        self._redactor = Redactor(call.tracking.redact, call.secret_texts)
        self._began_ms = 0
        self._began_s = 0.0
        self.texts: dict[str, str] = {}
        """The params as they are recorded."""
        self._is_joined = False
        self._refused: InvalidInput | None = None
        """What the params were refused for."""
        self._parent: ActiveRun | None = None
        """The pipeline's run, if this process keeps it alive."""
        self._has_warned = False

    # -- the beginning ----------------------------------------------------------------------------

    def begin(self) -> None:
        """Open the run and record the params."""
        self._began_ms = self.call.began_ms or time.time_ns() // 1_000_000
        self._began_s = time.monotonic()
        try:
            self._redactor.learn(self._params)
            self.texts = param_texts(self._params, self.call.tracking, self._redactor)
            self._session = self.call.open_session()
            self._join_parent()
            self.run = self._open(self._session)
        except Exception as error:
            self._spare("open the run", error)
        run = self.run
        if run is None:
            return
        try:
            self._log_beginning(run)
        except Exception as error:
            self._spare("record the attempt and its params", error)
        if self.call.tracking.capture_output:
            try:
                self._capture(run)
            except Exception as error:
                self._spare("capture the output", error)

    def _join_parent(self) -> None:
        parent = self.call.shared_parent
        if parent is not None and self.call.tracking.nest != "new":
            try:
                self._parent = join_shared_parent(parent)
            except Exception as error:
                self._spare("open the run of its pipeline", error)

    def _leave_parent(self) -> None:
        parent, self._parent = self._parent, None
        if parent is not None:
            try:
                parent.leave()
            except Exception as error:
                self._spare("leave the run of its pipeline", error)

    def share_secrets(self, outer: Recording) -> None:
        """Let the pipeline's recording know this task's secrets: its errors may become the pipeline's."""
        self._redactor.teach(outer._redactor)

    def active(self) -> ActiveBlock:
        """Make the run the active one of the block, and of what it starts."""
        return ActiveBlock(self.run, self._session, self._spare)

    def _open(self, session: Session) -> ActiveRun:
        identity, tracking = self.call.identity, self.call.tracking
        runs = session.workspace.runs
        if tracking.nest == "join" and identity.parent_run_id is not None:
            self._is_joined = True
            ours = (run for run in runs.open_runs() if run.run_id == identity.parent_run_id)
            return next(ours, None) or runs.join(
                identity.parent_run_id,
                experiment_name=tracking.experiment or session.experiment,
                owns_end=False,
            )
        begin = partial(
            runs.join,
            identity.run_id,
            experiment_name=tracking.experiment or session.experiment,
            run_name=self._redactor.text(self.run_name()),
            tags=self._redactor.tags(
                {
                    **source_tags_of(self.call.function),
                    **identity.tags(),
                    **self.call.tags,
                    **tracking.tags,
                }
            ),
            parent_run_id=None if tracking.nest == "new" else identity.parent_run_id,
            attempt=identity.attempt,
            was_set_aside=self.call.waits_elsewhere,
            noted=self._attempt(RunStatus.RUNNING),
        )
        try:
            run = begin(params=self.texts)
        except InvalidInput as error:  # of one argument: no reason to lose the run
            self._refused = error
            run = begin()
        endings.watch(run)
        run.before_end.append(lambda: endings.unwatch(run))
        return run

    def run_name(self) -> str:
        """The name that the tracking gives the run, or else the orchestrator."""
        return run_name_of(self.call, self._params, self.texts)

    def _log_beginning(self, run: ActiveRun) -> None:
        before = unfinished.taken(run.run_id) or self
        first = before.texts
        changed = [name for name, text in self.texts.items() if first.get(name, text) != text]
        if changed:
            self._warn(
                f"its params {changed} are not those of the attempt before: the first values stay",
            )
        if self._refused is not None:
            raise self._refused
        if self._is_joined:
            try:
                run.log_params(self.texts)
            except Conflict as error:  # the pipeline's own
                self._warn(str(error))

    def _capture(self, run: ActiveRun) -> None:
        from stageline.tracking.terminal import Capture

        capture = Capture(run.write_output)
        capture.start()
        run.before_end.append(capture.stop)

    # -- the end ----------------------------------------------------------------------------------

    @property
    def blocks_to_end(self) -> bool:
        """Whether the end waits for a store over a network."""
        return self.run is not None and not self.run.stream.lies_in_store

    def succeed(self, result: Any) -> None:
        """Record what the task returned, and end the run as FINISHED."""
        points = (
            None
            if self.run is None or self._is_joined
            else points_to_end_with(self.run, self.call.tracking, result)
        )
        if points is None:
            self.record_result(result)
        self.end(RunStatus.FINISHED, None, points=points or ())

    def record_result(self, result: Any) -> None:
        """Record the metrics and artifacts in what was returned."""
        if self.run is not None and self._session is not None:
            workspace = self._session.workspace
            record_returned(self.run, workspace, self.call, result, self._spare, self._warn)

    def fail(self, error: BaseException) -> None:
        """End the attempt as `error` says; the run too, unless another attempt is to follow. Raises nothing."""
        try:
            meaning = meaning_of(self.call, error)
            if meaning is ErrorMeaning.PAUSED:
                self.pause()
                return
            if meaning in (ErrorMeaning.DONE, ErrorMeaning.SKIPPED):
                if meaning is ErrorMeaning.SKIPPED and self.run is not None:
                    self.run.set_tag(TAG_SKIPPED, self._safe(str(error)) or "true")
                self.end(RunStatus.FINISHED, None)
                return
            status, reason = self.ending(error)
            with suppress(AttributeError, TypeError):  # an exception may refuse attributes
                error._stageline_reason = self._safe(reason)  # type: ignore[attr-defined]
            self.end(status, reason, is_final=meaning is ErrorMeaning.FATAL)
        except Exception as second:  # the task's own error is what its caller has to see
            self._warn(f"can not record how it ended: {self._told(second)}")

    def pause(self) -> None:
        """Leave the run as it is: the same attempt will go on with it, in another process."""
        run, self.run = self.run, None
        if run is not None:
            try:
                run.leave(waits=self.call.waits_elsewhere and not self._is_joined)
            except Exception as error:
                self._spare("set the run aside", error)
        self._leave_parent()

    def ending(self, error: BaseException) -> Ending:
        """Status and reason for what left the task."""
        return ending_of_call(self.call, error, ran_s=time.monotonic() - self._began_s)

    def end(
        self,
        status: RunStatus,
        reason: str | None,
        *,
        is_final: bool = False,
        points: Sequence[PointLogged] = (),
    ) -> None:
        """End the attempt, and the run unless this is a failure that the orchestrator means to try again.

        Args:
            status: How it ended.
            reason: Why, if it did not finish.
            is_final: Whether the orchestrator has said by now that it will not try again.
            points: The last that there is to log, for a run that is FINISHED.
        """
        run, self.run = self.run, None
        if run is not None:
            try:
                self._end(run, status, reason, is_final=is_final, points=points)
            except Exception as error:
                self._spare("end the run", error)
        self._leave_parent()

    def _end(
        self,
        run: ActiveRun,
        status: RunStatus,
        reason: str | None,
        *,
        is_final: bool,
        points: Sequence[PointLogged],
    ) -> None:
        reason = self._safe(reason)
        attempt = self._attempt(status, reason)
        if self._is_joined:
            if not run.stream.head.owns_end:
                run.leave()
        elif status is RunStatus.FAILED and self.call.will_retry and not is_final:
            run.leave(attempt, waits=self.call.waits_elsewhere)
            unfinished.keep(self, reason)
        else:
            run.end(status, reason, attempt, points)
            self._tell_of_end()

    def _tell_of_end(self) -> None:
        if self.call.on_end is not None and self._session is not None:
            try:
                self.call.on_end(self.call, self._session.workspace)
            except Exception as error:
                self._spare("tell of its end", error)

    def _safe(self, reason: str | None) -> str | None:
        return None if reason is None else self._redactor.text(reason)

    def _attempt(self, status: RunStatus, reason: str | None = None) -> Attempt:
        identity = self.call.identity
        return Attempt(
            number=identity.attempt,
            status=status,
            start_time=self._began_ms,
            end_time=time.time_ns() // 1_000_000 if status.is_terminal else None,
            reason=reason,
            links=dict(identity.links),
        )

    # -- errors of tracking -----------------------------------------------------------------------
    # Each `except Exception` above that ends here: of whatever kind an error of tracking is, it must not become the
    # task's. Plain blocks and no `with`, which would cost a small task four calls each.

    def _spare(self, what: str, error: Exception) -> None:
        """Tell of what went wrong in tracking: the task has work to do, unless its tracking asks to `raise`."""
        if self.call.tracking.on_error == "raise":
            raise error
        self._warn(f"can not {what}: {self._told(error)}")

    def _told(self, error: Exception) -> str:
        return self._redactor.text(f"{type(error).__name__}: {error}")

    def _warn(self, message: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            name = self.call.identity.display_name or self.call.identity.run_id
            _log.warning("tracking of %s: %s. The task goes on", name, message)
