"""What `@task` can do besides being called, under `tracked_task`: see the table in docs/prefect.md."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.assets import Asset
from prefect.cache_policies import INPUTS
from prefect.filesystems import LocalFileSystem
from prefect.states import Cancelled, Completed
from prefect.transactions import transaction
from runs import all_runs, flow_run_of, run_of, runs_of

from prefect_stageline import TrackedTask, Tracking, run_environment, tracked_flow, tracked_task
from stageline import Run, RunStatus, log_metric
from stageline.workspace import Workspace

GIVE_UP_S = 90.0


def test_hooks_of_all_kinds_are_called(workspace: Workspace):
    called: list[str] = []

    def noting(name: str) -> Any:
        return lambda *_: called.append(name)

    @tracked_task(
        on_running=[noting("running")],
        on_completion=[noting("completion")],
        on_failure=[noting("failure")],
        retries=1,
    )
    def step(fails: bool) -> None:
        if fails:
            raise ValueError("no luck")

    @flow
    def hooked() -> None:
        step(False)
        step(True, return_state=True)

    hooked(return_state=True)
    assert called == ["running", "completion", "running", "running", "failure"]


def test_a_transaction_that_is_rolled_back_calls_on_rollback(workspace: Workspace):
    called: list[str] = []

    @tracked_task(
        on_rollback=[lambda txn: called.append("rollback")],
        on_commit=[lambda txn: called.append("commit")],
    )
    def staged() -> dict[str, float]:
        return {"m": 1.0}

    @flow
    def transacting(fails: bool) -> None:
        with transaction():
            staged()
            if fails:
                raise ValueError("after it")

    transacting(False)
    transacting(True, return_state=True)
    assert called == ["commit", "rollback"]
    assert {run.info.status for run in runs_of(workspace, "staged")} == {RunStatus.FINISHED}


def test_a_result_is_persisted_where_it_was_asked_for(workspace: Workspace, tmp_path: Path):
    storage = LocalFileSystem(basepath=str(tmp_path / "results"))
    storage.save("features", overwrite=True)

    @tracked_task(
        persist_result=True, result_storage=storage, result_storage_key="{parameters[x]}.json",
        result_serializer="json", cache_result_in_memory=False,
    )  # fmt: skip
    def kept(x: str) -> dict[str, float]:
        return {"m": 1.0}

    @flow
    def keeping() -> Any:
        return kept("mine", return_state=True).result()

    assert keeping() == {"m": 1.0}
    assert (tmp_path / "results" / "mine.json").is_file()
    assert run_of(workspace, "kept").data.metrics == {"m": 1.0}


def test_refresh_cache_and_cache_expiration(workspace: Workspace):
    @tracked_task(
        cache_policy=INPUTS, persist_result=True, cache_expiration=datetime.timedelta(hours=1)
    )
    def costly(x: str) -> dict[str, float]:
        return {"m": 2.0}

    @flow
    def refreshing(x: str) -> None:
        costly(x)
        costly.with_options(refresh_cache=True)(x)

    refreshing(str(workspace.store.url))
    assert [run.data.metrics for run in runs_of(workspace, "costly")] == [{"m": 2.0}] * 2


def test_names_tags_and_versions_are_those_of_prefect(
    workspace: Workspace, capsys: pytest.CaptureFixture[str]
):
    @tracked_task(
        name="named", task_run_name="of-{x}", tags=["blue"], version="3", description="d",
        log_prints=True, viz_return_value=1, asset_deps=[Asset(key="s3://bucket/data")],
    )  # fmt: skip
    def step(x: int) -> None:
        print("printed")

    @flow
    def naming() -> None:
        step(7)

    naming()
    run = run_of(workspace, "named")
    assert run.info.run_name == "of-7"
    assert (step.version, step.description, step.tags) == ("3", "d", {"blue"})


def test_retry_delays_and_conditions(workspace: Workspace):
    tries: list[int] = []

    @tracked_task(
        retries=2, retry_delay_seconds=[0, 0], retry_jitter_factor=0.1,
        retry_condition_fn=lambda task, run, state: len(tries) < 2,
    )  # fmt: skip
    def flaky() -> None:
        tries.append(1)
        raise ValueError("again")

    @flow
    def retrying() -> None:
        flaky(return_state=True)

    retrying(return_state=True)
    run = run_of(workspace, "flaky")
    assert [(a.number, str(a.status)) for a in run.attempts] == [(1, "FAILED"), (2, "FAILED")]
    assert run.info.status is RunStatus.FAILED


def test_a_state_that_is_returned_is_prefects_to_judge(workspace: Workspace):
    @tracked_task
    def judged(state: str) -> Any:
        return Completed(message="fine") if state == "ok" else Cancelled(message="by hand")

    @tracked_flow(name="judging")
    def judging() -> None:
        assert judged("ok", return_state=True).is_completed()
        assert judged("no", return_state=True).is_cancelled()

    judging()
    assert flow_run_of(workspace, "judging").info.status is RunStatus.FINISHED


def test_wait_for_and_futures_as_arguments(workspace: Workspace):
    @tracked_task
    def first() -> dict[str, float]:
        return {"m": 3.0}

    @tracked_task
    def second(found: dict[str, float]) -> dict[str, float]:
        return {"n": found["m"]}

    @flow
    def chained() -> None:
        made = first.submit()
        second.submit(made, wait_for=[made]).wait()

    chained()
    assert run_of(workspace, "second").data.params == {"found": "{'m': 3.0}"}
    assert run_of(workspace, "second").data.metrics == {"n": 3.0}


def test_autolog_is_of_the_task_that_asks_for_it(workspace: Workspace):
    linear = pytest.importorskip("sklearn.linear_model")

    def fit() -> None:
        linear.LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])

    @flow
    def fitting() -> None:
        options = {"log_models": False, "log_datasets": False}
        tracked_task(name="logged", tracking=Tracking(autolog=options))(fit)()
        tracked_task(name="silent")(fit)()

    fitting()
    assert run_of(workspace, "logged").data.params["fit_intercept"] == "True"
    assert run_of(workspace, "silent").data.params == {}
    assert len(all_runs(workspace)) == 3


def test_a_store_of_its_own_is_also_that_of_the_functions(workspace: Workspace, tmp_path: Path):
    from stageline import log_text

    elsewhere = Workspace.open(tmp_path / "elsewhere")

    @tracked_task
    def there() -> dict[str, str]:
        log_text("hello", "note.txt")
        return run_environment()

    told: list[dict[str, str]] = []

    @tracked_flow(name="apart", tracking=Tracking(store=lambda: elsewhere, experiment="grid"))
    def apart() -> None:
        told.append(there())

    apart()
    assert all_runs(workspace) == []
    run, parent = run_of(elsewhere, "there"), flow_run_of(elsewhere, "apart")
    assert run.parent_run_id == parent.info.run_id
    assert set(elsewhere.runs.files(run.info.run_id)) == {"note.txt"}
    assert told[0]["STAGELINE_STORE"] == str(tmp_path / "elsewhere")
    assert told[0]["STAGELINE_RUN_ID"] == run.info.run_id


def test_a_store_is_named_by_its_url(workspace: Workspace, tmp_path: Path):
    @tracked_task(tracking=Tracking(store=str(tmp_path / "by-url")))
    def there() -> None: ...

    there()
    assert all_runs(workspace) == []
    assert run_of(Workspace.open(tmp_path / "by-url"), "there").info.status is RunStatus.FINISHED


def test_a_block_that_is_no_store_is_told_and_costs_no_task(
    workspace: Workspace, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    LocalFileSystem(basepath=str(tmp_path)).save("no-store", overwrite=True)

    @tracked_task(tracking=Tracking(store="block:local-file-system/no-store"))
    def works() -> int:
        return 3

    assert works() == 3
    assert "LocalFileSystem is no block of a store" in caplog.text


WORKER = """
from prefect_stageline import tracked_task

