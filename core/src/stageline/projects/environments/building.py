"""A program that builds an environment: run without a shell, ended with us, its failure told without its secrets."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from stageline.errors import StorageFailed

_TAIL = 30
_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


def run_builder(
    command: Sequence[str],
    *,
    what: str,
    folder: Path,
    environment: Mapping[str, str],
    lock: int,
    say: Callable[[str], None],
) -> None:
    """Run `command` to its end. It inherits `lock`, so that nobody builds the same while it lives.

    Raises:
        StorageFailed: it failed; the message has its last lines.
    """
    tail: list[str] = []
    with subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=(lock,),
        encoding="utf-8",
        errors="replace",
    ) as process:
        try:
            assert process.stdout is not None
            for line in process.stdout:
                shown = _PASSWORD.sub("***@", line.rstrip())
                tail = [*tail[1 - _TAIL :], shown]
                if shown:
                    say(f"  {shown}")
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise StorageFailed(
            f"{what} could not be built: {Path(command[0]).name} ended with {process.returncode}.\n"
            + "\n".join(tail)
        )
