"""The one Airflow that a session's tests talk to, with its users, its store and a page for its links."""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rest import DagRun, Rest, rest_of
from standalone import ADMIN, APPROVER, Standalone

from stageline.registry import MetricRule, Policy
from stageline.workspace import Workspace

DAGS = Path(__file__).with_name("standalone_dags")
EXAMPLES = Path(__file__).parents[2] / "examples" / "airflow"
RETRAINING, MODEL = "diabetes_retraining", "diabetes"


@pytest.fixture(scope="session")
def pages() -> Iterator[str]:
    """The address of a web server on loopback that has a page at every path, which says its path."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="session")
def standalone(
    airflow_home: Path,
    pages: str,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
) -> Iterator[Standalone]:
    """A real Airflow whose connection `stageline_default` is a folder."""
    home = tmp_path_factory.mktemp("standalone")
    connection = {
        "conn_type": "stageline",
        "host": str(home / "store"),
        "extra": {"ui_url": pages},
    }
    failed_before = request.session.testsfailed
    running = Standalone(
        home,
        migrated=airflow_home / "migrated.db",
        dags={path.name: _dag_file(path) for path in [*DAGS.glob("*.py"), *EXAMPLES.glob("*.py")]},
        environment={
            "AIRFLOW_CONN_STAGELINE_DEFAULT": json.dumps(connection),
            "STAGELINE_CACHE": str(home / "cache-of-tasks"),
        },
    )
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.close()
    if request.session.testsfailed == failed_before:
        shutil.rmtree(home, ignore_errors=True)
    else:
        print(f"\nAirflow's logs: {home}")


@pytest.fixture(scope="session")
def admin(standalone: Standalone) -> Iterator[Rest]:
    """The REST API, as the user who may do anything."""
    yield from _user(standalone, ADMIN)


@pytest.fixture(scope="session")
def approver(standalone: Standalone) -> Iterator[Rest]:
    """The REST API, as the person who answers."""
    yield from _user(standalone, APPROVER)


@pytest.fixture(scope="session")
def standalone_store(standalone: Standalone) -> Workspace:
    """The store that the tasks of the real Airflow record in."""
    return Workspace.open(standalone.home / "store", cache=str(standalone.home / "cache-of-tests"))


@pytest.fixture(scope="session")
def begun(admin: Rest, standalone: Standalone, standalone_store: Workspace) -> dict[str, DagRun]:
    """A run of each DAG, all of them begun at once: each test waits for its own only."""
    (standalone.home / "alpha").write_text("0.5")
    rules = (MetricRule(condition="metrics.eval_rmse < 70"),)
    standalone_store.registry.create_registered_model(MODEL)
    policy = Policy(rules=rules, approvals=1, approvers=(APPROVER,))
    # The metric is to come: no run has been evaluated yet.
    standalone_store.registry.set_policy(MODEL, "Production", policy, allow_unknown=True)
    dag_ids = [RETRAINING, *sorted(path.stem for path in DAGS.glob("*.py"))]
    return {dag_id: admin.trigger(dag_id, folder=str(standalone.home)) for dag_id in dag_ids}


def _dag_file(path: Path) -> str:
    # On some days of the week the clock would start a retraining at once, and the test's own would queue behind it.
    return re.sub(r'^ *cron=".*",\n', "", path.read_text(), flags=re.MULTILINE)


def _user(standalone: Standalone, name: str) -> Iterator[Rest]:
    def logs(dag_id: str) -> str:
        return f"{standalone.log()}\n{standalone.task_logs(dag_id)}"

    with rest_of(standalone.url, name, standalone.passwords[name], logs) as rest:
        yield rest


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"<!doctype html><title>Stageline</title><h1>{self.path}</h1>".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
