"""A task mapped over three values, and one that reads what they returned."""

from __future__ import annotations

from airflow.sdk import dag, task


@dag
def mapped():
    @task.stageline
    def train(alpha: float) -> dict[str, float]:
        return {"rmse": alpha}

    @task.stageline
    def best(trained: list[dict[str, float]]) -> dict[str, float]:
        return min(trained, key=lambda each: each["rmse"])

    best(train.expand(alpha=[0.3, 0.1, 0.2]))


mapped()
