"""`make bench ARGS=soak`: minutes of load from 200 clients, some slow and some gone, and whether memory stays flat."""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from statistics import median

import psutil

sys.path.insert(0, str(Path(__file__).parent / "contestants"))

from http_server import request_of, served  # after the path: contestants are no package

from stageline.storage.index import GRACE_S

API = "/api/2.0/mlflow/"
STAGELINE = str(Path(sys.executable).with_name("stageline"))
EVERY_S = 5.0
"""Between two looks at the memory."""
WARM_MINUTES = 1 + GRACE_S / 60
"""Before it is judged: what is loaded once, and the inbox of the index, in which a run stays so long after it was
folded. Until then there is more to list with each run, and a search takes more memory for a moment."""
POINTS = 400
"""In a run; then it ends, and the client begins another one."""
THINKS_S = 0.2
"""Between two requests of a client: trainings do not knock without a pause."""
FILE = 256 << 10
PAST = 1200
"""Runs that are there before: otherwise answers grow with the runs all the time, up to the 1000 that clients ask for,
and so does the memory that it takes to write them."""


class Soak:
    """Clients of one server, until it is `over`."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.until = 0.0
        self.answered: dict[int, int] = {}
        self.broken = 0
        """Connections that ended before their client was done: of those that are not slow, none should."""
        self.slow = 0

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.until

    async def all(self, *crowds: tuple[int, Callable[[], Awaitable[None]]]) -> None:
        """So many clients of each kind, side by side; each begins again where its connection broke."""
        await asyncio.gather(*(self._again(life) for count, life in crowds for _ in range(count)))

    async def _again(self, life: Callable[[], Awaitable[None]]) -> None:
        await asyncio.sleep(random.random() * 5)
        while not self.is_over:
            try:
                await life()
            except (OSError, asyncio.IncompleteReadError):
                self.broken += 1
                await asyncio.sleep(0.5)

    async def prepare(self) -> None:
        """Let there be runs of the past."""

        async def some(count: int) -> None:
            async with Wire(self) as wire:
                for _ in range(count):
                    made = await wire.post("runs/create", experiment_id="0", start_time=1)
                    run_id = made["run"]["info"]["run_id"]
                    points = [
                        {"key": f"m{one}", "value": one, "timestamp": 1, "step": 1}
                        for one in range(5)
                    ]
                    param = [{"key": "lr", "value": "0.1"}]
                    await wire.post("runs/log-batch", run_id=run_id, metrics=points, params=param)
                    await wire.post("runs/update", run_id=run_id, status="FINISHED", end_time=2)

        await asyncio.gather(*(some(PAST // 20) for _ in range(20)))
        self.answered.clear()

    # -- what clients do --------------------------------------------------------------------------

    async def train(self) -> None:
        """A run with its params, points, a file and its end, over one connection."""
        async with Wire(self) as wire:
            made = await wire.post("runs/create", experiment_id="0", start_time=1)
            run_id = made["run"]["info"]["run_id"]
            await wire.post("runs/log-parameter", run_id=run_id, key="lr", value="0.1")
            for step in range(POINTS):
                if self.is_over:
                    break
                point = {"key": f"m{step % 5}", "value": step, "timestamp": step, "step": step}
                if step % 20 == 19:
                    many = [{**point, "step": step + one} for one in range(50)]
                    await wire.post("runs/log-batch", run_id=run_id, metrics=many)
                else:
                    await wire.post("runs/log-metric", run_id=run_id, **point)
                await asyncio.sleep(THINKS_S)
            path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/model.bin"
            await wire.ask("PUT", path, os.urandom(FILE))
            await wire.ask("GET", path)
            await wire.post("runs/update", run_id=run_id, status="FINISHED", end_time=2)

    async def look(self) -> None:
        """What pages and notebooks ask."""
        async with Wire(self) as wire:
            for _ in range(20):
                found = await wire.post("runs/search", experiment_ids=["0"], max_results=20)
                for run in found.get("runs", [])[:2]:
                    run_id = run["info"]["run_id"]
                    await wire.ask("GET", f"{API}runs/get?run_id={run_id}")
                    await wire.ask("GET", f"{API}metrics/get-history?run_id={run_id}&metric_key=m0")
                await wire.ask("GET", f"{API}runs/get?run_id={os.urandom(16).hex()}")
                await wire.ask("GET", "/metrics")
                await asyncio.sleep(5 * THINKS_S)

    async def dawdle(self) -> None:
        """A request that arrives byte by byte, or a body that never ends; the server ends these."""
        self.slow += 1
        async with Wire(self) as wire:
            request = request_of(self.port, "POST", f"{API}runs/search", b'{"max_results": 1}' * 40)
            with suppress(OSError):  # that is what the server does with it
                for byte in request[: random.choice((40, 200, 400))]:
                    wire.writer.write(bytes((byte,)))
                    await wire.writer.drain()
                    await asyncio.sleep(0.1)
                await wire.reader.read(1)

    async def vanish(self) -> None:
        """Half a request, and silence; or the answer to a large one that nobody reads."""
        self.slow += 1
        async with Wire(self) as wire:
            body = json.dumps({"experiment_ids": ["0"], "max_results": 1000}).encode()
            request = request_of(self.port, "POST", f"{API}runs/search", body)
            wire.writer.write(request if random.random() < 0.5 else request[:-10])
            await asyncio.sleep(random.random() * 40)

    async def listen(self) -> None:
        """The event stream, left after a while."""
        async with Wire(self) as wire:
            wire.writer.write(request_of(self.port, "GET", "/api/stageline/1/events/stream"))
            await asyncio.sleep(random.random() * 20)


class Wire:
    """One connection."""

    def __init__(self, soak: Soak) -> None:
        self._soak = soak

    async def __aenter__(self) -> Wire:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._soak.port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()

    async def post(self, path: str, **body: object) -> dict[str, dict[str, dict[str, str]]]:
        found = json.loads(await self.ask("POST", API + path, json.dumps(body).encode()))
        return found if isinstance(found, dict) else {}

    async def ask(self, method: str, path: str, body: bytes = b"") -> bytes:
        self.writer.write(request_of(self._soak.port, method, path, body))
        await self.writer.drain()
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await self.reader.readexactly(length)
        status = int(head[9:12])
        self._soak.answered[status] = self._soak.answered.get(status, 0) + 1
        return answer


async def watched(pid: int, soak: Soak, started: float) -> list[tuple[float, float]]:
    """Seconds since the start, and the MB that the workers take, until it is over."""
    seen: list[tuple[float, float]] = []
    family = psutil.Process(pid).children(recursive=True)
    workers = [one for one in family if "resource_tracker" not in " ".join(one.cmdline())]
    while not soak.is_over:
        resident = sum(one.memory_info().rss for one in workers) / 1e6
        seen.append((time.monotonic() - started, resident))
        await asyncio.sleep(EVERY_S)
    if not all(one.is_running() for one in workers):
        raise RuntimeError("a worker died")
    return seen


def run(minutes: float, warm: float, folder: Path) -> None:
    """Print what was seen. Raises `RuntimeError` if a worker died, or a server's mistake was answered."""
    home = Path.cwd()
    os.chdir(folder)  # `served` leaves the server's log where it is called
    try:
        command = [STAGELINE, "--store", "store", "server", "--port", "{port}", "--workers", "2"]
        with served(command, "/health") as (port, pid):
            soak, seen = asyncio.run(_soaked(port, pid, warm + minutes))
        warnings = sum(b"WARNING" in line or b"ERROR" in line for line in _log_lines())
    finally:
        os.chdir(home)
    judged = [one for one in seen if one[0] >= 60 * warm]
    fifth = max(len(judged) // 5, 1)
    total = sum(soak.answered.values())
    counts = ", ".join(f"{n} x {status}" for status, n in sorted(soak.answered.items()))
    before, after = (median(mb for _, mb in part) for part in (judged[:fifth], judged[-fifth:]))
    print(f"### soak: {warm:g} and {minutes:g} minutes, 200 clients, 2 workers\n")
    print(f"{total} answers ({counts}), {total / (warm + minutes) / 60:.0f} a second")
    print(f"{soak.slow} slow or silent clients; {soak.broken} connections broke under the others")
    print(f"{warnings} warnings in the server's log")
    print(f"memory of both workers, after the first {warm:g} minutes: {before:.1f} MB at first,")
    print(f"{after:.1f} MB at last, at most {max(mb for _, mb in judged):.1f} MB;")
    print(f"slope {60 * _slope(judged):+.2f} MB a minute")
    print(
        "each minute: " + " ".join(f"{mb:.0f}" for _, mb in seen[:: round(60 / EVERY_S)]) + " MB\n"
    )
    if any(status >= 500 for status in soak.answered):
        raise RuntimeError("the server answered 5xx")


async def _soaked(port: int, pid: int, minutes: float) -> tuple[Soak, list[tuple[float, float]]]:
    soak = Soak(port)
    await soak.prepare()
    soak.until = time.monotonic() + 60 * minutes
    watching = asyncio.ensure_future(watched(pid, soak, time.monotonic()))
    clients = ((150, soak.train), (10, soak.look), (15, soak.dawdle), (15, soak.vanish))
    await soak.all(*clients, (10, soak.listen))
    return soak, await watching


def _log_lines() -> list[bytes]:
    return Path("server.log").read_bytes().splitlines()


def _slope(seen: list[tuple[float, float]]) -> float:
    """MB a second, by least squares."""
    mean_s = sum(s for s, _ in seen) / len(seen)
    mean_mb = sum(mb for _, mb in seen) / len(seen)
    above = sum((s - mean_s) * (mb - mean_mb) for s, mb in seen)
    return above / (sum((s - mean_s) ** 2 for s, _ in seen) or 1.0)
