"""A task that does the same whenever it is cleared, and one that is given something else then."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import dag, task


@dag
def cleared():
    @task
    def read(path: str) -> float:
        return float(Path(path).read_text())

    @task.stageline
    def same(alpha: float) -> dict[str, float]:
        return {"rmse": alpha}

    @task.stageline
    def changing(alpha: float) -> dict[str, float]:
        return {"rmse": alpha}

    same(0.5)
    changing(read("{{ dag_run.conf['folder'] }}/alpha"))


cleared()
