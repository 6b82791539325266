"""The fold of a run: how the records of any number of writers add up, in any order, twice or once.

A `RunSummary` is an element of a join-semilattice: `merge` is commutative, associative and idempotent (Shapiro
et al., "Conflict-free Replicated Data Types", 2011), so shipping, listing and compaction need not agree on an order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from typing_extensions import assert_never

from stageline.domain import events as ev
from stageline.domain.run import (
    TAG_RUN_NAME,
    TAG_USER,
    Attempt,
    DatasetInput,
    LifecycleStage,
    MetricPoint,
    Run,
    RunData,
    RunInfo,
    RunInputs,
    RunStatus,
)

if TYPE_CHECKING:
    from collections.abc import Collection

SUMMARY_FORMAT = "stageline.summary/1"


class LastPoint(NamedTuple):
    """The last point of a metric: the greatest of its kind, as tuples compare (NaN is never greater)."""

    attempt: int
    step: int
    timestamp: int
    value: float


class StatusAt(NamedTuple):
    """A status with the stamp that decides between two of them."""

    stamp: int
    status: RunStatus
    end_time: int | None
    reason: str | None


class RunSummary(msgspec.Struct):
    """Everything about a run but its series, its output and its files."""

    run_id: str
    format: str = SUMMARY_FORMAT
    started: tuple[int, int] | None = None
    """Start time in milliseconds, and its stamp; the least stays."""
    experiment: tuple[int, str] | None = None
    """Stamp and id of the experiment; the least stays."""
    status: StatusAt | None = None
    deletion: tuple[int, bool] | None = None
    params: dict[str, tuple[int, str]] = {}
    tags: dict[str, tuple[int, str | None]] = {}
    metrics: dict[str, LastPoint] = {}
    inputs: dict[str, tuple[int, DatasetInput]] = {}
    attempts: dict[int, tuple[int, Attempt]] = {}

    @property
    def experiment_id(self) -> str | None:
        """The experiment, where its id is known."""
        return self.experiment[1] if self.experiment else None

    @property
    def is_deleted(self) -> bool:
        """Whether the run waits to be collected."""
        return bool(self.deletion and self.deletion[1])

    @property
    def is_running(self) -> bool:
        """Whether nothing has said that the run is over."""
        return self.status is None or not self.status.status.is_terminal

    @property
    def is_waiting(self) -> bool:
        """Whether it has been set aside, to go on later: that nobody writes it is no sign that its process vanished."""
        return self.status is not None and self.status.status is RunStatus.SCHEDULED

    # -- building ---------------------------------------------------------------------------------

    def apply(self, event: ev.AnyEvent, attempt: int = 1) -> None:
        """Take one record in. Files and output are not part of a summary and pass by."""
        match event:
            case ev.PointLogged():
                self.take_point(
                    event.key, LastPoint(attempt, event.step, event.timestamp, event.value)
                )
            case ev.Started():
                self._take_start(event)
            case ev.ParamsLogged():
                for key, param in event.values.items():
                    _keep_least(self.params, key, (event.stamp, param))
            case ev.TagsSet():
                for key, tag in event.values.items():
                    _keep_latest(self.tags, key, (event.stamp, tag))
            case ev.InputsLogged():
                for given in event.inputs:
                    _keep_latest(self.inputs, given.key, (event.stamp, given))
            case ev.AttemptNoted():
                _keep_latest(self.attempts, event.attempt.number, (event.stamp, event.attempt))
            case ev.StatusSet():
                self.status = _latest_status(
                    self.status, StatusAt(event.stamp, event.status, event.end_time, event.reason)
                )
            case ev.DeletionSet():
                self.deletion = _latest(self.deletion, (event.stamp, event.deleted))
            case ev.PointsLogged():
                for key, last in event.last.items():
                    self.take_point(key, LastPoint(attempt, *last))
            case ev.ArtifactsStored() | ev.OutputWritten() | ev.Unknown():
                pass
            case _:
                assert_never(event)

    def take_point(self, key: str, point: LastPoint) -> None:
        """Keep `point` if it is the last one of `key`."""
        known = self.metrics.get(key)
        if known is None or _order(point) > _order(known):
            self.metrics[key] = point

    def _take_start(self, event: ev.Started) -> None:
        self.started = _least(self.started, (event.start_time, event.stamp))
        if event.experiment_id is not None:
            self.experiment = _least(self.experiment, (event.stamp, event.experiment_id))
        if not self.tags:
            self.tags = {key: (event.stamp, tag) for key, tag in event.tags.items()}
            return
        for key, tag in event.tags.items():
            _keep_latest(self.tags, key, (event.stamp, tag))

    def copy(self) -> RunSummary:
        """One that shares nothing mutable with this."""
        return RunSummary(
            run_id=self.run_id,
            started=self.started,
            experiment=self.experiment,
            status=self.status,
            deletion=self.deletion,
            params=dict(self.params),
            tags=dict(self.tags),
            metrics=dict(self.metrics),
            inputs=dict(self.inputs),
            attempts=dict(self.attempts),
        )

    # -- showing ----------------------------------------------------------------------------------

    def to_run(self, artifact_uri: str) -> Run:
        """The run as its user sees it."""
        status = self.status or StatusAt(0, RunStatus.RUNNING, None, None)
        tags = {key: value for key, (_, value) in sorted(self.tags.items()) if value is not None}
        return Run(
            info=RunInfo(
                run_id=self.run_id,
                run_name=tags.get(TAG_RUN_NAME, ""),
                experiment_id=self.experiment_id or "",
                user_id=tags.get(TAG_USER, ""),
                status=status.status,
                start_time=self.started[0] if self.started else 0,
                end_time=status.end_time,
                lifecycle_stage=LifecycleStage.DELETED
                if self.is_deleted
                else LifecycleStage.ACTIVE,
                artifact_uri=artifact_uri,
                reason=status.reason,
            ),
            data=RunData(
                metrics={key: point.value for key, point in sorted(self.metrics.items())},
                params={key: value for key, (_, value) in sorted(self.params.items())},
                tags=tags,
            ),
            inputs=RunInputs(
                dataset_inputs=[given for _, (_, given) in sorted(self.inputs.items())]
            ),
            metrics={
                key: MetricPoint(key, point.value, point.step, point.timestamp)
                for key, point in sorted(self.metrics.items())
            },
            attempts=self._settled_attempts(status),
        )

    def _settled_attempts(self, status: StatusAt) -> list[Attempt]:
        """The attempts, where one that never said how it ended is not taken for a running one."""
        numbers = sorted(self.attempts)
        told = [self.attempts[number][1] for number in numbers]
        for place, attempt in enumerate(told):
            if attempt.status.is_terminal:
                continue
            if place + 1 < len(told):
                follower = told[place + 1]
                reason = f"its process vanished: attempt {follower.number} followed"
                told[place] = msgspec.structs.replace(
                    attempt,
                    status=RunStatus.KILLED, end_time=follower.start_time, reason=reason,
                )  # fmt: skip
            elif status.status.is_terminal:
                told[place] = msgspec.structs.replace(
                    attempt,
                    status=status.status, end_time=status.end_time, reason=status.reason,
                )  # fmt: skip
        return told


def merge(one: RunSummary, other: RunSummary) -> RunSummary:
    """What both say together. Commutative, associative, idempotent; neither argument changes."""
    both = one.copy()
    if other.started:
        both.started = _least(both.started, other.started)
    if other.experiment:
        both.experiment = _least(both.experiment, other.experiment)
    if other.status:
        both.status = _latest_status(both.status, other.status)
    if other.deletion:
        both.deletion = _latest(both.deletion, other.deletion)
    for key, param in other.params.items():
        _keep_least(both.params, key, param)
    for key, tag in other.tags.items():
        _keep_latest(both.tags, key, tag)
    for key, point in other.metrics.items():
        both.take_point(key, point)
    for key, given in other.inputs.items():
        _keep_latest(both.inputs, key, given)
    for number, attempt in other.attempts.items():
        _keep_latest(both.attempts, number, attempt)
    return both


# -- which of two stays -------------------------------------------------------------------------------


def last_of(points: Collection[tuple[int, int, float]]) -> tuple[int, int, float]:
    """The greatest of (step, timestamp, value), where a number is greater than NaN."""
    step, timestamp, value = last = max(points)
    if value == value:
        return last
    # NaN hides from `max` the numbers that share its step and timestamp.
    return max(
        (point for point in points if point[:2] == (step, timestamp)),
        key=lambda point: (point[2] == point[2], point[2] if point[2] == point[2] else 0.0),
    )


def _order(point: LastPoint) -> tuple[int, int, int, bool, float]:
    is_number = point.value == point.value
    return point.attempt, point.step, point.timestamp, is_number, point.value if is_number else 0.0


def _text(value: Any) -> bytes:
    return msgspec.msgpack.encode(value, order="sorted")


def _latest(known: Any, new: Any) -> Any:
    if known is None or new[0] > known[0]:
        return new
    if new[0] == known[0] and _text(new) > _text(known):
        return new
    return known


def _latest_status(known: StatusAt | None, new: StatusAt) -> StatusAt:
    # Whoever concludes that a run has vanished does so with the stamp of what it said last: its end stands above that.
    if known is not None and known.stamp == new.stamp:
        over = new.status.is_terminal
        if over != known.status.is_terminal:
            return new if over else known
    latest: StatusAt = _latest(known, new)
    return latest


def _keep_latest(kept: dict[Any, Any], key: Any, new: tuple[int, Any]) -> None:
    known = kept.get(key)
    kept[key] = new if known is None else _latest(known, new)


def _least(known: Any, new: Any) -> Any:
    return new if known is None or new < known else known


def _keep_least(kept: dict[str, tuple[int, str]], key: str, new: tuple[int, str]) -> None:
    kept[key] = _least(kept.get(key), new)
