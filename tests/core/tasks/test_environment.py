"""What a task starts finds its run; and where many tasks share a process, it finds none rather than another's."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from orchestra import Orchestra

from stageline import Workspace, active_run, fluent, start_run
from stageline.tasks import Tracking, run_environment, tracked_async_call, tracked_call
from stageline.tracking.inheritance import inherited, inherited_environment, show

PROGRAM = "import stageline; stageline.log_metric('inside', 1.0); stageline.end_run()"
NAMES = ("STAGELINE_RUN_ID", "STAGELINE_STORE", "STAGELINE_EXPERIMENT_ID")


def named() -> str | None:
    return os.environ.get("STAGELINE_RUN_ID")


def run_program() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, timeout=60)


def test_a_process_that_a_task_starts_logs_to_its_run(orchestra: Orchestra):
    call = orchestra.call(tracking=Tracking(experiment="grid"))
    tracked_call(run_program, (), {}, call)
    run = orchestra.run_of(call)
    assert run.data.metrics == {"inside": 1.0}
    assert str(run.info.status) == "FINISHED"
    assert len(list((orchestra.folder / "runs").iterdir())) == 1
    assert not [name for name in NAMES if name in os.environ]


def test_what_was_there_before_comes_back(orchestra: Orchestra, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("STAGELINE_RUN_ID", "outer")
    call = orchestra.call()
    seen = tracked_call(lambda: (named(), inherited("STAGELINE_RUN_ID")), (), {}, call)
    assert seen == (call.identity.run_id, "outer")
    assert named() == "outer"


def test_two_tasks_at_once_are_both_left_out_and_the_one_that_stays_is_not(orchestra: Orchestra):
    seen: list[str | None] = []
    is_in, may_go = threading.Event(), threading.Event()

    def other() -> None:
        is_in.set()
        assert may_go.wait(60)

    def first() -> None:
        seen.append(named())
        thread = threading.Thread(
            target=tracked_call, args=(other, (), {}, orchestra.call("other"))
        )
        thread.start()
        assert is_in.wait(60)
        seen.append(named())
        may_go.set()
        thread.join(60)
        seen.append(named())

    call = orchestra.call("first")
    tracked_call(first, (), {}, call)
    assert seen == [call.identity.run_id, None, call.identity.run_id]


def test_a_task_in_a_thread_does_not_name_its_run_to_the_whole_process(orchestra: Orchestra):
    seen: list[str | None] = []
    call = orchestra.call()
    thread = threading.Thread(
        target=tracked_call, args=(lambda: seen.append(named()), (), {}, call)
    )
    thread.start()
    thread.join(60)
    assert seen == [None]


def test_coroutines_that_take_turns_name_none(orchestra: Orchestra):
    read = 0

    async def task(others: int = 0) -> str | None:
        nonlocal read
        await asyncio.sleep(0)
        found = named()
        read += 1
        while read < others:  # or the last one would be alone
            await asyncio.sleep(0)
        return found

    async def main() -> list[str | None]:
        alone = await tracked_async_call(task, (), {}, orchestra.call("alone"))
        calls = [orchestra.call(f"task-{n}") for n in range(2)]
        both = await asyncio.gather(*(tracked_async_call(task, (3,), {}, call) for call in calls))
        return [alone, *both]

    assert asyncio.run(main()) == [orchestra.call("alone").identity.run_id, None, None]


def test_a_task_inside_a_task_names_its_own_run(orchestra: Orchestra):
    inner = orchestra.call("inner")

    def outer() -> list[str | None]:
        return [tracked_call(named, (), {}, inner), named()]

    call = orchestra.call("outer")
    assert tracked_call(outer, (), {}, call) == [inner.identity.run_id, call.identity.run_id]


def test_this_process_is_not_taken_for_one_that_the_task_started(orchestra: Orchestra):
    began: list[str] = []

    def task() -> None:
        def work() -> None:
            with start_run() as run:
                began.append(run.run_id)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join(60)
        assert active_run() is not None

    call = orchestra.call()
    tracked_call(task, (), {}, call)
    assert began
    assert began[0] != call.identity.run_id
    assert "STAGELINE_STORE" not in inherited_environment()


def test_a_process_can_be_told_one_by_one_with_credentials(tmp_path: Path):
    secret = "hunter2-zq8"
    workspace = Workspace.open(
        "memory://told", storage_options={"key": secret}, spool=str(tmp_path)
    )
    run = workspace.runs.create(experiment_name="grid")
    told = run_environment(run, workspace, "grid")
    run.end()
    assert told["STAGELINE_RUN_ID"] == run.run_id
    assert told["STAGELINE_STORE"] == "memory://told"
    assert secret in told["STAGELINE_STORAGE_OPTIONS"]
    assert told["STAGELINE_EXPERIMENT_ID"] == run.experiment_id


def test_credentials_are_not_shown_to_everybody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orchestra: Orchestra
):
    orchestra.workspace = Workspace.open(
        "memory://shown", storage_options={"key": "hunter2-zq8"}, spool=str(tmp_path)
    )
    monkeypatch.setattr(fluent.Session, "workspace", orchestra.workspace)
    seen = tracked_call(lambda: dict(os.environ), (), {}, orchestra.call())
    assert seen["STAGELINE_STORE"] == "memory://shown"
    assert "STAGELINE_STORAGE_OPTIONS" not in seen


def test_a_forked_child_inherits_what_was_shown():
    show({"STAGELINE_RUN_ID": "mine"})
    try:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(writer, (inherited("STAGELINE_RUN_ID") or "").encode())
            os._exit(0)
        os.waitpid(child, 0)
        assert os.read(reader, 100) == b"mine"
        os.close(reader), os.close(writer)
        assert inherited("STAGELINE_RUN_ID") is None
    finally:
        show({})


def test_mlflow_is_told_where_a_server_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, orchestra: Orchestra
):
    workspace = Workspace.open(tmp_path / "named", server_url="http://127.0.0.1:5000")
    run = workspace.runs.create()
    told = run_environment(run, workspace)
    run.end()
    assert told["MLFLOW_RUN_ID"] == run.run_id
    assert told["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5000"
    call = orchestra.call()
    seen = tracked_call(lambda: "MLFLOW_RUN_ID" in os.environ, (), {}, call)
    assert seen is False
