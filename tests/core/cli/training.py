"""A process that trains: it logs and prints what it is told, a line at a time."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

SCRIPT = """
    import sys
    import stageline
    done = sys.stderr
    stageline.set_store(sys.argv[1])
    with stageline.start_run(run_name="train", capture_output=True):
        print("started", file=done, flush=True)
        for line in sys.stdin:
            key, _, value = line.strip().partition("=")
            if key == "say":
                print(value, flush=True)
            elif key == "fail":
                raise ValueError(value)
            elif key == "exit":
                break
            else:
                stageline.log_metric(key, float(value))
            print("done", file=done, flush=True)
"""
COMMAND = [sys.executable, "-c", "from stageline.cli.main import main; main()"]


class Training:
    """It runs until `close`, or until it is told `exit` or `fail=...`."""

    def __init__(self, url: str | Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(SCRIPT), str(url)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._expect("started")

    def tell(self, *lines: str) -> None:
        """Say what to do, and wait until it is done."""
        for line in lines:
            self._write(line)
            self._expect("done")

    def end(self, line: str = "exit") -> None:
        """Say the last thing."""
        self._write(line)
        self.process.wait(60)

    def close(self) -> None:
        """Let it go, however it stands."""
        self.process.kill()
        self.process.communicate()

    def _write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def _expect(self, answer: str) -> None:
        assert self.process.stderr is not None
        assert self.process.stderr.readline() == f"{answer}\n"


def command(url: str | Path, *args: str) -> subprocess.Popen[str]:
    """`stageline` as a process of its own."""
    return subprocess.Popen(
        [*COMMAND, "--store", str(url), *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
