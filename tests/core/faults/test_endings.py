"""How a run ends when its process does: exceptions, signals, exits, forks; and everybody else's hooks."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from processes import run, start
from servers import S3Server

from stageline import Run, Workspace
from stageline.domain.run import RunStatus

HEAD = """
    import os, signal, sys, threading
    import stageline
    from stageline import log_metric, log_param, start_run, end_run, active_run
    stageline.set_store(sys.argv[1])
"""


def only_run(store: Path) -> Run:
    (found,) = all_runs(store)
    return found


def all_runs(store: Path) -> list[Run]:
    workspace = Workspace.open(store)
    ids = [entry.key.split("/")[1] for entry in workspace.store.list("runs/", deep=False)]
    return [workspace.runs.get(run_id) for run_id in ids]


def test_script_without_start_run_is_finished_at_exit(tmp_path: Path) -> None:
    done = run(HEAD + "    log_param('alpha', 0.1); log_metric('loss', 1)", str(tmp_path))
    assert done.returncode == 0, done.stderr
    found = only_run(tmp_path)
    assert found.info.status is RunStatus.FINISHED
    assert found.data.params == {"alpha": "0.1"}


def test_uncaught_exception_is_failed_with_its_message(tmp_path: Path) -> None:
    done = run(HEAD + "    log_metric('loss', 1)\n    raise ValueError('bad alpha')", str(tmp_path))
    assert done.returncode == 1
    assert "ValueError: bad alpha" in done.stderr
    found = only_run(tmp_path)
    assert (found.info.status, found.info.reason) == (RunStatus.FAILED, "ValueError: bad alpha")


def test_exception_that_leaves_the_block_is_failed(tmp_path: Path) -> None:
    body = (
        HEAD
        + """
    try:
        with start_run():
            1 / 0
    except ZeroDivisionError:
        pass
    """
    )
    assert run(body, str(tmp_path)).returncode == 0
    found = only_run(tmp_path)
    assert found.info.status is RunStatus.FAILED
    assert found.info.reason == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize(
    ("statement", "status"),
    [
        ("sys.exit(0)", RunStatus.FINISHED),
        ("sys.exit(3)", RunStatus.FAILED),
        ("raise KeyboardInterrupt", RunStatus.KILLED),
    ],
)
def test_leaving_the_block_by_an_exit_is_told_truly(
    tmp_path: Path, statement: str, status: RunStatus
) -> None:
    run(HEAD + f"    with start_run():\n        {statement}", str(tmp_path))
    assert only_run(tmp_path).info.status is status


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGTERM, "SIGTERM"), (signal.SIGINT, "KeyboardInterrupt")]
)
@pytest.mark.parametrize("opening", ["start_run()", "log_metric('loss', 1)"])
def test_signal_is_killed_with_its_name(
    tmp_path: Path, number: signal.Signals, reason: str, opening: str
) -> None:
    body = HEAD + f"    {opening}\n    print('ready', flush=True)\n    threading.Event().wait()"
    with start(body, str(tmp_path)) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        process.communicate(timeout=60)
    assert process.returncode in (-number, 1, 130)
    found = only_run(tmp_path)
    assert (found.info.status, found.info.reason) == (RunStatus.KILLED, reason)


def test_sigterm_in_a_block_is_killed(tmp_path: Path) -> None:
    body = (
        HEAD
        + """
    with start_run():
        print('ready', flush=True)
        threading.Event().wait()
    """
    )
    with start(body, str(tmp_path)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert only_run(tmp_path).info.status is RunStatus.KILLED


def test_handler_of_another_keeps_working_and_the_run_is_killed_when_it_exits(
    tmp_path: Path,
) -> None:
    body = (
        HEAD
        + """
    def stop(number, frame):
        log_metric('at_the_end', 1.0)
        print('theirs', flush=True)
        sys.exit(0)
    signal.signal(signal.SIGTERM, stop)
    start_run()
    print('ready', flush=True)
    threading.Event().wait()
    """
    )
    with start(body, str(tmp_path)) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.terminate()
        out, _ = process.communicate(timeout=60)
    assert (out, process.returncode) == ("theirs\n", 0)
    found = only_run(tmp_path)
    assert (found.info.status, found.info.reason) == (RunStatus.KILLED, "SIGTERM")
    assert found.data.metrics == {"at_the_end": 1.0}


def test_ignored_sigterm_stays_ignored(tmp_path: Path) -> None:
    body = (
        HEAD
        + """
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    start_run()
    os.kill(os.getpid(), signal.SIGTERM)
    log_metric('after', 1.0)
    """
    )
    assert run(body, str(tmp_path)).returncode == 0
    found = only_run(tmp_path)
    assert (found.info.status, found.data.metrics) == (RunStatus.FINISHED, {"after": 1.0})


def test_excepthook_of_another_is_called(tmp_path: Path) -> None:
    body = (
        HEAD
        + """
    sys.excepthook = lambda kind, error, trace: print('theirs', kind.__name__)
    start_run()
    raise RuntimeError('x')
    """
    )
    assert run(body, str(tmp_path)).stdout == "theirs RuntimeError\n"
    assert only_run(tmp_path).info.status is RunStatus.FAILED


def test_exception_in_a_thread_fails_the_run_of_that_thread_alone(tmp_path: Path) -> None:
    body = (
        HEAD
        + """
    def work():
        start_run(run_name='of the thread')
        raise ValueError('in the thread')
    threading.excepthook = lambda args: print('theirs')
    start_run(run_name='of the main')
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    """
    )
    assert run(body, str(tmp_path)).stdout == "theirs\n"
    status = {found.info.run_name: found.info.status for found in all_runs(tmp_path)}
    assert status == {"of the thread": RunStatus.FAILED, "of the main": RunStatus.FINISHED}


def test_thread_that_still_works_at_exit_can_log(tmp_path: Path) -> None:
    body = (
        HEAD
        + """
    run = start_run()
    main = threading.main_thread()
    def work():
        while main.is_alive():  # until the main thread is through
            pass
        run.log_metric('late', 1.0)
    threading.Thread(target=work).start()
    """
    )
    done = run(body, str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert only_run(tmp_path).data.metrics == {"late": 1.0}


def test_forked_child_writes_its_own_stream_and_does_not_end_the_run(tmp_path: Path) -> None:
    body = (
        HEAD
        + """
    start_run()
    log_metric('parent', 1.0)
    child = os.fork()
    if child == 0:
        log_metric('child', 2.0)
        sys.exit(0)
    os.waitpid(child, 0)
    print(stageline.get_run(active_run().run_id).info.status)
    log_metric('parent', 3.0, step=1)
    """
    )
    done = run(body, str(tmp_path))
    assert (done.stdout, done.returncode) == ("RUNNING\n", 0), done.stderr
    found = only_run(tmp_path)
    assert found.info.status is RunStatus.FINISHED
    assert found.data.metrics == {"parent": 3.0, "child": 2.0}


def test_forked_child_that_logs_nothing_touches_nothing_of_the_run(tmp_path: Path) -> None:
    body = (
        HEAD
        + """
    run = start_run()
    held, done = threading.Event(), threading.Event()
    def hold():  # as the heartbeat's thread may just be doing
        with run.stream.lock:
            held.set()
            done.wait()
    threading.Thread(target=hold, daemon=True).start()
    held.wait()
    child = os.fork()
    if child == 0:
        sys.exit(0)
    os.waitpid(child, 0)
    done.set()
    log_metric('after', 1.0)
    """
    )
    done = run(body, str(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    found = only_run(tmp_path)
    assert (found.info.status, found.data.metrics) == (RunStatus.FINISHED, {"after": 1.0})


@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_process_pool_workers_log_to_the_run_by_its_id(tmp_path: Path, method: str) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        """
import multiprocessing, sys
import stageline

