"""A store that does not answer holds up no task: not at its start, not while it works."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from orchestra import Orchestra

from stageline import fluent, log_metric
from stageline.domain.run import RunStatus
from stageline.storage.memory import MemoryStore
from stageline.tasks import Tracking, end_parent, open_parent, tracked_call


class SilentStore:
    """Lets no call through until it is told to."""

    def __init__(self, inner: MemoryStore) -> None:
        self.inner = inner
        self.url = inner.url
        self.is_exclusive = True
        self.may_answer = threading.Event()
        self.asked: list[str] = []

    def __getattr__(self, verb: str) -> Any:
        method = getattr(self.inner, verb)

        def call(*args: Any, **kwargs: Any) -> Any:
            self.asked.append(verb)
            assert self.may_answer.wait(60)
            return method(*args, **kwargs)

        return call


def test_a_task_works_while_its_store_is_silent(tmp_path: Path, monkeypatch: Any):
    store = SilentStore(MemoryStore("memory://silent"))
    orchestra = Orchestra(tmp_path, store)  # type: ignore[arg-type]  # it has the six verbs, by name
    monkeypatch.setattr(fluent.Session, "workspace", orchestra.workspace)
    parent = orchestra.call("parent", tracking=Tracking(experiment="grid"))
    was_silent: list[bool] = []

    def task(x: float) -> dict[str, float]:
        log_metric("inside", x)
        was_silent.append(not store.may_answer.is_set())
        store.may_answer.set()
        return {"rmse": x}

    open_parent(parent, {"seed": 1})
    call = orchestra.call(tracking=Tracking(experiment="grid"))
    tracked_call(task, (0.5,), {}, call)
    end_parent(parent.identity.run_id, RunStatus.FINISHED)
    assert was_silent == [True]
    assert orchestra.run_of(call).data.metrics == {"inside": 0.5, "rmse": 0.5}
    assert orchestra.run_of(call).data.params == {"x": "0.5"}
