"""One client for all servers of MLflow's protocol: plain sockets, so that what it costs is not what is compared."""

from __future__ import annotations

import json
import time
from statistics import median

from http_server import asked, connected, cpu_s, request_of, served, together
from population import EXPERIMENT, FILTER, ORDER, PAGE

API = "/api/2.0/mlflow/"
CONNECTIONS = 4
"""Each of them logs to a run of its own, as trainings do."""
POINTS = 1000
"""In a batch: as many as the protocol allows."""
SEARCHES = 5


def log_metric(command: list[str], size: int) -> dict[str, float]:
    """`size` points, one a request."""
    return _logged(command, size, "runs/log-metric", _point)


def log_batch(command: list[str], size: int) -> dict[str, float]:
    """`size` requests of `POINTS` points."""
    return _logged(command, size, "runs/log-batch", _batch)


def search(command: list[str]) -> dict[str, float]:
    """The median of some searches in what was prepared, after one that warms."""
    with served(command, "/health") as (port, pid), connected(port) as connection:
        name = request_of(port, "GET", f"{API}experiments/get-by-name?experiment_name={EXPERIMENT}")
        found = json.loads(asked(connection, name))["experiment"]["experiment_id"]
        body = {
            "experiment_ids": [found],
            "filter": FILTER,
            "order_by": [ORDER],
            "max_results": PAGE,
        }
        request = request_of(port, "POST", f"{API}runs/search", json.dumps(body).encode())
        if len(json.loads(asked(connection, request))["runs"]) != PAGE:
            raise RuntimeError("the search did not find what there is")
        laps = []
        cpu = cpu_s(pid)
        for _ in range(SEARCHES):
            start = time.perf_counter()
            asked(connection, request)
            laps.append(time.perf_counter() - start)
        cpu = cpu_s(pid) - cpu
    return {"wall_s": median(laps), "cpu_s": cpu / SEARCHES}


def _logged(command: list[str], size: int, path: str, body_of: object) -> dict[str, float]:
    assert callable(body_of)
    each = size // CONNECTIONS

    def log(port: int, run_id: str, first: int, count: int) -> None:
        requests = [
            request_of(port, "POST", API + path, json.dumps(body_of(run_id, first + n)).encode())
            for n in range(count)
        ]
        with connected(port) as connection:
            for request in requests:
                asked(connection, request)

    with served(command, "/health") as (port, pid):
        runs = [_new_run(port) for _ in range(CONNECTIONS)]
        warming = max(each // 10, 1)
        together(log, [(port, run, 0, warming) for run in runs])
        cpu, wall = cpu_s(pid), time.perf_counter()
        together(log, [(port, run, warming, each) for run in runs])
        wall, cpu = time.perf_counter() - wall, cpu_s(pid) - cpu
        _check(port, runs[0])
    return {"wall_s": wall, "cpu_s": cpu, "requests_s": size / wall}


def _new_run(port: int) -> str:
    body = json.dumps({"experiment_id": "0", "start_time": 1, "user_id": "bench"}).encode()
    with connected(port) as connection:
        made = json.loads(asked(connection, request_of(port, "POST", f"{API}runs/create", body)))
    found: str = made["run"]["info"]["run_id"]
    return found


def _check(port: int, run_id: str) -> None:
    """That what was answered is there."""
    with connected(port) as connection:
        run = json.loads(
            asked(connection, request_of(port, "GET", f"{API}runs/get?run_id={run_id}"))
        )
    if not run["run"]["data"].get("metrics"):
        raise RuntimeError("nothing was logged")


def _point(run_id: str, step: int) -> dict[str, object]:
    return {"run_id": run_id, "key": "loss", "value": 0.5 * step, "timestamp": step, "step": step}


def _batch(run_id: str, number: int) -> dict[str, object]:
    steps = range(number * POINTS, (number + 1) * POINTS)
    metrics = [{"key": "loss", "value": 0.5 * s, "timestamp": s, "step": s} for s in steps]
    return {"run_id": run_id, "metrics": metrics}
