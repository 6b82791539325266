"""What tests ask of a running Airflow over REST, as one of its users."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

WITHIN_S = 420.0
"""Bound of every wait. On a quiet machine each takes seconds."""
LOOK_EVERY_S = 0.4
ENDED = {"success", "failed", "skipped", "upstream_failed", "removed"}


class Rest:
    """Airflow's REST API, with the token of one user."""

    def __init__(
        self, url: str, user: str, password: str, *, diagnosis: Callable[[str], str]
    ) -> None:
        self.diagnosis = diagnosis
        """What to add to the message of a wait that was in vain: the logs of a DAG."""
        self.user = user
        login = httpx.post(
            f"{url}/auth/token", json={"username": user, "password": password}, timeout=60
        )
        self.token: str = login.raise_for_status().json()["access_token"]
        headers = {"Authorization": f"Bearer {self.token}"}
        self._http = httpx.Client(base_url=f"{url}/api/v2", headers=headers, timeout=60)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """The answer to a GET."""
        return _answer(self._http.get(path, params=query))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer to a POST."""
        return _answer(self._http.post(path, json=body))

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        """The answer to a PATCH."""
        return _answer(self._http.patch(path, json=body))

    def trigger(self, dag_id: str, **conf: Any) -> DagRun:
        """Start a DAG, as soon as the DAG processor has found it."""
        self.until(lambda: self._is_known(dag_id), f"the DAG {dag_id} is parsed", dag_id)
        begun = self.post(f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})
        return DagRun(self, dag_id, begun["dag_run_id"])

    def dag_runs(self, dag_id: str) -> list[DagRun]:
        """All runs of a DAG, the oldest first."""
        found = self.get(f"/dags/{dag_id}/dagRuns", order_by="run_after")["dag_runs"]
        return [DagRun(self, dag_id, each["dag_run_id"]) for each in found]

    def until(self, holds: Callable[[], Any], what: str, dag_id: str) -> Any:
        """Poll until `holds` is true and return what it said, or fail with the logs."""
        give_up = time.monotonic() + WITHIN_S
        while not (found := holds()):
            if time.monotonic() > give_up:
                raise AssertionError(
                    f"{what}: not within {WITHIN_S:.0f} s\n{self.diagnosis(dag_id)}"
                )
            time.sleep(LOOK_EVERY_S)
        return found

    def _is_known(self, dag_id: str) -> bool:
        for error in self.get("/importErrors")["import_errors"]:
            raise AssertionError(f"{error['filename']}: {error['stack_trace']}")
        return any(dag["dag_id"] == dag_id for dag in self.get("/dags", limit=100)["dags"])


@dataclass(frozen=True)
class DagRun:
    """One DAG run."""

    rest: Rest
    dag_id: str
    run_id: str

    @property
    def path(self) -> str:
        """Where the API has it."""
        return f"/dags/{self.dag_id}/dagRuns/{self.run_id}"

    @property
    def page(self) -> str:
        """Where a browser has it."""
        return f"/dags/{self.dag_id}/runs/{self.run_id}"

    def about(self) -> dict[str, Any]:
        """What the API says of it."""
        told: dict[str, Any] = self.rest.get(self.path)
        return told

    def task(self, task_id: str, map_index: int = -1) -> dict[str, Any]:
        """What the API says of a task instance."""
        mapped = f"/{map_index}" if map_index >= 0 else ""
        told: dict[str, Any] = self.rest.get(f"{self.path}/taskInstances/{task_id}{mapped}")
        return told

    def tasks(self) -> dict[str, str]:
        """The state of each task instance, `train[2]` for one that is mapped."""
        found = self.rest.get(f"{self.path}/taskInstances", limit=100)["task_instances"]
        return {
            each["task_id"] if each["map_index"] < 0 else f"{each['task_id']}[{each['map_index']}]":
            each["state"] for each in found
        }  # fmt: skip

    def ended(self) -> str:
        """Wait for its end; how it ended."""
        self._until(lambda: self.about()["state"] in ENDED, "the DAG run ends")
        state: str = self.about()["state"]
        return state

    def succeeded(self) -> DagRun:
        """Wait for its end, which must be a success."""
        state = self.ended()
        assert state == "success", (
            f"{self.dag_id}: {self.tasks()}\n{self.rest.diagnosis(self.dag_id)}"
        )
        return self

    def parked(self, task_id: str) -> dict[str, Any]:
        """Wait until a task asks a human; what it asks."""
        self._until(lambda: self._asks(task_id), f"{task_id} asks a human")
        question: dict[str, Any] = self.rest.get(f"{self._task_path(task_id)}/hitlDetails")
        return question

    def answer(self, task_id: str, option: str, *, by: Rest, after_s: float, **params: Any) -> None:
        """Answer what a task asks, once it has been parked for `after_s`."""
        # An answer that comes while the executor still reports that the task went off fails the task.
        parked_at = time.monotonic()
        while time.monotonic() < parked_at + after_s:
            time.sleep(LOOK_EVERY_S)
        body = {"chosen_options": [option], "params_input": params}
        by.patch(f"{self._task_path(task_id)}/hitlDetails", body)

    def clear(self, *task_ids: str) -> None:
        """Let tasks that have ended run once more."""
        body = {
            "dry_run": False, "dag_run_id": self.run_id, "task_ids": list(task_ids),
            "only_failed": False, "reset_dag_runs": True,
        }  # fmt: skip
        self.rest.post(f"/dags/{self.dag_id}/clearTaskInstances", body)

    def links(self, task_id: str, map_index: int = -1) -> dict[str, str | None]:
        """The extra links of a task instance, by name."""
        path = f"{self.path}/taskInstances/{task_id}/links"
        found: dict[str, str | None] = self.rest.get(path, map_index=map_index)["extra_links"]
        return found

    def returned(self, task_id: str) -> Any:
        """What a task returned."""
        path = f"{self.path}/taskInstances/{task_id}/xcomEntries/return_value"
        return self.rest.get(path, deserialize=True)["value"]

    def _task_path(self, task_id: str) -> str:
        return f"{self.path}/taskInstances/{task_id}/-1"

    def _asks(self, task_id: str) -> bool:
        state = self.task(task_id)["state"]
        assert state not in ENDED, f"{task_id}: {state}\n{self.rest.diagnosis(self.dag_id)}"
        return state == "awaiting_input"

    def _until(self, holds: Callable[[], Any], what: str) -> Any:
        return self.rest.until(holds, f"{self.dag_id}: {what}", self.dag_id)


@contextmanager
def rest_of(url: str, user: str, password: str, diagnosis: Callable[[str], str]) -> Iterator[Rest]:
    """The API for a while."""
    rest = Rest(url, user, password, diagnosis=diagnosis)
    try:
        yield rest
    finally:
        rest.close()


def _answer(response: httpx.Response) -> Any:
    if response.is_error:
        raise AssertionError(
            f"{response.request.method} {response.url}: {response.status_code} {response.text}"
        )
    return response.json()
