"""Runs contestants in turn, each in a process of its own, and keeps what they report."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from cold import COLD
from rows import Row

QUIET = {
    "BENCH_PYTHON": sys.executable,  # of what drives a browser: a peer's environment has no such library
    "DO_NOT_TRACK": "1",
    "DVC_NO_ANALYTICS": "1",
    "DVC_SITE_CACHE_DIR": "dvc-cache",
    "HF_HUB_OFFLINE": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONWARNINGS": "ignore",
    "TRACKIO_DIR": "trackio",
}
LIMIT_S = 300
TIMED_OUT = 124  # of timeout(1)


@dataclass(frozen=True)
class Contestant:
    """Who runs: `contestants/<name>_.py` under its own Python."""

    name: str
    home: Path
    python: Path = Path(sys.executable)

    @property
    def script(self) -> Path:
        # The underscore: a script's folder comes first on its path, and `mlflow.py` there would be mlflow.
        return self.home.resolve() / "contestants" / f"{self.name}_.py"


@dataclass
class Score:
    """A contestant's figures, a list for each key with one value a round; or why there are none."""

    rounds: dict[str, list[float]] = field(default_factory=dict)
    absence: str = ""

    def add(self, figures: dict[str, float]) -> None:
        for key, value in figures.items():
            self.rounds.setdefault(key, []).append(value)

    def median(self, key: str) -> float | None:
        values = self.rounds.get(key)
        return median(values) if values else None


def race(row: Row, contestants: list[Contestant], rounds: int, folder: Path) -> dict[str, Score]:
    """Interleaved, so that a busy minute of the machine falls on all of them. Scores by contestant."""
    scores = {contestant.name: Score() for contestant in contestants}
    if row.is_prepared:
        for contestant in contestants:
            home = folder / contestant.name
            home.mkdir()
            _try(scores[contestant.name], contestant, row, f"{row.function}_prepare", home)
    for number in range(rounds):
        for contestant in contestants:
            score = scores[contestant.name]
            if score.absence:
                continue
            home = folder / (contestant.name if row.is_prepared else f"{contestant.name}-{number}")
            home.mkdir(exist_ok=True)
            figures = _try(score, contestant, row, row.function, home)
            if figures:
                score.add(figures)
            if not row.is_prepared:
                shutil.rmtree(home)
    return scores


def _try(
    score: Score, contestant: Contestant, row: Row, function: str, home: Path
) -> dict[str, float]:
    size = row.sizes.get(contestant.name, row.size)
    if row.is_process:
        if contestant.name not in COLD:
            score.absence = "takes no part"
            return {}
        command = [str(contestant.python), "-c", COLD[contestant.name]]
    else:
        command = [str(contestant.python), str(contestant.script), function, str(size)]
    code, output, figures = _process(command, home)
    if code == TIMED_OUT:
        score.absence = f"more than {LIMIT_S} s"
        return {}
    if code:
        score.absence = (output.strip().splitlines() or [f"exit code {code}"])[-1][:100]
        return {}
    if not row.is_process:
        figures = json.loads(output.strip().splitlines()[-1])
        if figures and not row.is_whole:
            figures["wall_s"] /= size
            figures["cpu_s"] /= size
    return figures


def _process(command: list[str], home: Path) -> tuple[int, str, dict[str, float]]:
    """Exit code, output, and what the process cost as seen from outside."""
    with (home / "output").open("w+") as output:
        environment = {**os.environ, **QUIET}
        environment.pop("STAGELINE_STORE", None)
        start = time.perf_counter()
        process = subprocess.Popen(
            ["timeout", str(LIMIT_S), *command] if shutil.which("timeout") else command,
            cwd=home,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return (
            process.returncode,
            output.read(),
            {"wall_s": wall, "cpu_s": usage.ru_utime + usage.ru_stime},
        )
