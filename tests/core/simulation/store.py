"""The store of a simulation: memory, behind a network that has every trouble and writes down all that it did."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO, Literal, cast
from zlib import crc32

from disk import Disk, Late, die
from scheduler import SECOND
from trouble import Kind

from stageline.errors import StagelineError, StorageFailed, Unauthorized
from stageline.storage.port import Entry
from stageline.storage.staged import StagedWriter

URL = "simulated://store"
STALE_NS = 2 * SECOND
"""How long a listing may lag behind."""
PAUSES_S = (400, 1_000)
"""Beyond any heartbeat, and below the collector's grace: longer than that, whoever begins what has no name yet, or
removes what is garbage, may not stand still (docs/faults.md)."""
LONG_PAUSES_S = (400, 1_500, 7_200)
_HAVE_BEGUN = ("writer", "collector")
_ENDINGS = {
    "start.json": "start", ".end.json": "end", ".seg": "segment", ".live": "heartbeat",
}  # fmt: skip
_FOLDERS = {
    "registry/": "registry entry", "experiments/": "experiment entry", "names/": "name claim", "gc/": "mark",
}  # fmt: skip


class SimulatedStore:
    """An `ObjectStore`: each request may be where its process stops, dies, or is told a lie about what happened."""

    is_exclusive: bool | None = True
    url = URL

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._scheduler = disk.scheduler
        self._trouble = disk.trouble

    def __repr__(self) -> str:
        return f"SimulatedStore({self.url!r})"

    # -- the six verbs ----------------------------------------------------------------------------

    def read(self, key: str) -> bytes:
        return cast("bytes", self._ask("read", key, lambda: self._disk.objects.read(key)))

    def create(self, key: str, data: bytes) -> bool:
        put = lambda: self._disk.put(key, data, only_new=True)  # noqa: E731

        def sent() -> bool:
            created = put()
            if created and self._trouble.strikes(Kind.DUPLICATE):
                return put()
            return created

        return cast("bool", self._ask("create", key, sent, data, put))

    def replace(self, key: str, data: bytes) -> None:
        put = lambda: self._disk.put(key, data, only_new=False)  # noqa: E731
        self._ask("replace", key, put, data, put)

    def list(self, prefix: str, *, deep: bool = True, limit: int | None = None) -> list[Entry]:
        def listed() -> list[Entry]:
            found = self._listed(prefix, deep=deep)
            if limit is None and len(found) > 1 and self._trouble.strikes(Kind.TRUNCATED_LISTING):
                found = found[: len(found) // 2]
            return found[:limit]

        return cast("list[Entry]", self._ask("list", prefix, listed))

    def delete(self, key: str) -> None:
        remove = lambda: self._disk.remove(key)  # noqa: E731
        self._ask("delete", key, remove, None, remove)

    def open(self, key: str, mode: Literal["rb", "wb"]) -> BinaryIO:
        if mode == "rb":
            return io.BytesIO(self.read(key))
        return cast("BinaryIO", _Upload(self, key))

    # -- what becomes of a request ----------------------------------------------------------------

    def _ask(
        self,
        verb: str,
        key: str,
        apply: Callable[[], object],
        data: bytes | None = None,
        late: Callable[[], object] | None = None,
    ) -> object:
        scheduler, process = self._scheduler, self._scheduler.process
        self._meanwhile()
        scheduler.step()
        scheduler.now_ns += 1_000_000 + int(scheduler.random.random() * 9_000_000)
        self._land_late()
        body = f" {len(data)}:{crc32(data):08x}" if data is not None else ""
        line = f"{process.name} {verb} {key}{body}"
        step = f"{verb} {_meaning(key)}"
        # What changes something is where a death may tell; there are five times as many of the others.
        for when in ("before", "after"):
            if self._trouble.ends_life(when, step):
                self._die(when, line, step, apply)
        if self._trouble.strikes(Kind.CRASH, 3.0 if late is not None else 0.3):
            self._die(self._trouble.random.choice(("before", "after")), line, step, apply)
        try:
            answer = self._answer(line, apply, late)
        except StagelineError as error:
            self._disk.note(f"{line} -> {type(error).__name__}")
            raise
        self._disk.note(f"{line} -> {_told(answer)}")
        return answer

    def _die(self, when: str, line: str, step: str, apply: Callable[[], object]) -> None:
        if when == "after":
            with suppress(StagelineError):
                apply()
        self._trouble.steps[f"{when} {step}"] += 1
        self._disk.note(f"{line} -> dies {when}")
        die(self._scheduler)

    def _answer(
        self, line: str, apply: Callable[[], object], late: Callable[[], object] | None
    ) -> object:
        trouble, disk, scheduler = self._trouble, self._disk, self._scheduler
        process = scheduler.process
        if trouble.strikes(Kind.EXPIRED):
            process.sick_until = scheduler.now_ns + int(trouble.random.random() * 90 * SECOND)
        if scheduler.now_ns < process.sick_until and not trouble.is_over:
            raise Unauthorized("the token has expired")
        if trouble.strikes(Kind.THROTTLED):
            disk.throttled = trouble.random.randint(1, 8)
        if disk.throttled and not trouble.is_over:
            disk.throttled -= 1
            raise StorageFailed("503 slow down")
        if trouble.strikes(Kind.RESET):
            raise StorageFailed("connection reset by peer")
        if late is not None and trouble.strikes(Kind.PUT_LATE):
            at = scheduler.now_ns + int(trouble.random.choice([0.1, 3, 60]) * SECOND)
            disk.late.append(Late(at, f"late {line}", late))
            raise StorageFailed("timed out")
        answer = apply()
        if late is not None and trouble.strikes(Kind.ANSWER_LOST):
            raise StorageFailed("connection reset while waiting for the answer")
        return answer

    def _meanwhile(self) -> None:
        """What happens to a machine between two requests."""
        trouble, scheduler = self._trouble, self._scheduler
        process = scheduler.process
        if trouble.strikes(Kind.PAUSE):
            must_hurry = process.name.startswith(_HAVE_BEGUN)
            pause = trouble.random.choice(PAUSES_S if must_hurry else LONG_PAUSES_S)
            process.paused_until = scheduler.now_ns + pause * SECOND
            self._disk.note(f"{process.name} stands still for {pause} s")
        for kind, jump in ((Kind.CLOCK_HOUR, 3_600), (Kind.CLOCK_DAY, 86_400)):
            if trouble.strikes(kind):
                jump *= trouble.random.choice([-1, 1])
                process.clock_off_ns += jump * SECOND
                self._disk.note(f"{process.name} has a clock that jumps by {jump} s")

    def _land_late(self) -> None:
        disk = self._disk
        due = [put for put in disk.late if put.at_ns <= self._scheduler.now_ns]
        if due:
            disk.late = [put for put in disk.late if put.at_ns > self._scheduler.now_ns]
            for put in due:
                disk.note(f"{put.line} -> {_told(put.apply())}")

    def _listed(self, prefix: str, *, deep: bool) -> list[Entry]:
        found = self._disk.objects.list(prefix, deep=deep)
        since = self._scheduler.now_ns - STALE_NS
        recent = [c for c in self._disk.recent if c.at_ns > since and c.key.startswith(prefix)]
        if not deep:
            recent = [change for change in recent if "/" not in change.key[len(prefix) :]]
        if not recent or not self._trouble.strikes(Kind.STALE_LISTING):
            return found
        shown = {entry.key: entry for entry in found}
        for change in reversed(recent[-self._trouble.random.randint(1, len(recent)) :]):
            if change.before is None:
                shown.pop(change.key, None)
            else:
                shown[change.key] = change.before
        return [shown[key] for key in sorted(shown)]


class _Upload(StagedWriter):
    """Sent in parts; what ends half-way leaves parts that no listing shows."""

    def __init__(self, store: SimulatedStore, key: str) -> None:
        self._store = store
        self._key = key
        self._parts: list[bytes] = []

    def write(self, data: Any, /) -> int:
        self._parts.append(bytes(data))
        self._store._ask("part", self._key, lambda: None)
        if self._store._trouble.strikes(Kind.HALF_MULTIPART):
            self._store._disk.parts_left_behind += 1
            raise StorageFailed("the upload was cut off")
        return len(self._parts[-1])

    def _publish(self) -> None:
        self._store.replace(self._key, b"".join(self._parts))

    def _discard(self) -> None:
        self._parts.clear()


def _meaning(key: str) -> str:
    """What kind of object a key names, in the words of the trace's reader."""
    for ending, meaning in _ENDINGS.items():
        if key.endswith(ending):
            return meaning
    if "/artifacts/" in key:
        return "artifact"
    for part in ("inbox", "manifest", "shard", "verdict"):
        if f"/{part}/" in key:
            return part
    return next((m for folder, m in _FOLDERS.items() if key.startswith(folder)), "other")


def _told(answer: object) -> str:
    if isinstance(answer, bytes):
        return f"{len(answer)}:{crc32(answer):08x}"
    if isinstance(answer, list):
        keys = "\n".join(f"{entry.key} {entry.size}" for entry in answer)
        return f"{len(answer)} listed {crc32(keys.encode()):08x}"
    return str(answer)
