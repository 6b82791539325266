"""Operators whose work is a run of its own, like that of a tracked task: each try an attempt of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from airflow_provider_stageline.operators.operator import StagelineOperator
from airflow_provider_stageline.stores import CONNECTION
from airflow_provider_stageline.tasks import tracked_task
from stageline.tasks import Tracking


class RecordedOperator(StagelineOperator):
    """Records its work.

    Args:
        experiment: Of the run; default: that of the connection.
    """

    template_fields: Sequence[str] = ("experiment", *StagelineOperator.template_fields)
    tracks_itself = True
    recorded_run_id: str | None = None
    """The run, once there is one."""

    def __init__(self, *, experiment: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.experiment = experiment

    @property
    def tracking(self) -> Tracking:
        """Where it is recorded; what the work is worth noting, it notes itself."""
        return Tracking(
            store=CONNECTION + self.stageline_conn_id,
            experiment=self.experiment,
            metrics=None,
            artifacts=None,
        )

    def record(self, work: Callable[..., Any], **arguments: Any) -> Any:
        """Do the work; its arguments are the params of the run."""
        return tracked_task(tracking=self.tracking)(work)(**arguments)

    def running(self) -> Any:
        """The run of the work that calls this; None if it can not be recorded."""
        from stageline import active_run

        run = active_run()
        self.recorded_run_id = None if run is None else run.run_id
        return run
