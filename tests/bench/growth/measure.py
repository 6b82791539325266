"""One curve at one size, in a process of its own: `measure.py CURVE SIZE`, in an empty folder. Prints its costs."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1]
sys.path[:1] = [str(BENCH), str(BENCH / "contestants")]

from growth.cost import Cost  # noqa: E402
from growth.models import entries, versions  # noqa: E402
from growth.runs import experiments, inbox, runs  # noqa: E402
from growth.writers import registering, writers  # noqa: E402

CURVES: dict[str, Callable[[int, Path], list[Cost]]] = {
    "runs": runs,
    "inbox": inbox,
    "experiments": experiments,
    "writers": writers,
    "registering": registering,
    "entries": entries,
    "versions": versions,
}

if __name__ == "__main__":
    found = CURVES[sys.argv[1]](int(sys.argv[2]), Path.cwd())
    print(json.dumps([one._asdict() for one in found]))
