"""A task that fails once."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import dag, task


@dag
def retried():
    @task.stageline(retries=1, retry_delay=timedelta(0))
    def fail_once(alpha: float, ti=None) -> dict[str, float]:
        if ti.try_number == 1:
            raise RuntimeError("the first time")
        return {"rmse": alpha / 2}

    fail_once(0.5)


retried()
