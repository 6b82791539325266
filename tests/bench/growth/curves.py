"""`make bench ARGS=growth`: how cost grows. Which curves, at which sizes; run, shown as tables, kept as JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

RESULTS = Path(__file__).with_name("results.json")
LIMIT_S = 3_600


class Curve(NamedTuple):
    """One thing that grows."""

    name: str
    title: str
    grows: str
    """What is counted along the curve."""
    sizes: tuple[int, ...]
    full: tuple[int, ...] = ()
    """Sizes that take minutes."""
    figure: str = "cpu_ms"


CURVES = (
    Curve("runs", "Runs of one experiment", "runs", (1_000, 10_000, 100_000), (1_000_000,)),
    Curve("inbox", "Runs that ended a moment ago", "runs in the inbox", (100, 1_000, 10_000)),
    Curve("experiments", "Experiments of 100 runs, searched together", "experiments", (1, 10, 100)),
    Curve(
        "writers",
        "Processes that log to runs of their own",
        "processes",
        (1, 4, 16),
        (64,),
    ),
    Curve(
        "registering",
        "Threads that register versions of one model",
        "threads",
        (1, 4, 16, 64),
        figure="requests",
    ),
    Curve(
        "entries",
        "Journal entries of a model of 10 versions",
        "entries",
        (100, 1_000, 10_000),
    ),
    Curve("versions", "Versions of a model", "versions", (10, 100, 1_000)),
)


def run(folder: Path, asked: list[str], *, full: bool) -> None:
    """Measure the curves whose names are `asked` for, all by default; show each, and keep the newest of each."""
    for curve in CURVES:
        if set(asked) - {"growth"} and curve.name not in asked:
            continue
        points = {}
        for size in curve.sizes + (curve.full if full else ()):
            points[str(size)] = _measured(curve, size, folder)
            _keep(curve.name, points)  # each at once: the next one may take long
        print(table(curve, points), flush=True)


def _measured(curve: Curve, size: int, folder: Path) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory(dir=folder) as empty:
        script = str(Path(__file__).with_name("measure.py"))
        done = subprocess.run(
            [sys.executable, script, curve.name, str(size)],
            cwd=empty,
            env={key: value for key, value in os.environ.items() if key != "STAGELINE_STORE"},
            stdout=subprocess.PIPE,
            timeout=LIMIT_S,
            check=True,
        )
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def kept() -> dict[str, dict[str, list[dict[str, Any]]]]:
    """Curve -> size -> costs, of the last run of each."""
    found: dict[str, dict[str, list[dict[str, Any]]]] = (
        json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    )
    return found


def _keep(name: str, points: dict[str, list[dict[str, Any]]]) -> None:
    RESULTS.write_text(json.dumps({**kept(), name: points}, indent=1) + "\n")


def table(curve: Curve, points: dict[str, list[dict[str, Any]]]) -> str:
    """As Markdown: a line for each step; at each size CPU, and requests."""
    sizes = list(points)
    loads = [cost["load"] for costs in points.values() for cost in costs]
    lines = [
        f"### {curve.title}",
        "",
        f"ms of CPU, and requests (KB read, KB written), by {curve.grows}; "
        f"at a load of {min(loads):.0f} to {max(loads):.0f}.",
        "",
        "| | " + " | ".join(f"{int(size):,}" for size in sizes) + " |",
        "|---|" + "---:|" * len(sizes),
    ]
    by_step: dict[str, dict[str, dict[str, Any]]] = {}
    for size, costs in points.items():
        for cost in costs:
            by_step.setdefault(cost["step"], {})[size] = cost
    for step, costs in by_step.items():
        cells = [_cell(costs[size]) if size in costs else "" for size in sizes]
        lines.append(f"| {step} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def _cell(cost: dict[str, Any]) -> str:
    cpu = f"{cost['cpu_ms']:,.{0 if cost['cpu_ms'] >= 100 else 1 if cost['cpu_ms'] >= 10 else 2}f}"
    if not cost["requests"]:
        return cpu
    asked = " + ".join(f"{count:,g} {verb}" for verb, count in cost["requests"].items())
    moved = f"{cost['read_kb']:,.0f}, {cost['written_kb']:,.0f}"
    return f"**{cpu}** {asked} ({moved})"
