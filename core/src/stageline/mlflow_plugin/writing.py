"""What MLflow logs, on its way into our runs: each is opened once in a process, and closed by its last status."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock, RLock
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from stageline.domain import names
from stageline.domain.events import StatusSet
from stageline.domain.logged_model import ModelMetric
from stageline.domain.run import MetricPoint
from stageline.errors import Conflict, InvalidInput, NotAllowed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stageline.domain.run import Run, RunStatus
    from stageline.tracking.active import ActiveRun
    from stageline.workspace import Workspace

_REMEMBERED_RUNS = 8
_REMEMBERED_POINTS = 100_000
"""Of one run: MLflow repeats points that it has just read, and that was a model's last steps."""


class Writing:
    """The runs of one workspace that this process writes for MLflow. Safe from many threads."""

    def __init__(self, workspace: Workspace) -> None:
        self._runs = workspace.runs
        self._workspace = workspace
        self._opening = RLock()
        self._seen: OrderedDict[str, set[MetricPoint]] = OrderedDict()

    @classmethod
    def of(cls, workspace: Workspace) -> Writing:
        """The same for all stores that MLflow makes over the workspace."""
        with _making:
            if workspace not in _made:
                _made[workspace] = cls(workspace)
            return _made[workspace]

    # -- runs -------------------------------------------------------------------------------------

    def create(
        self,
        experiment_id: str,
        run_name: str | None,
        tags: Mapping[str, str],
        start_time: int | None,
    ) -> ActiveRun:
        """Begin a run; when this returns, other processes can find it by its id."""
        active = self._runs.create(
            experiment_id, run_name=run_name or None, tags=tags, start_time=start_time
        )
        if not active.stream.lies_in_store:
            # MLflow hands ids to others, such as workers and projects, which ask for the run at once.
            active.stream.ship_start()
        return active

    def opened(self, run_id: str) -> ActiveRun:
        """The run's handle. Raises `NotFound`; `InvalidInput` if it is deleted."""
        active = self._runs.find_open(run_id)
        if active is not None:
            return active
        with self._opening:  # or two threads would open two streams, and one be forgotten
            try:
                return self._runs.opened(run_id)
            except NotAllowed as error:  # it is deleted: to MLflow a wrong argument
                raise InvalidInput(str(error)) from error

    def update(
        self, run_id: str, status: RunStatus | None, end_time: int | None, run_name: str | None
    ) -> Run:
        """Set what is given; the run as it stands then."""
        active = self.opened(run_id)
        if run_name:
            active.set_tags({"mlflow.runName": run_name})
        if status is not None:
            clock = self._workspace.clock
            ended = (end_time or clock.now_ms()) if status.is_terminal else None
            active.record(StatusSet(clock.stamp(), status, ended))
        run = active.snapshot()
        if status is not None and status.is_terminal:
            self._seen.pop(run_id, None)
            active.leave()
        return run

    def delete(self, run_id: str) -> None:
        """Put a run aside; whoever logs to it from now on is refused."""
        self._runs.delete(run_id)
        active = self._runs.find_open(run_id)
        if active is not None:
            active.leave()

    # -- what is logged ---------------------------------------------------------------------------

    def log_metrics(self, run_id: str, metrics: Sequence[Any]) -> None:
        """Points, and what they say of models."""
        active = self.opened(run_id)
        if len(metrics) == 1 and metrics[0].model_id is None:
            one = metrics[0]
            active.log_metric(one.key, one.value, one.step or 0, one.timestamp)
            return
        linked = [one for one in metrics if one.model_id is not None]
        links = (
            self._workspace.logged_models.measured(
                run_id, [(one.model_id, _of_model(one, run_id)) for one in linked]
            )
            if linked
            else {}
        )
        points = [MetricPoint(one.key, one.value, one.step or 0, one.timestamp) for one in metrics]
        known = self._seen.get(run_id)
        active.log_points([one for one in points if one not in known] if known else points)
        if links:
            active.set_tags(links)

    def log_params(self, run_id: str, params: Sequence[Any]) -> None:
        """Params, each once."""
        given = {one.key: one.value for one in params}
        if len(given) < len(params) and any(given[one.key] != one.value for one in params):
            raise InvalidInput("Duplicate parameter keys have been submitted with different values")
        try:
            self.opened(run_id).log_params(given)
        except Conflict as error:  # to MLflow a wrong argument
            raise InvalidInput(str(error)) from error

    def set_tags(self, run_id: str, tags: Mapping[str, str]) -> None:
        """Tags; the last value stays."""
        self.opened(run_id).set_tags(tags)

    def log_batch(
        self, run_id: str, metrics: Sequence[Any], params: Sequence[Any], tags: Sequence[Any]
    ) -> None:
        """All of one batch; params first, since only they can contradict what is known."""
        names.check_batch(metrics=len(metrics), params=len(params), tags=len(tags))
        for key in {one.key for one in metrics}:
            names.check_key("metric", key)
        if params:
            self.log_params(run_id, params)
        if metrics:
            self.log_metrics(run_id, metrics)
        if tags:
            self.set_tags(run_id, {one.key: one.value for one in tags})
        if not (metrics or params or tags):
            self.opened(run_id)  # for the error, if there is no such run

    def saw(self, run_id: str, points: Iterable[MetricPoint]) -> None:
        """Remember what MLflow has read: it logs the same again to say which model it belongs to."""
        seen = self._seen.setdefault(run_id, set())
        self._seen.move_to_end(run_id)
        if len(seen) < _REMEMBERED_POINTS:
            seen.update(points)
        while len(self._seen) > _REMEMBERED_RUNS:
            self._seen.popitem(last=False)


def _of_model(metric: Any, run_id: str) -> ModelMetric:
    return ModelMetric(
        metric.key,
        metric.value,
        metric.step or 0,
        metric.timestamp,
        run_id,
        metric.dataset_name,
        metric.dataset_digest,
    )


_made: WeakKeyDictionary[Workspace, Writing] = WeakKeyDictionary()
_making = Lock()
