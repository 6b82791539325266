"""The rows `prefect` and `airflow`: what tracking adds to a task, each measured in its orchestrator's environment."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
# `make bench` builds Prefect's environment and runs in it; `make bench-airflow` builds Airflow's.
PYTHONS = {
    "prefect": Path(sys.executable),
    "airflow": HERE.parents[1] / ".venv/airflow/bin/python",
}


def run(names: Iterable[str], rounds: int) -> None:
    """Let each of the scripts say what it measures."""
    for name in names:
        print(f"### {name}\n", flush=True)
        if not PYTHONS[name].exists():
            print(f"no {PYTHONS[name]}: `make bench-{name}` builds it\n")
            continue
        script = str(HERE / f"{name}_tasks.py")
        subprocess.run([str(PYTHONS[name]), script, "--rounds", str(rounds)], check=True)
        print(flush=True)
