"""Every way to run a task still works when it is tracked, and is recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from prefect import flow, task
from prefect.blocks.system import Secret
from prefect.cache_policies import INPUTS
from prefect.context import TaskRunContext
from prefect.states import Failed
from prefect.task_runners import ProcessPoolTaskRunner
from prefect.tasks import task_input_hash
from pydantic import SecretStr
from runs import all_runs, flow_run_of, run_of, runs_of

from prefect_stageline import TrackedTask, Tracking, current_run, tracked_task
from stageline import RunStatus, active_run, log_metric
from stageline.errors import NotFound
from stageline.workspace import Workspace


@tracked_task
def train(alpha: float, l1_ratio: float = 0.5) -> dict[str, Any]:
    log_metric("epoch", 1.0)
    return {"rmse": alpha * l1_ratio, "converged": True}


def test_a_call_in_a_plain_flow_is_a_child_of_the_flow_runs_run(workspace: Workspace):
    @flow(name="plain")
    def plain(seed: int = 7) -> None:
        assert train(0.5)["rmse"] == 0.25

    plain()
    run, parent = run_of(workspace, "train"), flow_run_of(workspace, "plain")
    assert run.data.params == {"alpha": "0.5", "l1_ratio": "0.5"}
    assert run.data.metrics == {"epoch": 1.0, "rmse": 0.25}
    assert run.info.status is parent.info.status is RunStatus.FINISHED
    assert run.parent_run_id == parent.info.run_id
    assert parent.data.params == {"seed": "7"}
    assert run.data.tags["prefect.flow_run_id"] == parent.data.tags["prefect.flow_run_id"]
    assert run.info.run_name.startswith("train-")


def test_submit_and_map_in_threads(workspace: Workspace):
    @flow
    def threads() -> None:
        assert train.submit(1.0).result()["rmse"] == 0.5
        train.map([0.1, 0.2, 0.3], l1_ratio=1.0).wait()

    threads()
    found = runs_of(workspace, "train")
    assert sorted(run.data.params["alpha"] for run in found) == ["0.1", "0.2", "0.3", "1.0"]
    assert len({run.parent_run_id for run in found}) == 1


def test_map_in_a_process_pool_finds_the_same_parent_and_experiment(workspace: Workspace):
    @flow(task_runner=ProcessPoolTaskRunner(max_workers=2))
    def processes() -> None:
        train.with_options(tracking=Tracking(experiment="grid")).map([0.1, 0.2]).wait()

    processes()
    found = runs_of(workspace, "train")
    assert sorted(run.data.metrics["rmse"] for run in found) == [0.05, 0.1]
    parent = flow_run_of(workspace, "processes")
    assert {run.parent_run_id for run in found} == {parent.info.run_id}
    assert parent.info.status is RunStatus.FINISHED
    assert {run.info.experiment_id for run in found} == {parent.info.experiment_id}


def test_a_task_outside_of_a_flow_is_a_run_by_itself(workspace: Workspace):
    train(0.5)
    (run,) = all_runs(workspace)
    assert run.parent_run_id is None
    assert run.info.status is RunStatus.FINISHED


def test_fn_is_the_plain_function(workspace: Workspace):
    assert train.fn(0.5)["rmse"] == 0.25
    from stageline import end_run

    end_run()  # `log_metric` in it opened one, as anywhere
    assert not runs_of(workspace, "train")


def test_coroutines_gathered_each_log_to_their_own_run(workspace: Workspace):
    @tracked_task
    async def step(x: int) -> dict[str, int]:
        await asyncio.sleep(0)
        current_run().log_metric("inside", float(x))
        return {"x": x}

    @flow
    async def gathered() -> None:
        await asyncio.gather(*(step(x) for x in range(4)))

    asyncio.run(gathered())
    for run in runs_of(workspace, "step"):
        x = float(run.data.params["x"])
        assert run.data.metrics == {"inside": x, "x": x}


def test_generators_of_both_kinds(workspace: Workspace):
    @tracked_task
    def items(n: int) -> Iterator[int]:
        for i in range(n):
            log_metric("i", float(i))
            yield i

    @tracked_task
    async def aitems(n: int) -> AsyncIterator[int]:
        for i in range(n):
            log_metric("i", float(i))
            yield i

    @flow
    async def yielding() -> list[int]:
        whole = list(items(3))
        for item in items.with_options(name="part")(9):
            assert active_run() is None
            if item == 1:
                break
        return whole + [item async for item in aitems(2)]

    assert asyncio.run(yielding()) == [0, 1, 2, 0, 1]
    assert run_of(workspace, "items").data.metrics == {"i": 2.0}
    assert run_of(workspace, "aitems").data.metrics == {"i": 1.0}
    assert {run.info.status for run in all_runs(workspace)} == {RunStatus.FINISHED}


class Trainer:
    factor = 3

    @tracked_task
    def fit(self, x: int) -> dict[str, int]:
        return {"y": self.factor * x}

    @tracked_task
    @classmethod
    def of_class(cls, x: int) -> dict[str, int]:
        return {"y": cls.factor * x}

    @tracked_task
    @staticmethod
    def of_nobody(x: int) -> dict[str, int]:
        return {"y": x}


def test_methods_of_all_kinds(workspace: Workspace):
    @flow
    def methods() -> list[dict[str, int]]:
        renamed = Trainer().fit.with_options(name="renamed")
        return [Trainer().fit(1), Trainer.of_class(2), Trainer.of_nobody(3), renamed(4)]

    assert methods() == [{"y": 3}, {"y": 6}, {"y": 3}, {"y": 12}]
    assert run_of(workspace, "fit").data.params == {"x": "1"}
    assert run_of(workspace, "of_class").data.params == {"x": "2"}
    assert run_of(workspace, "renamed").data.metrics == {"y": 12.0}


def test_with_options_keeps_class_tracking_and_key():
    mine = Tracking(experiment="mine")
    changed = train.with_options(tracking=mine).with_options(retries=3, name="other")
    assert isinstance(changed, TrackedTask)
    assert (changed.tracking, changed.retries, changed.name) == (mine, 3, "other")
    assert changed.task_key == train.task_key
    assert changed.with_options(on_completion=[print]).on_completion_hooks == [print]


def test_the_cache_key_is_that_of_the_users_code():
    def one() -> int:
        return 1

    def two() -> int:
        return 2

    two.__qualname__ = two.__name__ = "one"
    assert tracked_task(one).task_key == task(one).task_key != tracked_task(two).task_key


def test_retries_are_attempts_of_one_run(workspace: Workspace):
    tries: list[int] = []

    @tracked_task(retries=2)
    def flaky() -> dict[str, float]:
        tries.append(1)
        log_metric("tries", len(tries))
        if len(tries) < 3:
            raise ValueError(f"try {len(tries)}")
        return {"rmse": 1.0}

    @flow
    def retrying() -> None:
        flaky()

    retrying()
    run = run_of(workspace, "flaky")
    assert run.info.status is RunStatus.FINISHED
    assert [(a.number, str(a.status), a.reason) for a in run.attempts] == [
        (1, "FAILED", "ValueError: try 1"),
        (2, "FAILED", "ValueError: try 2"),
        (3, "FINISHED", None),
    ]
    histories = workspace.runs.attempt_histories(run.info.run_id, "tries")
    assert {attempt: points[0].value for attempt, points in histories.items()} == {
        1: 1.0,
        2: 2.0,
        3: 3.0,
    }


@pytest.mark.parametrize(
    "options", [{}, {"retries": 1}, {"retries": 5, "retry_condition_fn": lambda *_: False}]
)
def test_a_task_that_fails_for_good_is_failed(workspace: Workspace, options: dict[str, Any]):
    @tracked_task(**options)
    def failing() -> None:
        raise ValueError("no luck")

    @flow(name="failing-flow")
    def failing_flow() -> None:
        failing()

    with pytest.raises(ValueError, match="no luck"):
        failing_flow()
    run, parent = run_of(workspace, "failing"), flow_run_of(workspace, "failing-flow")
    assert (run.info.status, run.info.reason) == (RunStatus.FAILED, "ValueError: no luck")
    assert parent.info.status is RunStatus.FAILED
    assert "no luck" in (parent.info.reason or "")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_timeout_is_a_failure(workspace: Workspace, kind: str):
    import time

    @tracked_task(timeout_seconds=0.2, name="slow")
    def slow() -> None:
        give_up = time.monotonic() + 20
        while time.monotonic() < give_up:
            time.monotonic()

    @tracked_task(timeout_seconds=0.2, name="slow")
    async def aslow() -> None:
        await asyncio.Event().wait()

    @flow
    def timing_out() -> None:
        slow()

    @flow
    async def atiming_out() -> None:
        await aslow()

    with pytest.raises(TimeoutError):
        timing_out() if kind == "sync" else asyncio.run(atiming_out())
    run = run_of(workspace, "slow")
    assert (run.info.status, run.info.reason) == (RunStatus.FAILED, "timed out after 0.2 s")


def test_a_cached_task_is_a_small_run_that_names_its_producer(workspace: Workspace):
    @tracked_task(cache_policy=INPUTS, persist_result=True)
    def costly(x: str) -> dict[str, float]:
        return {"m": 2.0}

    @flow
    def caching(x: str) -> None:
        costly(x)
        costly.with_options(on_completion=[lambda *_: None])(x)

    caching(str(workspace.store.url))
    made, spared = runs_of(workspace, "costly")
    assert made.data.metrics == {"m": 2.0}
    assert spared.data.metrics == {}
    assert spared.data.params == made.data.params
    assert spared.data.tags["stageline.cached"] == "true"
    assert spared.data.tags["stageline.cached_from"] == made.info.run_id
    assert spared.info.status is RunStatus.FINISHED


def test_a_cache_is_not_served_to_changed_code(workspace: Workspace):
    def body_of(value: int) -> TrackedTask[[str], dict[str, int]]:
        namespace: dict[str, Any] = {}
        exec(f"def step(x): return {{'m': {value}}}", namespace)
        return tracked_task(cache_key_fn=task_input_hash, persist_result=True)(namespace["step"])

    @flow
    def changing(x: str) -> list[int]:
        return [body_of(value)(x)["m"] for value in (1, 1, 2)]

    assert changing(str(workspace.store.url)) == [1, 1, 2]


def test_a_returned_failed_state_ends_the_task_and_is_no_finish_of_the_flow(workspace: Workspace):
    @tracked_task
    def judged() -> Any:
        return Failed(message="not good enough")

    @flow(name="judging")
    def judging() -> Any:
        return judged(return_state=True)

    judging(return_state=True)
    assert flow_run_of(workspace, "judging").info.status is RunStatus.FAILED


def test_secrets_of_prefect_never_reach_the_store(workspace: Workspace, tmp_path: Path):
    secret = "hunter2-zq8"

    @tracked_task
    def login(block: Secret[Any], text: SecretStr, password: str, config: dict[str, Any]) -> None:
        raise ValueError(f"refused: {block.get()} {text.get_secret_value()}")

    @flow
    def secretive() -> None:
        login(Secret(value=secret), SecretStr(secret), secret, {"inner": Secret(value=secret)})

    with pytest.raises(ValueError, match="refused"):
        secretive()
    assert run_of(workspace, "login").info.reason == "ValueError: refused: *** ***"
    assert flow_run_of(workspace, "secretive").info.reason == "ValueError: refused: *** ***"
    stored = b"".join(
        path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()
    )
    assert secret.encode() not in stored


@tracked_task
def log_in(password: str) -> None:
    raise ValueError(f"refused: {password}")


def test_a_secret_known_to_another_process_does_not_leak_by_the_flows_reason(
    workspace: Workspace, tmp_path: Path
):
    secret = "hunter2-zq8"

    @flow(task_runner=ProcessPoolTaskRunner(max_workers=1))
    def pooled() -> None:
        log_in.submit(secret).result()

    with pytest.raises(ValueError, match="refused"):
        pooled()
    assert flow_run_of(workspace, "pooled").info.reason == "ValueError: refused: ***"
    stored = b"".join(
        path.read_bytes() for path in (tmp_path / "store").rglob("*") if path.is_file()
    )
    assert secret.encode() not in stored


def test_every_option_of_task_is_taken():
    made = tracked_task(
        name="n", description="d", tags=["t"], version="1", retries=1, retry_delay_seconds=[1.0], log_prints=True,
        persist_result=True, timeout_seconds=3, on_failure=[print], task_run_name="r", refresh_cache=True,
    )(lambda: None)  # fmt: skip
    copied = made.with_options()
    for option in (
        "name",
        "description",
        "tags",
        "version",
        "retries",
        "timeout_seconds",
        "task_run_name",
    ):
        assert getattr(copied, option) == getattr(made, option)
    assert copied.on_failure_hooks == [print]


def test_current_run_outside_of_a_run_is_a_clear_error():
    with pytest.raises(NotFound, match="inside a @tracked_task"):
        current_run()


def test_a_tracked_task_still_knows_its_prefect_context(workspace: Workspace):
    @tracked_task
    def knowing() -> str:
        context = TaskRunContext.get()
        assert context is not None
        return context.task_run.name

    @flow
    def asking() -> str:
        return knowing()

    assert asking() == run_of(workspace, "knowing").info.run_name
