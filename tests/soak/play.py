"""The soak: trainers, callers, servers, a keeper and SeaweedFS as real processes, and who kills them by a seed."""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from diary import Deed, read_diaries
from judge import judge_index, judge_registry, judge_runs
from mortals import Mortal
from servers import SEAWEEDFS_KEYS, S3Server, answers, free_ports, seaweedfs_command
from witness import Witness

from stageline import Workspace
from stageline.errors import StorageFailed, reaction

HERE = Path(__file__).parent
AWAY = reaction(StorageFailed("")).exit_code
BETWEEN_KILLS_S = (0.3, 3.0)
DOWN_S = (0.0, 3.0)
"""How long SeaweedFS stays away; the others start again at once."""
READY_WITHIN_S = 120.0
DIES_YOUNG = 0.1
DRAINS_WITHIN_S = 120.0
WEIGHTS = {"trainer": 4, "server": 3, "worker of a server": 2, "keeper": 2, "seaweedfs": 2}


@dataclass
class Report:
    """What a soak did, and what was wrong after it."""

    kills: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    unanswered: Counter[str] = field(default_factory=Counter)
    objects: int = 0
    """That SeaweedFS acknowledged to the witness."""
    refused: int = 0
    """That it did not."""
    gave_up: int = 0
    """Who was started while SeaweedFS was away, said so, and was started again."""
    wrong: list[str] = field(default_factory=list)
    judged_s: float = 0.0


