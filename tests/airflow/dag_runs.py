"""How tests run DAGs: text of a DAG file and of a script, in a fork of a process that has Airflow loaded."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

START_WITHIN_S = 180.0
RUN_WITHIN_S = 120.0


@dataclass
class JobFailed(AssertionError):
    """The script left no answer."""

    how: str
    log: str

    def __str__(self) -> str:
        return f"{self.how}\n{self.log[-12000:]}"


class WarmAirflow:
    """The process of `warm_airflow.py`; a new one if it dies."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._process: subprocess.Popen[bytes] | None = None

    def do(self, job: dict[str, Any]) -> dict[str, Any]:
        """Send a job, and wait for its answer."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], START_WITHIN_S + job["within_s"])
        line = process.stdout.readline() if ready else b""
        if not line:
            self.close()
            raise RuntimeError(f"Airflow died: {(self._home / 'warm.log').read_text()[-3000:]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self.close()
            with open(self._home / "warm.log", "ab") as log:
                self._process = subprocess.Popen(
                    [sys.executable, str(Path(__file__).with_name("warm_airflow.py"))],
                    env={**os.environ, "AIRFLOW_HOME": str(self._home)},
                    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                )  # fmt: skip
        return self._process


class DagRuns:
    """Runs what a test gives it; after each call, `log` is what Airflow and the tasks printed."""

    def __init__(self, warm: WarmAirflow, store: str, folder: Path) -> None:
        self._warm = warm
        self.log = ""
        self.environment = {
            "HOME": str(folder),
            "STAGELINE_CACHE": str(folder / "cache-of-tasks"),
            "AIRFLOW_CONN_STAGELINE_DEFAULT": json.dumps({"conn_type": "stageline", "host": store}),
        }

    def do(
        self,
        dags: str,
        script: str,
        *,
        within_s: float = RUN_WITHIN_S,
        **environment: str,
    ) -> Any:
        """Write the DAG file, run the script in a process of its own, and return its `answer`.

        The script finds four functions: `dag_of(dag_id)`, the DAG as the file defines it;
        `run(dag_id, **options of dag.test)`, which returns `{"run_id", "state", "tasks"}`;
        `go_on(dag_id, run_id, clear=("task",))`, which runs what is left; and `rewrite(dags)`, another DAG file.

        Raises:
            JobFailed: it raised, or took longer than `within_s` and was killed.
        """
        done = self._warm.do(
            {
                "dags": textwrap.dedent(dags),
                "script": textwrap.dedent(script),
                "environment": {**self.environment, **environment},
                "within_s": within_s,
            }
        )
        self.log = done["log"]
        if "error" in done:
            raise JobFailed(done["error"], done["log"])
        return done["answer"]

    def run(self, dags: str, dag_id: str = "pipeline", **environment: str) -> dict[str, Any]:
        """Run one DAG of the file by `dag.test()`."""
        answer: dict[str, Any] = self.do(dags, f"answer = run({dag_id!r})", **environment)
        return answer