def work(task):
    store, run_id, rank = task
    stageline.set_store(store)
    with stageline.start_run(run_id=run_id, rank=rank) as run:
        run.log_metric(f"rank{rank}", float(rank))

if __name__ == "__main__":
    store, method = sys.argv[1:]
    stageline.set_store(store)
    with stageline.start_run() as run, multiprocessing.get_context(method).Pool(2) as pool:
        pool.map(work, [(store, run.run_id, rank) for rank in range(1, 4)])
"""
    )
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path / "store"), method],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = only_run(tmp_path / "store")
    assert found.info.status is RunStatus.FINISHED
    assert found.data.metrics == {"rank1": 1.0, "rank2": 2.0, "rank3": 3.0}


def test_forked_worker_that_logs_to_the_inherited_run_ships_its_records(
    tmp_path: Path, seaweedfs_server: S3Server
) -> None:
    store = seaweedfs_server.new_place()
    body = (
        HEAD
        + """
    import multiprocessing
    def work(number):
        log_metric(f"worker{number}", 1.0)
    start_run()
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(work, range(4))
        pool.close()
        pool.join()
    """
    )
    environment = seaweedfs_server.environment()
    done = run(body, store, **environment, STAGELINE_SPOOL=str(tmp_path / "spool"))
    assert (done.returncode, done.stderr) == (0, "")
    (folder,) = (tmp_path / "spool").iterdir()
    assert list(folder.iterdir()) == []
    workspace = Workspace.open(store, storage_options=seaweedfs_server.options)
    (entry,) = workspace.store.list("runs/", deep=False)
    found = workspace.runs.get(entry.key.split("/")[1])
    assert found.data.metrics == {f"worker{number}": 1.0 for number in range(4)}


def test_killed_process_is_reaped_at_once_on_its_own_host(tmp_path: Path) -> None:
    body = (
        HEAD
        + """
    start_run()
    log_metric('loss', 0.5, step=3)
    os.kill(os.getpid(), signal.SIGKILL)
    """
    )
    assert run(body, str(tmp_path)).returncode == -signal.SIGKILL
    found = only_run(tmp_path)
    assert found.info.status is RunStatus.KILLED
    assert found.info.reason is not None
    assert "is gone" in found.info.reason
    assert found.info.end_time is not None
    assert found.data.metrics == {"loss": 0.5}


def test_living_process_is_not_reaped(tmp_path: Path) -> None:
    body = HEAD + "    start_run()\n    print('ready', flush=True)\n    sys.stdin.readline()"
    import subprocess
    import sys
    import textwrap

    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(body), str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        assert only_run(tmp_path).info.status is RunStatus.RUNNING
        process.communicate("\n", timeout=60)
    assert only_run(tmp_path).info.status is RunStatus.FINISHED
