"""What an installed Stageline must do, whatever it was installed beside: run by the Python of a fresh environment.

    python smoke.py core|prefect|airflow

Prints one line of figures. Needs nothing but the standard library and what was installed.
"""

from __future__ import annotations

import importlib
import importlib.metadata as metadata
import json
import os
import re
import resource
import signal
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from pathlib import Path

PROGRAM = str(Path(sysconfig.get_path("scripts")) / "stageline")
WITHIN_S = 120.0
HEAVY = {
    "adlfs", "dulwich", "fastapi", "gcsfs", "lark", "matplotlib", "numpy", "pandas", "pydantic", "pyarrow",
    "rich", "s3fs", "sklearn", "sqlite3", "starlette", "tenacity", "typer", "uvicorn", "yaml",
}  # fmt: skip
"""What `import stageline` leaves alone."""
ONE_METRIC = """
import stageline
stageline.set_store({store!r})
with stageline.start_run() as run:
    stageline.log_metric("m", 0.5)
"""
LOGGED = """
import stageline
stageline.set_store({store!r})
stageline.set_experiment("wine")
with stageline.start_run(run_name="first") as run:
    stageline.log_param("alpha", 0.1)
    for step in range(5):
        stageline.log_metric("rmse", 1 / (step + 1), step=step)
    stageline.log_text("flavors: {{f: {{}}}}\\n", "model/MLmodel")
found = stageline.search_runs(experiment_names=["wine"], filter_string="metrics.rmse < 0.5", output_format="list")
assert [one.info.run_id for one in found] == [run.info.run_id], found
stageline.Workspace.open({store!r}).registry.register("wine", run_id=run.info.run_id, artifact_path="model")
print(run.info.run_id)
"""


def main() -> None:
    which = sys.argv[1]
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.chdir(home)
        os.environ.update(HOME=folder, XDG_CACHE_HOME=f"{folder}/cache", PYTHONWARNINGS="default")
        if which == "core":
            installed_not_editable("stageline")
            command_line()
            run_id = logged_and_found(home)
            promoted(home)
            pages_answer(home, run_id)
            figures(home)
        elif which == "prefect":
            tracked_in_prefect(home)
        else:
            described_to_airflow(home)


def installed_not_editable(name: str) -> None:
    where = Path(importlib.import_module(name).__file__ or "").resolve()
    assert where.is_relative_to(Path(sys.prefix).resolve()), where
    files = {str(one) for one in metadata.files(name) or ()}
    assert f"{name}/py.typed" in files
    assert any(one.endswith(".html") for one in files), "no templates in the wheel"
    assert any(one.endswith(".css") for one in files), "no styles in the wheel"


def command_line() -> None:
    groups = metadata.entry_points()
    for group in ("stageline.launchers", "mlflow.tracking_store", "mlflow.artifact_repository"):
        found = groups.select(group=group)
        assert len(found) > 0, group
        for one in found:
            assert importlib.util.find_spec(one.module), one
    assert len(groups.select(group="stageline.flavors")) >= 7
    said = ran(PROGRAM, "--help")
    for word in ("registry", "runs", "server", "ui", "gc"):
        assert word in said, word
    assert metadata.version("stageline") in ran(PROGRAM, "--version")
    for group in ("runs", "registry", "experiments", "artifacts", "models", "lineage"):
        ran(PROGRAM, group, "--help")


def logged_and_found(home: Path) -> str:
    store = str(home / "store")
    run_id = ran(sys.executable, "-W", "error", "-c", LOGGED.format(store=store)).split()[-1]
    listed = json.loads(
        ran(PROGRAM, "runs", "list", "--store", store, "-e", "wine", "--json").splitlines()[0]
    )
    assert run_id in json.dumps(listed), listed
    return run_id


def promoted(home: Path) -> None:
    store = str(home / "store")
    ran(PROGRAM, "registry", "transition", "models:/wine/1", "Production", "--store", store)
    assert "Production" in ran(
        PROGRAM, "registry", "show", "models:/wine/1", "--store", store, "--json"
    )
    ran(PROGRAM, "doctor", store)


