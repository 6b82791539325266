"""Becomes a command, and leaves a watcher behind that ends its process group when the caller is gone.

    python -I -S guard.py LIFELINE GRACE_S COMMAND [ARGUMENT...]

A program of its own, which imports none of ours; it must lead a process group. LIFELINE is the reading end of a pipe
that the caller holds open. If the pipe closes before the caller has written that all is well, then the caller died,
however that went: all of the group gets SIGTERM and, if there is still somebody GRACE_S seconds later, SIGKILL. Unlike
PR_SET_PDEATHSIG this is not Linux's alone, reaches what the command has started, and does not depend on a thread.
"""

from __future__ import annotations

import os
import signal
import sys
import time

_POLL_S = 0.05


def main() -> None:
    lifeline, grace_s, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    group = os.getpid()
    between = os.fork()
    if between == 0:  # and once more: a command must not find a child that it has not started
        if os.fork() == 0:
            _watch(group, lifeline, grace_s)
        os._exit(0)
    os.waitpid(between, 0)
    os.close(lifeline)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]} can not be run: {error.strerror}\n".encode(errors="replace"))
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def _watch(group: int, lifeline: int, grace_s: float) -> None:
    try:
        os.setsid()  # out of the group, and out of reach of a terminal
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):  # whoever reads from the command must see it end
            os.dup2(nowhere, stream)
        if not os.read(lifeline, 1):
            _end(group, grace_s)
    except ProcessLookupError:  # nobody is left
        pass
    finally:
        os._exit(0)


def _end(group: int, grace_s: float) -> None:
    """Raises `ProcessLookupError` once nobody is left."""
    os.killpg(group, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while time.monotonic() < deadline:
        time.sleep(_POLL_S)
        os.killpg(group, 0)
    os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
