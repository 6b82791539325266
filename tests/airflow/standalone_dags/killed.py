"""A task that waits for its death the first time."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path

from airflow.sdk import dag, task

DIES_WITHIN_S = 1500.0


@dag
def killed():
    @task.stageline(retries=1, retry_delay=timedelta(0))
    def train(folder: str) -> dict[str, float]:
        import stageline

        told = Path(folder, "pid")
        if told.exists():
            return {"loss": 0.25}
        stageline.log_metric("loss", 1.0)
        half = told.with_suffix(".half")
        half.write_text(str(os.getpid()))
        half.rename(told)
        give_up = time.monotonic() + DIES_WITHIN_S
        while time.monotonic() < give_up:
            time.sleep(0.1)
        raise RuntimeError("nobody killed this process")

    train("{{ dag_run.conf['folder'] }}")


killed()
