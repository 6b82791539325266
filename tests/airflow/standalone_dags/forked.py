"""A plain task that looks at what its process found loaded."""

from __future__ import annotations

import sys

from airflow.sdk import dag, task


@dag
def forked():
    @task
    def look() -> list[str]:
        return [name for name in sys.modules if name.startswith("stageline.")]

    look()


forked()
