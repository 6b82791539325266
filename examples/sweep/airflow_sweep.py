"""A sweep by Airflow: each candidate a mapped task, its run a child of the DAG run's; the best one is registered."""

from typing import Any

from airflow.sdk import dag, task
from candidate import GRID, register_best, train

from airflow_provider_stageline import Tracking, current_run


@dag(schedule=None, tags=["stageline"])
def sweep() -> None:
    @task.stageline(
        experiment="sweep", run_name="depth={max_depth} rate={learning_rate}", retries=1
    )
    def fit(max_depth: int, learning_rate: float) -> dict[str, Any]:
        return {**train(max_depth, learning_rate), "run_id": current_run().run_id}

    @task.stageline(tracking=Tracking(experiment="sweep", params=False))
    def register(candidates: list[dict[str, Any]]) -> str:
        return register_best(list(candidates))

    register(fit.expand_kwargs(GRID))


sweep()