class Soak:
    """Everything that runs, in a folder; a spool each for the trainers and for every server, as on three machines."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.random = random.Random(seed)
        self.report = Report()
        for name in ("weed", "logs", "diaries", "trainers"):
            (folder / name).mkdir(parents=True)
        command, self.endpoint = seaweedfs_command(
            str(Path(sys.executable).with_name("weed")), folder / "weed", free_ports(12)
        )
        self.server = S3Server(self.endpoint)
        self.seaweedfs = self._mortal("seaweedfs", lambda: command, SEAWEEDFS_KEYS, "weed")
        self.ports = free_ports(2)
        self.starts: Counter[str] = Counter()
        self.back_at: float | None = None
        """When SeaweedFS is to start again."""
        self.came_back_at = 0.0
        """When it last did."""

    def _mortal(
        self, kind: str, command: Callable[[], list[str]], environment: dict[str, str], name: str
    ) -> Mortal:
        return Mortal(kind, command, environment, self.folder / "logs" / name)

    def _environment(self, home: str) -> dict[str, str]:
        return {
            **self.server.environment(),
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONPATH": f"{HERE}",
            "STAGELINE_SPOOL": str(self.folder / home / "spool"),
            "STAGELINE_CACHE": str(self.folder / home / "cache"),
            "STAGELINE_FLUSH_S": "1",
            "STAGELINE_END_TIMEOUT_S": "3",
            "STAGELINE_HEARTBEAT_S": "2",
        }

    def _script(self, kind: str, first: str, name: str) -> Mortal:
        """A process that keeps a diary: another one, and another seed, each time it starts."""

        def command() -> list[str]:
            self.starts[name] += 1
            diary = self.folder / "diaries" / f"{name}-{self.starts[name]}"
            seed = f"{self.starts[name]}{len(name)}{name[-1]}"
            return [sys.executable, str(HERE / f"{kind}.py"), first, str(diary), seed]

        return self._mortal(kind, command, self._environment("trainers"), name)

    def _serving(self, number: int) -> Mortal:
        program = str(Path(sys.executable).with_name("stageline"))
        workers = str(number + 1)
        command = [
            program, "--store", self.url, "server", "--port", str(self.ports[number]), "--workers", workers,
        ]  # fmt: skip
        home = f"server{number}"
        return self._mortal("server", lambda: command, self._environment(home), home)

    # -- the play ---------------------------------------------------------------------------------

    def play(self, seconds: float) -> Report:
        """Run it all for so long, let it come to rest, and judge."""
        self._wake_seaweedfs()
        witness = Witness(self.endpoint)
        self.url = self._first_bucket()
        self.servers = [self._serving(number) for number in range(2)]
        ports = ",".join(map(str, self.ports))
        self.others = [
            self._script("trainer", self.url, "trainer1"),
            self._script("trainer", self.url, "trainer2"),
            self._script("keeper", self.url, "keeper1"),
        ]
        callers = self._script("caller", ports, "caller1")
        self.everyone = [*self.servers, *self.others, callers]
        try:
            for one in self.everyone:
                one.start()
            self._wait(lambda: all(self._serves(number) for number in range(2)))
            witness.start()
            self._kill_until(time.monotonic() + seconds)
            witness.stop()
            self._come_to_rest(callers)
            self._judge(witness)
        finally:
            witness.stop()
            for one in [*self.everyone, self.seaweedfs]:
                one.kill()
        return self.report

    def _kill_until(self, over: float) -> None:
        due = time.monotonic()
        while time.monotonic() < over:
            if self.back_at is not None and time.monotonic() > self.back_at:
                self._wake_seaweedfs()
            self._raise_the_dead()
            if time.monotonic() > due:
                self._kill_somebody()
                due = time.monotonic() + self.random.uniform(*BETWEEN_KILLS_S)
            time.sleep(0.02)

    def _raise_the_dead(self) -> None:
        """Start again what ended by itself: wrong, but for who gave up while SeaweedFS was away, and said so."""
        for one in self.everyone:
            code = one.own_death()
            if code is None:
                continue
            was_away = self.back_at is not None or self.came_back_at > one.started_at
            if code == AWAY and was_away:
                self.report.gave_up += 1
            else:
                self.report.wrong.append(f"{one.log.name} ended by itself: {code}")
            one.start()

    def _kill_somebody(self) -> None:
        kind = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        if kind == "seaweedfs":
            if self.back_at is not None:
                return
            self.seaweedfs.kill()
            self.back_at = time.monotonic() + self.random.uniform(*DOWN_S)
        elif kind == "worker of a server":
            # A worker that dies before all of them serve ends the server, which says so.
            if not (self.servers[1].has_said("INFO serving") and self.servers[1].kill_child()):
                return
        else:
            one = self.random.choice([each for each in self.everyone if each.kind == kind])
            if kind == "server" and not self._may_die(self.servers.index(one)):
                return
            one.kill()
            one.start()
        self.report.kills[kind] += 1

    def _serves(self, number: int) -> bool:
        return answers(f"http://127.0.0.1:{self.ports[number]}/health")

    def _may_die(self, number: int) -> bool:
        """Mostly once it serves, and now and then while it starts, or a busy machine would never have one."""
        return self.random.random() < DIES_YOUNG or self._serves(number)

    def _come_to_rest(self, callers: Mortal) -> None:
        """All is killed but SeaweedFS; servers start once more, and are told to stop."""
        self._raise_the_dead()
        self._wake_seaweedfs()
        for one in [callers, *self.others, *self.servers]:
            one.kill()
        for server in self.servers:
            server.start()
        self._wait(lambda: all(self._serves(number) for number in range(2)))
        for server in self.servers:
            if code := server.end(DRAINS_WITHIN_S):
                self.report.wrong.append(f"a server that was told to stop said {code}")

    # -- SeaweedFS --------------------------------------------------------------------------------

    def _wake_seaweedfs(self) -> None:
        if not self.seaweedfs.is_running:
            self.seaweedfs.start()
            self._wait(lambda: answers(self.endpoint))
            self.came_back_at = time.monotonic()
        self.back_at = None

    def _first_bucket(self) -> str:
        """Its master gives out volumes a few seconds after its S3 answers."""
        url = self.server.new_bucket()
        name = url.removeprefix("s3://")

        def takes() -> bool:
            try:
                self.server.fs.pipe_file(f"{name}/_first", b"1")
            except OSError:
                return False
            return True

        self._wait(takes)
        self.server.fs.rm_file(f"{name}/_first")
        return url

    @staticmethod
    def _wait(holds: Callable[[], bool]) -> None:
        give_up = time.monotonic() + READY_WITHIN_S
        while not holds():
            if time.monotonic() > give_up:
                raise TimeoutError(f"not ready within {READY_WITHIN_S:.0f} s")
            time.sleep(0.05)

    # -- the judgement ----------------------------------------------------------------------------

    def workspace(self, home: str) -> Workspace:
        """The store as a process of that machine sees it."""
        return Workspace.open(
            self.url,
            storage_options=self.server.options,
            spool=str(self.folder / home / "spool"),
            cache=str(self.folder / "judge" / "cache"),
        )

    def _judge(self, witness: Witness) -> None:
        report, began = self.report, time.monotonic()
        for home in ("trainers", "server0", "server1"):
            here = self.workspace(home)
            here.sync()
            if here.sync():
                report.wrong.append(f"a second sync of {home} had something to do")
            waiting = [path for path in (self.folder / home / "spool").rglob("*") if path.is_file()]
            report.wrong += [
                f"{path} was left in the spool" for path in waiting if path.suffix == ".wal"
            ]
        deeds = read_diaries(sorted((self.folder / "diaries").iterdir()))
        self._count(deeds)
        workspace = self.workspace("judge")
        collector = workspace.collector()
        collector.collect(collector.due(0.0))  # what a collector that was killed had begun
        report.wrong += witness.judge()
        report.wrong += judge_runs(workspace, deeds)
        report.wrong += judge_registry(workspace, deeds)
        report.wrong += judge_index(workspace)
        report.objects, report.refused = len(witness.told), witness.unanswered
        report.judged_s = time.monotonic() - began

    def _count(self, deeds: list[Deed]) -> None:
        for deed in deeds:
            (self.report.told if deed.is_told else self.report.unanswered)[deed.verb] += 1
