"""Scripts run as processes of their own, for what only the death of a process can show."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

WITHIN_S = 60.0


class Script(subprocess.Popen[str]):
    """A child that does not outlive a test that fails."""

    def __exit__(self, *exception: Any) -> None:
        if exception[0] is not None:
            self.kill()
        super().__exit__(*exception)


def start(script: str, *arguments: str, **environment: str) -> Script:
    """Start Python on `script`; its output is to be read from the pipes."""
    return Script(
        [sys.executable, "-c", textwrap.dedent(script), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Python on `script` to its end."""
    with start(script, *arguments, **environment) as process:
        out, err = process.communicate(timeout=WITHIN_S)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def until(holds: Callable[[], bool], what: str, *, within_s: float = WITHIN_S) -> None:
    """Poll until `holds`, or fail saying that `what` did not come about."""
    give_up = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < give_up, f"{what}: not within {within_s:.0f} s"
        time.sleep(0.01)


def lines_of(path: Path) -> list[str]:
    """The whole lines of a file that another process appends to."""
    if not path.exists():
        return []
    text = path.read_text()
    return text[: text.rfind("\n") + 1].splitlines()
