"""A store that is away: what is promised is the log on this disk, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from asking import Asked

from stageline.server.options import Options
from stageline.settings import Settings
from stageline.storage.memory import MemoryStore
from stageline.testing.faulty import Fault, FaultyStore, Plan
from stageline.workspace import Workspace

AWAY = Plan(chances={Fault.LOST_CALL: 1.0})


@pytest.fixture
def store(tmp_path: Path) -> FaultyStore:
    return FaultyStore(MemoryStore(f"memory://{tmp_path.name}"))


@pytest.fixture
def remote(store: FaultyStore, tmp_path: Path) -> Workspace:
    return Workspace(store, Settings(cache=str(tmp_path / "cache"), end_timeout_s=0.1))


def test_training_goes_on_while_the_store_is_away(store: FaultyStore, remote: Workspace) -> None:
    with Asked(remote) as server:
        server.run()
        store.plan = AWAY
        run_id = server.run()
        for step in range(3):
            server.made(
                "runs/log-metric", run_id=run_id, key="m", value=step, timestamp=1, step=step
            )
        asked = server.get("runs/get", run_id=run_id)
        assert (asked.status, asked.code) == (503, "TEMPORARILY_UNAVAILABLE")
        assert "memory:" not in asked.json["message"]
        store.heal()
        assert server.made("runs/update", run_id=run_id, status="FINISHED")
        found = server.get("metrics/get-history", run_id=run_id, metric_key="m").json["metrics"]
        assert [each["step"] for each in found] == [0, 1, 2]


def test_answer_that_promises_the_store_is_not_given_without_it(
    store: FaultyStore, remote: Workspace
) -> None:
    with Asked(remote, Options(durability="store")) as server:
        run_id = server.run()
        point = {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1}
        server.made("runs/log-metric", **point)
        store.plan = AWAY
        assert server.post("runs/log-metric", **point).status == 503
        assert server.post("runs/create", experiment_id="0", start_time=1).status == 503
        store.heal()
        server.made("runs/log-metric", **point)
