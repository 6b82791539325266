"""What contestants share: time a block, report one line. Standard library only: peers run it in their own Python."""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Sized
from pathlib import Path
from typing import Any


class Stopwatch:
    """`with Stopwatch() as watch: ...`, then `watch.figures()`."""

    def __enter__(self) -> Stopwatch:
        self._memory = _peak_mb()
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        self.cpu_s = time.process_time() - self._cpu
        self.wall_s = time.perf_counter() - self._wall
        self.extra_mb = _peak_mb() - self._memory

    def figures(self, **more: float) -> dict[str, float]:
        """Seconds, of every thread of this process, and `more`."""
        return {"wall_s": self.wall_s, "cpu_s": self.cpu_s, **more}


def warm(search: Callable[[], Sized], expected: int, times: int = 5) -> dict[str, float]:
    """The median of `times` calls, after one that warms and is checked to find what there is."""
    found = len(search())
    if found != expected:
        sys.exit(f"found {found} runs, expected {expected}")
    laps = []
    for _ in range(times):
        with Stopwatch() as watch:
            search()
        laps.append(watch)
    laps.sort(key=lambda lap: lap.wall_s)
    return laps[len(laps) // 2].figures()


def folder_bytes(folder: str) -> int:
    """Bytes of the files under `folder`."""
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def made_file(size: int) -> str:
    """A file of `size` bytes that does not compress, in the page cache."""
    block = os.urandom(1 << 20)
    with open("made.bin", "wb") as out:
        for _ in range(size // len(block)):
            out.write(block)
        out.write(block[: size % len(block)])
    os.sync()
    return "made.bin"


def contest(functions: dict[str, Any]) -> None:
    """Run the function that the command line names; the last line of output is its figures."""
    name, size = sys.argv[1], int(sys.argv[2])
    if name not in functions:
        sys.exit("takes no part")
    print(json.dumps(functions[name](size) or {}))


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak / 1e3
