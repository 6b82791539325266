"""`make bench-airflow`: what tracking adds to a task of Airflow, and the provider to the parsing of a DAG file.

Plain and tracked tasks take turns in one DAG run, which `dag.test()` runs in a fork of a process that has Airflow
loaded; each round is a fork of its own. A real task is the first of its process: forked by a scheduler it finds loaded
what tracking needs (the provider's listener sees to it), with other executors it may not. *Execute* is the operator's
own method, which is where tracking happens; *task* is all of a task instance but the start of its process: Airflow's
own work with it, XComs, states, the link.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DAG = """
from airflow.sdk import chain, dag, task

def body(x: float) -> dict[str, float]:
    return {"m": x}

@dag
def alternating():
    tasks = [task(task_id="other_0")(body)(1.0)]  # pays for what Airflow loads late
    for number in range(10):
        tasks.append(task(task_id=f"plain_{number}")(body)(1.0))
        tasks.append(task.stageline(task_id=f"tracked_{number}")(body)(1.0))
    chain(*tasks)

alternating()
"""

PARSED = {
    "`@task.python` once more": "@task.python\ndef body(): ...",
    "`@tracked_task`": "from airflow_provider_stageline import tracked_task\n@task\n@tracked_task\ndef body(): ...",
    "`@task.stageline`": "@task.stageline\ndef body(): ...",
    "`retraining_dag`": "from airflow_provider_stageline.retraining import retraining_dag",
}
TIMED = """
import json, sys, time
from airflow.sdk import dag, task
@task.python
def known(): ...
began, cpu = time.perf_counter(), time.process_time()
exec(sys.argv[1])
print(json.dumps([time.perf_counter() - began, time.process_time() - cpu]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench-airflow", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    outside = "/var/tmp" if os.path.isdir("/var/tmp") else None
    with tempfile.TemporaryDirectory(prefix="stageline-bench-", dir=outside) as folder:
        _settle(Path(folder))
        print(
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {given.rounds} rounds, medians\n"
        )
        print(_parsing(given.rounds))
        print(_tasks(given.rounds, Path(folder)))


def _settle(home: Path) -> None:
    connection = {"conn_type": "stageline", "host": str(home / "store")}
    os.environ.update(
        AIRFLOW_HOME=str(home),
        AIRFLOW__CORE__LOAD_EXAMPLES="False",
        AIRFLOW__USAGE_DATA_COLLECTION__ENABLED="False",
        AIRFLOW_CONN_STAGELINE_DEFAULT=json.dumps(connection),
        STAGELINE_CACHE=str(home / "cache"),
    )
    (home / "dags").mkdir()
    (home / "dags" / "alternating.py").write_text(DAG)
    airflow = Path(sys.executable).with_name("airflow")
    subprocess.run([str(airflow), "db", "migrate"], check=True, capture_output=True)
    shutil.copy(home / "airflow.db", home / "migrated.db")


def _parsing(rounds: int) -> str:
    taken: dict[str, list[list[float]]] = {name: [] for name in PARSED}
    for _ in range(rounds):
        for name, text in PARSED.items():
            done = subprocess.run(
                [sys.executable, "-c", TIMED, text], check=True, capture_output=True
            )
            taken[name].append(json.loads(done.stdout.splitlines()[-1]))
    lines = ["| parsing, after Airflow and `@task.python` | wall ms | CPU ms |", "|---|---:|---:|"]
    for name, values in taken.items():
        wall, cpu = (1e3 * statistics.median(each) for each in zip(*values, strict=True))
        lines.append(f"| {name} | {wall:.1f} | {cpu:.1f} |")
    return "\n".join([*lines, ""])


def _tasks(rounds: int, home: Path) -> str:
    import airflow.dag_processing.dagbag
    import airflow.sdk.execution_time.supervisor
    import airflow.serialization.serialized_objects  # noqa: F401

    taken: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for number in range(2 * rounds):
        for left in home.glob("airflow.db-*"):
            left.unlink()  # or SQLite puts the log of the round before over the new one
        shutil.copy(home / "migrated.db", home / "airflow.db")
        is_loaded = number % 2 == 1
        pid = os.fork()
        if pid == 0:
            _round(home, home / f"{number}.json", is_loaded=is_loaded)
        assert os.waitpid(pid, 0)[1] == 0, (home / "log").read_text()[-4000:]
        for name, spans in json.loads((home / f"{number}.json").read_text()).items():
            kind, index = name.rsplit("_", 1)
            if kind == "other":
                continue
            for span, seconds in spans.items():
                first = "first in a process" if is_loaded else "first, nothing loaded before"
                place = f"{span}, {first}" if index == "0" else f"{span}, later"
                taken.setdefault(place, {}).setdefault(kind, []).append(seconds)
    lines = [
        "| | plain ms | tracked ms | more, ms | more, ms of CPU |",
        "|---|---:|---:|---:|---:|",
    ]
    for place, kinds in taken.items():
        (plain, plain_cpu), (tracked, tracked_cpu) = (
            [1e3 * statistics.median(values) for values in zip(*kinds[kind], strict=True)]
            for kind in ("plain", "tracked")
        )
        more = f"{tracked - plain:.2f} | {tracked_cpu - plain_cpu:.2f}"
        lines.append(f"| {place} | {plain:.2f} | {tracked:.2f} | {more} |")
    return "\n".join([*lines, ""])


def _round(home: Path, told: Path, *, is_loaded: bool) -> None:
    code = 1
    try:
        log = os.open(home / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        from airflow import settings
        from airflow.dag_processing.dagbag import DagBag
        from airflow.sdk.execution_time import supervisor, task_runner

        if is_loaded:
            from airflow_provider_stageline.listener import load_what_tasks_need

            load_what_tasks_need()
        settings.dispose_orm(do_log=False)
        settings.configure_orm()
        spans: dict[str, dict[str, tuple[float, float]]] = {}
        task_runner._run_execute_callable = _timed(
            task_runner._run_execute_callable, "execute", lambda call: call[2].task_id, spans
        )
        supervisor.run_task_in_process = _timed(
            supervisor.run_task_in_process, "task", lambda call: call[1].task_id, spans
        )
        dag = DagBag(dag_folder=str(home / "dags")).dags["alternating"]
        done = dag.test()
        assert str(done.state) == "success", done.state
        told.write_text(json.dumps(spans))
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


def _timed(function: Any, span: str, name_of: Any, spans: Any) -> Any:
    def timed(*args: Any, **kwargs: Any) -> Any:
        began, cpu = time.perf_counter(), time.process_time()
        try:
            return function(*args, **kwargs)
        finally:
            taken = time.perf_counter() - began, time.process_time() - cpu
            spans.setdefault(name_of([*args, *kwargs.values()]), {})[span] = taken

    return timed


if __name__ == "__main__":
    main()
