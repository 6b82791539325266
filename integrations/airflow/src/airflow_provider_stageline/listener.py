"""What Airflow tells of tasks and DAG runs: tracks whole operators, and ends the runs that their own process can not.

Every process of Airflow's has it; what it needs is imported where something is to do.
"""

from __future__ import annotations

from typing import Any

from airflow.listeners import hookimpl

from airflow_provider_stageline.marks import is_marked


class StagelineListener:
    """Registered by `StagelinePlugin`."""

    @hookimpl
    def on_starting(self, component: Any) -> None:
        """In a scheduler, a triggerer or a DAG processor, and in each task."""
        if type(component).__module__ == "airflow.jobs.job":
            load_what_tasks_need()

    @hookimpl
    def on_task_instance_running(self, previous_state: Any, task_instance: Any) -> None:
        """In the process of a task, before its operator is executed."""
        if not _is_of_this_process(task_instance):
            return
        tracks_all = _is_on("track_all", default=False)
        if not tracks_all and not is_marked(task_instance.task):
            return  # a task that has nothing to do with us loads nothing of ours
        from airflow_provider_stageline.operators_as_runs import track_operator, tracking_of

        tracking = tracking_of(task_instance.task, tracks_all=tracks_all)
        if tracking is not None:
            track_operator(task_instance.task, tracking)

    @hookimpl
    def on_task_instance_failed(self, previous_state: Any, task_instance: Any, error: Any) -> None:
        """In the process of a task that failed; or where Airflow says so of one whose process could not."""
        if _is_of_this_process(task_instance):
            self._end_unless_retried(task_instance)
        elif _is_on("end_dag_runs", default=True):
            self._end_lost(task_instance, error)

    @hookimpl
    def on_dag_run_success(self, dag_run: Any, msg: str) -> None:
        """In the scheduler."""
        self._end_dag_run(dag_run, "FINISHED", None)

    @hookimpl
    def on_dag_run_failed(self, dag_run: Any, msg: str) -> None:
        """In the scheduler."""
        self._end_dag_run(dag_run, "FAILED", msg or None)

    def _end_unless_retried(self, ti: Any) -> None:
        # A retry policy, or the end of the tries, may have decided otherwise than was planned.
        if str(getattr(ti.state, "value", ti.state)) != "failed":
            return
        from airflow_provider_stageline.links import noted_run
        from stageline.tasks import end_unfinished

        run_id = noted_run(ti)
        if run_id is not None:
            end_unfinished(run_id)

    def _end_lost(self, ti: Any, error: Any) -> None:
        from airflow_provider_stageline.dag_run_ends import end_lost_task
        from airflow_provider_stageline.identity import task_identity

        end_lost_task(task_identity({"ti": ti}), f"Airflow: {error or 'its process is gone'}"[:500])

    def _end_dag_run(self, dag_run: Any, status: str, reason: str | None) -> None:
        if not _is_on("end_dag_runs", default=True):
            return
        from airflow_provider_stageline.dag_run_ends import end_dag_run
        from stageline import RunStatus

        end_dag_run(dag_run, RunStatus(status), reason)


def load_what_tasks_need() -> None:
    """Import it where tasks and parsers are forked from: each would take 20 ms for it."""
    from airflow_provider_stageline import operators_as_runs  # noqa: F401
    from stageline import Workspace, activated  # noqa: F401
    from stageline.tasks import tracked_call  # noqa: F401


def _is_of_this_process(task_instance: Any) -> bool:
    """Whether this is the process of the task: elsewhere Airflow passes a row of its database."""
    return type(task_instance).__module__.startswith("airflow.sdk.")


def _is_on(option: str, *, default: bool) -> bool:
    from airflow.providers.common.compat.sdk import conf

    return bool(conf.getboolean("stageline", option, fallback=default))