@tracked_task(name="deferred")
def deferred(x: int) -> dict[str, int]:
    return {"y": 2 * x}

if __name__ == "__main__":
    deferred.serve()
"""


def test_delay_is_run_and_recorded_by_a_task_worker(
    workspace: Workspace,
    tmp_path: Path,
    prefect_server: str,
    prefect_home: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    (tmp_path / "worker_of_test.py").write_text(WORKER)
    monkeypatch.syspath_prepend(tmp_path)
    import worker_of_test

    task: TrackedTask[[int], dict[str, int]] = worker_of_test.deferred
    future = task.delay(21)
    worker = subprocess.Popen(
        [sys.executable, "worker_of_test.py"],
        cwd=tmp_path,
        env={**os.environ, "PREFECT_API_URL": prefect_server, "PREFECT_HOME": str(prefect_home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        (run,) = _until(lambda: [run for run in _ended(workspace) if run.data.metrics])
    finally:
        worker.terminate()
        try:
            worker.wait(20)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait(20)
    assert run.data.metrics == {"y": 42.0}
    assert run.data.params == {"x": "21"}
    assert run.info.status is RunStatus.FINISHED
    assert run.data.tags["prefect.task_run_id"] == str(future.task_run_id)


def _ended(workspace: Workspace) -> list[Run]:
    if not (Path(workspace.store.url) / "runs").is_dir():
        return []
    return [run for run in runs_of(workspace, "deferred") if run.info.status.is_terminal]


def _until(found: Any) -> list[Run]:
    give_up = time.monotonic() + GIVE_UP_S
    while not found():
        assert time.monotonic() < give_up
        time.sleep(0.1)
    runs: list[Run] = found()
    return runs


def test_metrics_of_a_task_are_those_of_its_own_run(workspace: Workspace):
    @tracked_task(tracking=Tracking(nest="join"))
    def joined() -> None:
        log_metric("inside", 1.0)

    @tracked_task(tracking=Tracking(nest="new", params=["x"], metrics=None))
    def apart(x: int, y: int) -> dict[str, float]:
        return {"m": 1.0}

    @tracked_flow(name="nesting")
    def nesting() -> None:
        joined()
        apart(1, 2)

    nesting()
    assert flow_run_of(workspace, "nesting").data.metrics == {"inside": 1.0}
    run = run_of(workspace, "apart")
    assert (run.parent_run_id, run.data.params, run.data.metrics) == (None, {"x": "1"}, {})
