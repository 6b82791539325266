"""A worker process at its post: answers on a shared socket until its parent, or a signal, lets it go."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

from stageline.errors import StagelineError
from stageline.serving.patience import Patience
from stageline.serving.talk import Failed, Go, Leave, Loaded, Serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from types import FrameType

    from uvicorn import Server

    from stageline.serving.asgi import App
    from stageline.serving.door import Door

KEEP_ALIVE_S = 5
"""Seconds that a connection may idle: uvicorn's own, and MLflow's."""
_LOOK_S = 0.02

Made = TypeVar("Made")
_log = logging.getLogger("stageline")


def set_up_log() -> None:
    """Messages to stderr, each with its process."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s [%(process)d] %(levelname)s %(message)s",
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def live(
    line: Connection, fault: str, make: Callable[[], Made], serve: Callable[[Made], None]
) -> None:
    """The life of a worker: make something ready, tell the parent how that went, wait for its word, serve.

    Args:
        line: Leads to the parent.
        fault: What is said if `make` fails for a reason that does not say it itself.
        make: Loads what is to be served.
        serve: Answers until it is told to leave.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which says when
    set_up_log()
    try:
        made = make()
    except StagelineError as error:
        line.send(Failed(error.code, str(error)))
        return
    except (
        Exception
    ) as error:  # of any kind: a framework's, a broken library's, a model's own code's
        _log.exception("%s", fault)
        line.send(Failed("error", f"{fault}: {error!r}"))
        return
    line.send(Loaded())
    with suppress(EOFError, OSError):  # the parent is gone: nobody waits for this
        if isinstance(line.recv(), Go):
            serve(made)


class Post:
    """One worker at its post. `line` leads to the parent; `hear` is told what else it says."""

    def __init__(
        self,
        listener: socket.socket,
        line: Connection,
        *,
        hear: Callable[[Any], None] | None = None,
    ) -> None:
        self._listener = listener
        self._line = line
        self._hear = hear
        self._lock = threading.Lock()
        self._door: Door | None = None
        self._server: Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._told_to_leave: float | None = None
        self._keeping: asyncio.Task[None] | None = None

    def serve(
        self,
        door: Door,
        *,
        drain_s: float,
        headers: list[tuple[str, str]] | None = None,
        front: App | None = None,
    ) -> None:
        """Answer until told to leave; what was begun then has `drain_s` seconds to end.

        Args:
            door: What is told that the worker is to leave.
            drain_s: See above.
            headers: Of every answer.
            front: An application around the door, if it is not the first that requests meet.
        """
        self._door = door
        self._server = _server(
            front or door, drain_s, headers or [], self._opened, self._leave_soon
        )
        threading.Thread(target=self._listen, name="parent", daemon=True).start()
        self._server.run(sockets=[self._listener])

    def send(self, word: Any) -> None:
        """Tell the parent."""
        with self._lock, suppress(OSError):
            self._line.send(word)

    def _listen(self) -> None:
        """What the parent says; its end means that there is nobody to replace this worker, or to end it."""
        try:
            while True:
                word = self._line.recv()
                if isinstance(word, Leave):
                    self._leave_soon(word.linger_s)
                elif self._hear is not None:
                    self._hear(word)
        except (EOFError, OSError):
            self._leave_soon()

    def _opened(self) -> None:
        assert self._server is not None
        self._loop = asyncio.get_running_loop()
        patience = Patience(self._server.server_state.connections)
        self._keeping = asyncio.ensure_future(patience.keep())
        self.send(Serving())
        if self._told_to_leave is not None:
            self._start_leaving(self._told_to_leave)

    def _leave_soon(self, linger_s: float = 1.0) -> None:
        """From any thread, or a signal."""
        self._told_to_leave = linger_s
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._start_leaving, linger_s)

    def _start_leaving(self, linger_s: float) -> None:
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self._leave(linger_s))

    async def _leave(self, linger_s: float) -> None:
        """Take no new connection, ask clients to let go of theirs, and give those that idle a moment to.

        A connection that the server ends while a request is on its way over it loses that request, so the client goes
        first: its next answer says so, and one that has none to come meets the end of its own patience.
        """
        assert self._door is not None
        assert self._server is not None
        self._door.is_closing = True
        for _ in range(2):
            await asyncio.sleep(0)  # what knocked before is let in
        for listening in self._server.servers:
            listening.close()
        connections = self._server.server_state.connections
        give_up = time.monotonic() + linger_s
        while connections and time.monotonic() < give_up:
            await asyncio.sleep(_LOOK_S)
        if self._keeping is not None:
            self._keeping.cancel()
        self._server.should_exit = True  # uvicorn ends what idles, and waits for what does not


def _server(
    app: App,
    drain_s: float,
    headers: list[tuple[str, str]],
    on_open: Callable[[], None],
    on_signal: Any,
) -> Server:
    import uvicorn

    class Quiet(uvicorn.Server):
        """Says when it listens, and leaves in our own way when it gets a signal."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_open()

        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            on_signal()

    return Quiet(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, round(drain_s)),
            headers=[("x-content-type-options", "nosniff"), *headers],
        )
    )
