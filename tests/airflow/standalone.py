"""One real `airflow standalone` for a session of tests: scheduler, workers, triggerer, DAG processor and API server.

Everything of it lies in a folder of its own, it listens on free ports, and it is gone when the session ends. Where a
test failed, the folder with its logs is left and named.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import psutil

START_WITHIN_S = 600.0
"""With all of its processes importing Airflow at once on a busy machine."""
END_WITHIN_S = 20.0
LOOK_EVERY_S = 0.5

BELOW = "/flow"
"""The path of its address, as behind a proxy that other things are behind too."""
ADMIN = "admin"
APPROVER = "grace"


class Standalone:
    """A running Airflow: where it is, and how to end it.

    Args:
        home: An empty folder.
        migrated: A migrated database, which it gets a copy of.
        dags: Text of the files in its DAGs folder, by name.
        environment: More variables: connections, what the DAGs read.
    """

    def __init__(
        self, home: Path, *, migrated: Path, dags: dict[str, str], environment: dict[str, str]
    ) -> None:
        self.home = home
        (port, self._worker_logs, self._trigger_logs) = _free_ports(3)
        self.url = f"http://localhost:{port}{BELOW}"
        self.passwords = {name: secrets.token_hex(8) for name in (ADMIN, APPROVER)}
        self.environment = {**os.environ, **self._settings(port), **environment}
        self._lay_out(migrated, dags)
        with open(home / "standalone.log", "wb") as log:
            self._process = subprocess.Popen(
                [airflow_program(), "standalone"],
                cwd=home, env=self.environment, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def wait_until_ready(self) -> None:
        """Until scheduler, DAG processor and triggerer beat and the API answers.

        Raises:
            RuntimeError: it ended, or took longer than `START_WITHIN_S`; with the end of its log.
        """
        give_up = time.monotonic() + START_WITHIN_S
        while not self._is_healthy():
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"airflow standalone did not start:\n{self.log()}")
            time.sleep(LOOK_EVERY_S)

    def log(self, most_chars: int = 6000) -> str:
        """The end of what its processes printed."""
        return (self.home / "standalone.log").read_text(errors="replace")[-most_chars:]

    def task_logs(self, dag_id: str) -> str:
        """What the tasks of a DAG printed."""
        found = sorted((self.home / "logs").glob(f"dag_id={dag_id}/**/*.log"))
        return "\n".join(f"== {path}\n{path.read_text(errors='replace')[-4000:]}" for path in found)

    def close(self) -> None:
        """End all of its processes: asked, and after `END_WITHIN_S` by SIGKILL."""
        # Tasks lead groups of their own, and a parent that has gone leaves no trace of who its children were.
        descendants = _descendants(self._process.pid)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        _, alive = psutil.wait_procs(descendants, timeout=END_WITHIN_S)
        for process in alive:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=END_WITHIN_S)

    def _is_healthy(self) -> bool:
        try:
            answer = httpx.get(f"{self.url}/api/v2/monitor/health", timeout=5)
        except httpx.HTTPError:
            return False
        parts = answer.json() if answer.status_code == 200 else {}
        needed = ("scheduler", "dag_processor", "triggerer")
        return all((parts.get(part) or {}).get("status") == "healthy" for part in needed)

    def _lay_out(self, migrated: Path, dags: dict[str, str]) -> None:
        shutil.copy(migrated, self.home / "airflow.db")
        (self.home / "passwords.json").write_text(json.dumps(self.passwords))
        (self.home / "home").mkdir()
        folder = self.home / "dags"
        folder.mkdir()
        for name, text in dags.items():
            (folder / name).write_text(text)

    def _settings(self, port: int) -> dict[str, str]:
        beside = str(Path(sys.executable).parent)
        return {
            "AIRFLOW_HOME": str(self.home),
            "HOME": str(self.home / "home"),
            "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}",
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(port),
            "AIRFLOW__API__SECRET_KEY": secrets.token_hex(16),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API_AUTH__JWT_SECRET": secrets.token_hex(32),
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(self.home / "passwords.json"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{ADMIN}:admin,{APPROVER}:op",
            # Nothing in the folder changes while tests run: parsing it again would only take their time.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.home / 'airflow.db'}",
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(self._trigger_logs),
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(self._worker_logs),
            "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.3",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }


def airflow_program() -> str:
    """The `airflow` of this environment."""
    return str(Path(sys.executable).with_name("airflow"))


def _descendants(pid: int) -> list[psutil.Process]:
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _free_ports(count: int) -> list[int]:
    # Held together until all are known, or the same one comes twice.
    with ExitStack() as held:
        listeners = [held.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]
