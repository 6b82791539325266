"""Asking Prefect's server, until it says what is awaited."""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

WITHIN_S = 120.0


def post(path: str, body: Any = None) -> Any:
    """The answer to a POST."""
    request = urllib.request.Request(
        os.environ["PREFECT_API_URL"] + path,
        json.dumps(body or {}).encode(),
        {"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"null")


def until(ask: Callable[[], T], within_s: float = WITHIN_S) -> T:
    """What `ask` returns, as soon as that is something."""
    give_up = time.monotonic() + within_s
    pause = threading.Event()
    while not (found := ask()):
        assert time.monotonic() < give_up, f"not within {within_s:g} s"
        pause.wait(0.2)
    return found


def artifacts_of(flow_run_id: str) -> dict[str, list[Any]]:
    """The artifacts of a flow run and of its task runs, by key, the oldest first."""
    found: dict[str, list[Any]] = {}
    listed = post(
        "/artifacts/filter",
        {
            "artifacts": {"flow_run_id": {"any_": [flow_run_id]}},
            "sort": "UPDATED_DESC",
            "limit": 200,
        },
    )
    for one in reversed(listed):
        found.setdefault(one["key"], []).append(one)
    return found


def events_about(resource: str, name: str | None = None) -> list[Any]:
    """The events about a resource, the oldest first."""
    wanted: dict[str, Any] = {"resource": {"id": [resource]}, "order": "ASC"}
    if name is not None:
        wanted["event"] = {"name": [name]}
    found: list[Any] = post("/events/filter", {"filter": wanted, "limit": 50})["events"]
    return found
