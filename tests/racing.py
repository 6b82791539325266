"""Processes that begin together: each runs the same script, once all have been started."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from contextlib import ExitStack

from processes import WITHIN_S

_TOGETHER = "import sys; sys.stdin.read()\n"
"""Standard input ends for all of them when the last has been started."""


def race(script: str, *arguments: str, count: int = 4) -> list[str]:
    """What each of `count` processes printed. Fails if one of them does, and leaves none behind."""
    with ExitStack() as stack:
        racers = [
            stack.enter_context(_start(_TOGETHER + textwrap.dedent(script), *arguments))
            for _ in range(count)
        ]
        for racer in racers:
            stack.callback(racer.kill)
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.close()
            racer.stdin = None
        told = [racer.communicate(timeout=WITHIN_S) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * count, told
    return [out for out, _ in told]


def _start(script: str, *arguments: str) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
