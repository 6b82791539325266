"""A sweep by Prefect: each candidate a mapped task, its run a child of the flow's; the best one is registered."""

from typing import Any

from candidate import GRID, register_best, train

from prefect_stageline import Tracking, current_run, tracked_flow, tracked_task


@tracked_task(task_run_name="depth={max_depth} rate={learning_rate}", retries=1)
def fit(max_depth: int, learning_rate: float) -> dict[str, Any]:
    return {**train(max_depth, learning_rate), "run_id": current_run().run_id}


@tracked_flow(tracking=Tracking(experiment="sweep"))
def sweep() -> str:
    depths = [one["max_depth"] for one in GRID]
    rates = [one["learning_rate"] for one in GRID]
    return register_best(fit.map(depths, rates).result())


if __name__ == "__main__":
    print(sweep())
