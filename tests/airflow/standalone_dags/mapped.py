"""A task mapped over three values, and one that reads what they returned."""

from __future__ import annotations

from airflow.sdk import dag, task


@dag
def mapped():
    @task.stageline
    def train(alpha: float) -> dict[str, float]:
        import stageline

        for step in range(3):
            stageline.log_metric("loss", alpha / (step + 1), step=step)
        stageline.log_text("a file of this task", "notes.txt")
        return {"rmse": alpha}

    @task.stageline
    def best(trained: list[dict[str, float]]) -> dict[str, float]:
        return min(trained, key=lambda each: each["rmse"])

    best(train.expand(alpha=[0.3, 0.1, 0.2]))


mapped()
