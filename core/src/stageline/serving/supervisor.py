"""The parent of the workers: replaces those that die, swaps teams when the model moves, ends all when it is told to."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import wait
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, NamedTuple

from stageline import errors
from stageline.errors import StagelineError
from stageline.serving.following import Found, remove
from stageline.serving.post import KEEP_ALIVE_S
from stageline.serving.talk import Failed, Go, Loaded, Serving, Stuck, Trouble
from stageline.serving.team import Team, Worker

if TYPE_CHECKING:
    import socket

    from stageline.serving.order import Job, Task

LINGER_S = 1.0
"""Seconds that idle connections have at the end."""
SWAP_LINGER_S = KEEP_ALIVE_S + 1.0
"""The same when others take over: nobody is in a hurry, so each ends as it would have anyhow."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.2, 30.0
"""Before a worker is replaced that died soon after the one before it: longer each time."""
SERVED_LONG_S = 30.0
_TICK_S = 0.5

_log = logging.getLogger("stageline")


class Model(NamedTuple):
    """A model, and how to serve it."""

    order: Task
    found: Found | None = None
    """What to remove when nobody serves it any more."""


class Supervisor:
    """Keeps `size` workers on one listening socket, which they share: who is free takes the next connection.

    Shared, rather than one socket each (SO_REUSEPORT): what waits to be accepted waits for all of them, so that a
    worker's end, planned or not, takes nobody's connection along.
    """

    def __init__(self, job: Job, listener: socket.socket, size: int) -> None:
        self._job = job
        self._listener = listener
        self._size = size
        self._team: Team | None = None
        self._next: Team | None = None
        self._leaving: list[Team] = []
        self._models: dict[int, Found | None] = {}
        self._unloaded = self._unseen = ""
        self._deaths = 0
        self._replace_at = 0.0
        self._stops = 0
        self._news: SimpleQueue[Model | str] = SimpleQueue()
        self._ears, self._mouth = Pipe(duplex=False)

    def tell(self, news: Model | str) -> None:
        """That another model is to be served, or what keeps it from that. From any thread."""
        self._news.put(news)
        self._wake()

    def stop(self) -> None:
        """End all, once what was begun is answered; the second time, at once. From any thread, or a signal."""
        self._stops += 1
        self._wake()

    def run(self, model: Model) -> None:
        """Serve until stopped.

        Raises:
            StagelineError: the first model can not be loaded; what the worker that tried has said.
        """
        self._start(model)
        try:
            while not self._stops:
                self._turn()
                self._replace()
            self._end()
        finally:
            for team in self._teams():
                for worker in team.workers:
                    worker.process.kill()
                    worker.close()
                self._forget(team)

    # -- one turn -------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Wait for something to happen, and act on it."""
        ears: dict[Any, tuple[Team, Worker] | None] = {self._ears: None}
        for team in self._teams():
            for worker in team.workers:
                ears[worker.line] = ears[worker.process.sentinel] = (team, worker)
        heard = {id(ears[one]): ears[one] for one in wait([*ears], _TICK_S)}
        for found in heard.values():
            if found is None:
                self._hear_news()
            elif found[1] in found[0].workers:
                self._hear(*found)
        for team in self._teams():
            for worker in team.workers:
                worker.remind()
        for team in [team for team in self._leaving if not team.workers]:
            self._leaving.remove(team)
            self._forget(team)

    def _hear(self, team: Team, worker: Worker) -> None:
        while worker in team.workers and worker.line.poll():
            word = worker.hear()
            if word is None:
                worker.process.join(_TICK_S)
                break
            self._act(team, worker, word)
        if worker in team.workers and worker.is_dead:
            self._bury(team, worker)

    def _act(self, team: Team, worker: Worker, word: Any) -> None:
        if isinstance(word, Failed):
            if team is self._next:
                self._abandon(f"{team.order.label} can not be loaded: {word.code}", word)
            else:
                _log.error("a worker can not load %s again: %s", team.order.label, word.text)
        elif isinstance(word, Loaded) and team.is_open:
            worker.say(Go())
        elif isinstance(word, Loaded) and team.all_are("loaded"):
            team.open()
        elif isinstance(word, Serving):
            worker.say(Trouble(self._unloaded or self._unseen))
            if team is self._next and team.all_are("serving"):
                self._promote()
        elif isinstance(word, Stuck) and worker.phase == "serving":
            _log.error(
                "worker %s is held by a prediction that does not end: replacing it", worker.pid
            )
            worker.leave(SWAP_LINGER_S, team.order.limits.drain_s)

    def _bury(self, team: Team, worker: Worker) -> None:
        code, pid = worker.process.exitcode, worker.pid
        team.workers.remove(worker)
        worker.close()
        if worker.phase == "leaving":
            return
        if team is self._next:
            self._abandon(
                f"{team.order.label} can not be loaded: its worker died with exit code {code}"
            )
        elif team is self._team:
            self._deaths = (
                self._deaths + 1 if time.monotonic() - worker.started < SERVED_LONG_S else 0
            )
            pause = min(FIRST_WAIT_S * 2**self._deaths, LONGEST_WAIT_S) if self._deaths > 1 else 0.0
            self._replace_at = time.monotonic() + pause
            _log.error("worker %s died with exit code %s: replacing it", pid, code)

    def _replace(self) -> None:
        team = self._team
        if team is None or time.monotonic() < self._replace_at:
            return
        for _ in range(self._size - sum(one.phase != "leaving" for one in team.workers)):
            team.add()

    # -- from one model to the next ----------------------------------------------------------------------

    def _hear_news(self) -> None:
        while self._ears.poll():
            self._ears.recv_bytes()
        with suppress(Empty):
            while True:
                news = self._news.get_nowait()
                if isinstance(news, str):
                    self._note(unseen=news)
                elif self._team is not None and news.order.label == self._team.order.label:
                    self._drop_next()  # it moved away and came back
                    if news.found is not None:
                        remove(news.found)
                    self._note(unloaded="")
                else:
                    self._drop_next()
                    self._start(news)

    def _start(self, model: Model) -> None:
        _log.info("loading %s", model.order.label)
        self._next = Team(self._job, model.order, self._listener, self._size)
        self._models[id(self._next)] = model.found

    def _promote(self) -> None:
        if self._team is not None:
            self._team.leave(SWAP_LINGER_S)
            self._leaving.append(self._team)
        self._team, self._next, self._deaths = self._next, None, 0
        assert self._team is not None
        host, port = self._listener.getsockname()[:2]
        _log.info(
            "serving %s on http://%s:%s",
            self._team.order.label,
            f"[{host}]" if ":" in host else host,
            port,
        )
        self._note(unloaded="")

    def _abandon(self, reason: str, failed: Failed | None = None) -> None:
        self._drop_next()
        if self._team is None:
            raise _error(failed.code if failed else "")(failed.text if failed else reason)
        detail = f"{reason}: {failed.text}" if failed else reason
        _log.error("%s. %s goes on being served", detail, self._team.order.label)
        self._note(unloaded=reason)

    def _drop_next(self) -> None:
        if self._next is not None:
            self._next.leave(0)
            self._leaving.append(self._next)
            self._next = None

    def _note(self, *, unloaded: str | None = None, unseen: str | None = None) -> None:
        """Remember, and let clients know, why what is followed is not what is served."""
        self._unloaded = self._unloaded if unloaded is None else unloaded
        self._unseen = self._unseen if unseen is None else unseen
        if self._team is not None:
            self._team.say(Trouble(self._unloaded or self._unseen))

    # -- the end -------------------------------------------------------------------------------------------

    def _end(self) -> None:
        _log.info("stopping: what was begun is answered, and nothing new is taken")
        self._listener.close()
        self._drop_next()
        if self._team is not None:
            self._team.leave(LINGER_S)
            self._leaving.append(self._team)
            self._team = None
        while self._leaving and self._stops < 2:
            self._turn()

    def _teams(self) -> list[Team]:
        return [*(team for team in (self._team, self._next) if team is not None), *self._leaving]

    def _forget(self, team: Team) -> None:
        found = self._models.pop(id(team), None)
        if found is not None:
            remove(found)

    def _wake(self) -> None:
        with suppress(OSError):
            self._mouth.send_bytes(b"!")


def _error(code: str) -> type[StagelineError]:
    """The class of error that a worker told of."""
    return next((cls for cls in errors.REACTIONS if cls.code == code), StagelineError)
