"""One history: who takes part, what goes wrong, how it ends, and what is found at the end. All of it by one seed."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import checks
import registry_checks
import watching
from clients import (
    STALE_AFTER_S,
    Client,
    Collector,
    Compactor,
    Deleter,
    Reader,
    Shipper,
    Writer,
    compact,
)
from disk import Disk
from machine import simulated
from registrars import Registrar, Twin
from scheduler import Process, Scheduler
from told import Told
from trouble import Kind, Trouble, drawn


@dataclass
class History:
    """What came of a seed."""

    seed: int
    violations: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    fired: Counter[Kind] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    deeds: int = 0

    @property
    def digest(self) -> str:
        """Of every request and every answer, byte for byte."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()


def play(seed: int, trouble: Trouble | None = None) -> History:
    """The history of a seed, judged."""
    random = Random(seed)
    trouble = trouble or drawn(Random(random.random()))
    scheduler = Scheduler(Random(random.random()), loyalty=random.choice([0.0, 0.5, 0.9]))
    disk, told, found = Disk(scheduler, trouble), Told(scheduler), History(seed)
    watch = watching.Watch(disk, told, found.violations)
    disk.watchers.append(watch)
    disk.removal_watchers.append(watch.removed)
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix="stageline-simulated-", dir=place))
    try:
        with simulated(scheduler, trouble, Random(random.random())):
            cast = [
                kind(Process(f"{name}", machine, number), disk, told, Random(random.random()), folder)
                for number, (kind, name, machine) in enumerate(_cast(random))
            ]  # fmt: skip
            for client in cast:
                scheduler.spawn(client.process, client, client.process.name)  # type: ignore[operator]
            scheduler.run()
            found.violations += [f"{who}: {error!r}" for who, error in scheduler.failures]
            if not found.violations:
                _settle(scheduler, disk, told, trouble, folder, found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    found.trace, found.fired, found.steps = disk.trace, trouble.fired, trouble.steps
    found.runs, found.deeds = len(told.runs), len(told.deeds)
    return found


def _cast(random: Random) -> list[tuple[type[Client], str, str]]:
    """Who takes part: now everybody, now a few, so that rare meetings are not drowned."""
    theme = random.choice(["shipping", "care", "care", "registry", "everything"])
    cast: list[tuple[type[Client], str, str]] = []
    if theme != "registry":
        cast += [(Writer, "writer-1", "east"), (Writer, "writer-2", "east")]
    if theme in ("shipping", "everything"):
        cast += [
            (Writer, "writer-3", "west"),
            (Shipper, "shipper-1", "east"),
            (Shipper, "shipper-2", "east"),
        ]
    if theme in ("care", "everything"):
        cast += [(Compactor, "compactor-1", "north"), (Compactor, "compactor-2", "south")]
        cast += [(Deleter, "deleter", "north"), (Collector, "collector", "south")]
    if theme != "registry" and random.random() < 0.7:
        cast.append((Reader, "reader", "north"))
    if theme in ("registry", "everything"):
        cast += [(Registrar, f"registrar-{n}", "north") for n in range(random.randint(2, 4))]
    if theme == "registry" and random.random() < 0.4:
        cast += [(Twin, f"twin-{n}", "north") for n in range(2)]
    return cast


def _settle(
    scheduler: Scheduler, disk: Disk, told: Told, trouble: Trouble, folder: Path, found: History
) -> None:
    """No more trouble: what was left is shipped, the vanished are ended, the index is folded; then all is looked at."""
    trouble.is_over = True
    scheduler.now_ns = max([scheduler.now_ns, *(put.at_ns for put in disk.late)]) + 1
    care = [Client(Process(f"care-{m}", m, 90), disk, told, Random(1), folder)
            for m in ("east", "west")]  # fmt: skip
    last = Client(Process("judge", "judge", 91), disk, told, Random(1), folder)

    def look() -> None:
        for run_id in told.runs:
            if checks.exists(last.workspace, run_id):
                last.workspace.runs.get(run_id)
        compact(last.workspace)
        found.violations += checks.of_runs(last.workspace, told)
        found.violations += checks.of_index(last.workspace, told)
        compact(last.workspace, rebuild=True)
        found.violations += checks.of_rebuilt_index(last.workspace, told)
        found.violations += registry_checks.of_registry(last.workspace, told)

    for client in care:
        scheduler.spawn(client.process, lambda c=client: c.workspace.sync(), client.process.name)  # type: ignore[misc]
    scheduler.run()
    scheduler.now_ns += int((STALE_AFTER_S + 86_400 + 3_600) * 1e9)
    scheduler.spawn(last.process, look, "judge")
    scheduler.run()
    found.violations += [f"{who}: {error!r}" for who, error in scheduler.failures]
