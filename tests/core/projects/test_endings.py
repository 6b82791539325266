"""How a run of a project ends that is not left to end by itself: signals to the runner, and its death."""

from __future__ import annotations

import os
import signal
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from processes import Script, lines_of, until

from stageline import RunStatus, Workspace
from stageline.domain.run import Run
from stageline.projects.process import Group

# A command with a child and a grandchild; each says who it is, and the grandchild says which signal it got.
FAMILY = """
    import os, pathlib, signal, subprocess, sys, time
    diary, kind = pathlib.Path(sys.argv[1]), sys.argv[2]
    def say(line):
        with diary.open("a") as file:
            file.write(line + "\\n")
    def told(number, frame):
        say(f"got {signal.Signals(number).name}")
        if kind != "stubborn":
            sys.exit(1)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, told)
    say(f"pid {os.getpid()}")
    time.sleep(600)
"""
PROJECT = """
    entry_points:
      main:
        parameters: {diary: string, kind: {type: string, default: meek}}
        command: python family.py {diary} {kind} & python family.py {diary} {kind}; wait
"""

MakeProject = Callable[..., Path]


@pytest.fixture
def diary(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "diary"
    yield path
    for pid in pids(path):
        if is_running(pid):
            os.kill(pid, signal.SIGKILL)


def pids(diary: Path) -> list[int]:
    return [int(line.split()[1]) for line in lines_of(diary) if line.startswith("pid")]


def is_running(pid: int) -> bool:
    """Whether the process lives; one that nobody has collected is dead too."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def run_of(workspace: Workspace) -> Run:
    (run,) = workspace.search_runs(["0"])
    return run


@pytest.fixture
def family(
    make_project: MakeProject, command_line: Callable[..., Script], diary: Path
) -> Callable[..., Script]:
    """Starts the family under `stageline run`, and waits until both members are there."""
    folder = make_project(MLproject=PROJECT, family_py=FAMILY)

    def start(kind: str = "meek") -> Script:
        runner = command_line("run", str(folder), "-P", f"diary={diary}", "-P", f"kind={kind}")
        until(lambda: len(pids(diary)) == 2 or runner.poll() is not None, "the family is there")
        return runner

    return start


@pytest.mark.parametrize(
    ("number", "reason", "code"),
    [
        (signal.SIGINT, "KeyboardInterrupt", 130),
        (signal.SIGTERM, "SIGTERM", -signal.SIGTERM),
    ],
)
def test_signal_to_the_runner_reaches_the_whole_group_and_the_run_is_killed(
    workspace: Workspace,
    family: Callable[..., Script],
    diary: Path,
    number: signal.Signals,
    reason: str,
    code: int,
) -> None:
    with family() as runner:
        runner.send_signal(number)
        runner.communicate(timeout=60)
    assert runner.returncode == code
    assert lines_of(diary).count(f"got {number.name}") == 2
    until(lambda: not any(map(is_running, pids(diary))), "the group ends")
    run = run_of(workspace)
    assert (run.info.status, run.info.reason) == (RunStatus.KILLED, reason)
    assert run.data.tags["stageline.project.durationS"]


def test_kill_9_of_the_runner_ends_the_group_and_the_run_is_reaped(
    workspace: Workspace, family: Callable[..., Script], diary: Path
) -> None:
    with family() as runner:
        runner.kill()
        runner.communicate(timeout=60)
    until(lambda: not any(map(is_running, pids(diary))), "the group ends")
    assert lines_of(diary).count("got SIGTERM") == 2
    run = run_of(workspace)
    assert run.info.status is RunStatus.KILLED
    assert run.info.reason is not None
    assert run.info.reason.startswith(f"process {runner.pid} on ")


def group_of(folder: Path, diary: Path, kind: str, grace_s: float) -> Group:
    (folder / "family.py").write_text(textwrap.dedent(FAMILY))
    group = Group(
        [sys.executable, "family.py", str(diary), kind],
        folder=folder,
        environment=os.environ,
        outputs={"stdout": lambda piece: None, "stderr": lambda piece: None},
        grace_s=grace_s,
    )
    until(lambda: len(pids(diary)) == 1, "the command runs")
    return group


def test_who_does_not_listen_is_killed_after_a_while(tmp_path: Path, diary: Path) -> None:
    group = group_of(tmp_path, diary, "stubborn", grace_s=0.5)
    group.stop(signal.SIGINT)
    assert group.wait() == -signal.SIGKILL
    assert lines_of(diary)[1:] == ["got SIGINT", "got SIGTERM"]


def test_command_is_the_direct_child_and_finds_no_child_that_it_did_not_start(
    tmp_path: Path,
) -> None:
    seen: list[bytes] = []
    group = Group(
        ["bash", "-c", "echo $PPID; python3 -c 'import os; os.wait()' 2>&1 | tail -1; exit 7"],
        folder=tmp_path,
        environment=os.environ,
        outputs={"stdout": seen.append, "stderr": seen.append},
    )
    assert group.wait() == 7
    parent, error = b"".join(seen).decode().split(maxsplit=1)
    assert int(parent) == os.getpid()
    assert error.startswith("ChildProcessError")


LEAVER = """
import os
told, tell = os.pipe()
if os.fork() == 0:
    os.setsid()
    print(os.getpid(), flush=True)
    os.close(told), os.close(tell)
    os.execlp("sleep", "sleep", "600")
os.close(tell)
os.read(told, 1)
"""


def test_who_leaves_the_group_with_its_pipes_holds_nobody_up(tmp_path: Path) -> None:
    seen: list[bytes] = []
    group = Group(
        [sys.executable, "-c", LEAVER],
        folder=tmp_path,
        environment=os.environ,
        outputs={"stdout": seen.append, "stderr": seen.append},
    )
    assert group.wait() == 0
    left = int(b"".join(seen))
    assert is_running(left), "it asked not to be part of the run"
    os.kill(left, signal.SIGKILL)


def test_signals_that_python_ignores_work_in_the_command(tmp_path: Path) -> None:
    group = Group(
        ["bash", "-c", "kill -PIPE $$; exit 0"],
        folder=tmp_path,
        environment=os.environ,
        outputs={"stdout": lambda piece: None, "stderr": lambda piece: None},
    )
    assert group.wait() == -signal.SIGPIPE
