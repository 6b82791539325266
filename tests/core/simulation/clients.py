"""What each simulated process does: a small program that draws its next step, and notes what it is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

from disk import Disk
from machine import ProcessClock
from scheduler import Process, Scheduler
from store import PAUSES_S, SimulatedStore
from told import RunTold, Told, Word

from stageline.domain.run import RunStatus, ViewType
from stageline.errors import Conflict, NotFound, StorageFailed
from stageline.settings import Settings
from stageline.storage.index_changes import IndexLost
from stageline.tracking.active import ActiveRun
from stageline.workspace import Workspace

EXPERIMENTS = ("blue", "red")
STALE_AFTER_S = 300.0
GRACE_S = 1_200.0
assert max(PAUSES_S) < GRACE_S


class Client:
    """A process, with the store as it sees it and a way to draw."""

    def __init__(
        self, process: Process, disk: Disk, told: Told, random: Random, folder: Path
    ) -> None:
        self.process = process
        self.disk = disk
        self.told = told
        self.random = random
        self.scheduler: Scheduler = disk.scheduler
        self.folder = folder
        self.workspace = self.opened()

    def opened(self) -> Workspace:
        """As a new process of this machine would."""
        settings = Settings(
            store=self.disk_url(), spool=str(self.folder / self.process.machine),
            cache=str(self.folder / self.process.name), user=self.process.name,
            flush_s=20.0, heartbeat_s=100.0, stale_after_s=STALE_AFTER_S, end_timeout_s=20.0,
            durability="fsync" if self.random.random() < 0.4 else "os",
        )  # fmt: skip
        return Workspace(SimulatedStore(self.disk), settings, ProcessClock(self.scheduler))

    def disk_url(self) -> str:
        return SimulatedStore.url

    def meet(self, every_s: int) -> None:
        """Wait for the moment at which others of its kind begin too."""
        past = self.scheduler.now_ns / 1e9 % every_s
        self.scheduler.sleep(every_s - past)

    def think(self, longest_s: float) -> None:
        self.scheduler.sleep(self.random.random() * longest_s)


# -- runs -----------------------------------------------------------------------------------------


class Writer(Client):
    """Trains: begins runs, logs, ends them."""

    def __call__(self) -> None:
        for _ in range(self.random.choice([1, 1, 2])):
            self.one_run()
            self.think(30)

    def one_run(self) -> None:
        try:
            active = self.workspace.runs.create(
                experiment_name=self.random.choice(EXPERIMENTS), run_name="x"
            )
        except StorageFailed:  # no disk for its log
            return
        run = self.told.runs[active.run_id] = RunTold(active.run_id, self.process)
        for turn in range(self.random.randint(2, 8)):
            step = self.random.choices(
                (self.log_one, self.log_many, self.log_params, self.set_tag, self.log_file, self.flush),
                (4, 2, 1, 1, 1, 3),
            )[0]  # fmt: skip
            step(active, run, turn)
            if self.random.random() < 0.4:
                self.think(self.random.choice([1, 30, 150]))
        run.end = Word(RunStatus.FINISHED)
        with self.told.saying(run.end):
            active.end()

    def log_one(self, active: ActiveRun, run: RunTold, turn: int) -> None:
        key, value = self.random.choice(("loss", "rmse")), self.random.random()
        word = run.points[key, turn] = Word(value)
        with self.told.saying(word):
            active.log_metric(key, value, turn)

    def log_many(self, active: ActiveRun, run: RunTold, turn: int) -> None:
        key = self.random.choice(("loss", "rmse"))
        count = self.random.choice([20, 70])  # as rows, and as columns
        steps = [1_000 * (turn + 1) + number for number in range(count)]
        at_ms = self.workspace.clock.now_ms()
        points = [(key, self.random.random(), step, at_ms) for step in steps]
        words = [Word(value) for _, value, _, _ in points]
        run.points.update({(key, step): word for step, word in zip(steps, words, strict=True)})
        with self.told.saying(*words):
            active.log_points(points)

    def log_params(self, active: ActiveRun, run: RunTold, turn: int) -> None:
        word = run.params[f"p{turn}"] = Word(str(self.random.random()))
        with self.told.saying(word):
            active.log_params({f"p{turn}": word.value})

    def set_tag(self, active: ActiveRun, run: RunTold, turn: int) -> None:
        word = Word(f"{turn}")
        run.tags.setdefault("t", []).append(word)
        with self.told.saying(word):
            active.set_tags({"t": word.value})

    def log_file(self, active: ActiveRun, run: RunTold, turn: int) -> None:
        size = self.random.choice([20, 20, 9_000])
        word = run.files[f"f{turn}.bin"] = Word(self.random.randbytes(size))
        file = self.folder / f"{run.run_id}-{turn}" / f"f{turn}.bin"
        file.parent.mkdir()
        file.write_bytes(word.value)
        with self.told.saying(word):
            self.workspace.artifacts(run.run_id).log_file(file)

    def flush(self, active: ActiveRun, run: RunTold, turn: int) -> None:
        with self.told.saying():
            active.flush()


class Shipper(Client):
    """`stageline sync`, from time to time."""

    def __call__(self) -> None:
        for _ in range(4):
            self.meet(97)
            with self.told.saying():
                self.workspace.sync()


class Reader(Client):
    """Looks at runs by search and by id, which also ends those that seem to have vanished."""

    def __call__(self) -> None:
        for _ in range(4):
            self.think(300)
            with self.told.saying():
                experiments = [e.experiment_id for e in self.workspace.experiments.list()]
                for run in self.workspace.search_runs(experiments):
                    self.told.found_in_search.append((run.info.run_id, dict(run.data.metrics)))
            if self.told.runs and self.random.random() < 0.7:
                run_id = self.random.choice(list(self.told.runs))
                try:
                    with self.told.saying():
                        self.workspace.runs.get(run_id)
                except NotFound:  # not shipped yet, or collected
                    continue


class Compactor(Client):
    """`stageline compact`, more often than anybody should."""

    def __call__(self) -> None:
        for _ in range(6):
            self.meet(61)
            with self.told.saying():
                compact(self.workspace)


class Deleter(Client):
    """Puts runs aside, and takes some of them back."""

    def __call__(self) -> None:
        for _ in range(3):
            self.think(200)
            ended = [run for run in self.told.runs.values() if run.end and not run.deletions]
            if ended:
                self.delete(self.random.choice(ended))

    def delete(self, run: RunTold) -> None:
        self.change(run, self.workspace.runs.delete, is_deleted=True)
        if self.random.random() < 0.5:
            self.think(GRACE_S)
            self.change(run, self.workspace.runs.restore, is_deleted=False)

    def change(self, run: RunTold, call: Callable[[str], None], *, is_deleted: bool) -> None:
        word = Word(is_deleted)
        run.deletions.append((is_deleted, word))
        try:
            with self.told.saying(word):
                call(run.run_id)
        except NotFound:
            word.outcome = "refused"


class Collector(Client):
    """`stageline gc`, a grace time apart each time."""

    def __call__(self) -> None:
        for _ in range(4):
            self.think(300)
            collector = self.workspace.collector()
            self.told.has_collected = True
            with self.told.saying():
                due = collector.due(GRACE_S)
                plan = collector.plan(0.0)
                collector.collect(due)
                collector.mark(plan)
            self.scheduler.sleep(GRACE_S + 60)


# -- care -----------------------------------------------------------------------------------------


def compact(workspace: Workspace, *, rebuild: bool = False) -> None:
    """As `stageline compact` does, or with `--rebuild`."""
    for experiment in workspace.experiments.list(ViewType.ALL):
        index = workspace.index.index(experiment.experiment_id)
        try:
            if not rebuild:
                index.fold()
                continue
        except IndexLost:
            pass
        for _ in range(3):
            if index.rebuild(lambda e=experiment: workspace.runs.summaries(e.experiment_id)):  # type: ignore[misc]
                break
        else:
            if rebuild:
                raise Conflict("the index is written by others as fast as it is read")