def pages_answer(home: Path, run_id: str) -> None:
    log = home / "server.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [PROGRAM, "ui", "--port", "0", "--store", str(home / "store")], stdout=out, stderr=out
        )
    try:
        port = served_at(log, server)
        address = f"http://127.0.0.1:{port}"
        experiment = json.loads(
            got(f"{address}/api/2.0/mlflow/experiments/get-by-name?experiment_name=wine")
        )["experiment"]["experiment_id"]
        assets: set[str] = set()
        for path in (
            "/experiments",
            f"/experiments/{experiment}",
            f"/experiments/{experiment}/charts",
            f"/runs/{run_id}",
            f"/runs/{run_id}/charts",
            f"/runs/{run_id}/artifacts?path=model/MLmodel",
            "/models",
            "/models/wine",
            "/models/wine/history",
            "/models/wine/versions/1",
            "/requests",
            "/lineage?of=models:/wine/1",
        ):
            page = got(address + path).decode()
            assert "</html>" in page, path
            assets |= set(re.findall(r"/static/[\w./-]+\.(?:js|css|svg)", page))
        names = {one.rpartition("/")[2] for one in assets}
        assert {"plotly.min.js", "charts.js"} <= names, names
        for asset in assets:
            content = got(address + asset)
            assert len(content) > 100, asset
            if asset.endswith("plotly.min.js"):
                assert len(content) > 1_000_000, len(content)
    except Exception:
        print(log.read_text()[-5000:], file=sys.stderr)
        raise
    finally:
        server.send_signal(signal.SIGTERM)
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            raise
    assert server.returncode == 0, log.read_text()


def served_at(log: Path, server: subprocess.Popen[bytes]) -> int:
    until = time.monotonic() + WITHIN_S
    while time.monotonic() < until:
        found = re.search(r"on http://127\.0\.0\.1:(\d+)", log.read_text())
        if found:
            return int(found[1])
        assert server.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(f"no server within {WITHIN_S} s: {log.read_text()}")


def figures(home: Path) -> None:
    """CPU of a script that logs one metric beside the interpreter with SQLite; and what it did not import."""
    seen = ran(sys.executable, "-c", "import stageline, sys; print(' '.join(sys.modules))").split()
    heavy = HEAVY & {name.partition(".")[0] for name in seen}
    assert not heavy, f"`import stageline` loads {sorted(heavy)}"
    slow = ran(sys.executable, "-X", "importtime", "-c", "import stageline", both=True)
    total_us = [int(one.split("|")[1]) for one in slow.splitlines() if one.endswith("| stageline")]
    bare = cpu_s("import sqlite3")
    ours = cpu_s(ONE_METRIC.format(store=str(home / "one")))
    print(
        f"import stageline {total_us[-1] / 1000:.0f} ms, {len(seen)} modules; one metric: {ours * 1000:.0f} ms of CPU, "
        f"{ours / bare:.1f} times the interpreter with sqlite3 ({bare * 1000:.0f} ms)"
    )


def cpu_s(code: str) -> float:
    taken = []
    for _ in range(7):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        ran(sys.executable, "-c", code)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        taken.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(taken)


def tracked_in_prefect(home: Path) -> None:
    installed = metadata.entry_points(group="prefect.collections")
    assert "prefect_stageline" in {one.name for one in installed}
    code = f"""
import stageline
from prefect import flow
from prefect_stageline import tracked_task
stageline.set_store({str(home / "store")!r})

@tracked_task
def train(alpha: float = 0.1) -> dict[str, float]:
    return {{"rmse": alpha}}

@flow
def daily() -> None:
    train()

daily()
"""
    os.environ.update(
        PREFECT_HOME=str(home / "prefect"),
        PREFECT_SERVER_ANALYTICS_ENABLED="false",
        DO_NOT_TRACK="1",
        STAGELINE_STORE=str(home / "store"),
        PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="120",
    )
    (home / "daily.py").write_text(code)
    ran(sys.executable, "daily.py")
    assert "train" in ran(PROGRAM, "runs", "list", "--store", str(home / "store"), "--json")
    print(f"prefect {metadata.version('prefect')}: a tracked task was found")


def described_to_airflow(home: Path) -> None:
    os.environ.update(AIRFLOW_HOME=str(home / "airflow"), AIRFLOW__CORE__LOAD_EXAMPLES="False")
    described = metadata.entry_points(group="apache_airflow_provider", name="provider_info")
    (entry,) = [one for one in described if one.value.startswith("airflow_provider_stageline.")]
    info = entry.load()()
    assert info["package-name"] == "airflow-provider-stageline", info
    code = """
from airflow.sdk import dag, task
from airflow_provider_stageline import tracked_task

@dag(schedule=None)
def daily():
    @task
    @tracked_task
    def train() -> dict[str, float]:
        return {"rmse": 0.1}
    train()

found = daily().task_ids
assert [*found] == ["train"], found
"""
    (home / "daily.py").write_text(code)
    ran(sys.executable, "daily.py")
    print(f"airflow {metadata.version('apache-airflow')}: a DAG with a tracked task was parsed")


def ran(*words: str, both: bool = False) -> str:
    done = subprocess.run(words, capture_output=True, text=True, timeout=WITHIN_S * 2, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout[-3000:]}\n{done.stderr[-6000:]}"
    return done.stderr if both else done.stdout


def got(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=WITHIN_S) as answer:
        content: bytes = answer.read()
    return content


if __name__ == "__main__":
    main()
