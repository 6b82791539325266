"""A worker process: loads the model, waits for the word, answers until it is told to leave."""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from stageline.errors import StagelineError
from stageline.serving.talk import Failed, Go, Leave, Loaded, Serving, Stuck, Trouble

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from types import FrameType

    from uvicorn import Server

    from stageline.models.loading import LoadedModel
    from stageline.serving.app import Following
    from stageline.serving.door import Door
    from stageline.serving.invocations import Invocations
    from stageline.serving.order import Order

KEEP_ALIVE_S = 5
"""Seconds that a connection may idle: uvicorn's own, and MLflow's."""
_LOOK_S = 0.02

_log = logging.getLogger("stageline")


def work(order: Order, listener: socket.socket, line: Connection) -> None:
    """The life of a worker: the target of its process. `line` leads to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which says when
    set_up_log()
    try:
        model = _load(order)
    except StagelineError as error:
        line.send(Failed(error.code, str(error)))
        return
    except Exception as error:  # of any kind: it is the framework's, or code that the model brings
        _log.exception("%s can not be loaded", order.label)
        line.send(Failed("error", f"{order.label} can not be loaded: {error!r}"))
        return
    line.send(Loaded())
    with suppress(EOFError, OSError):  # the parent is gone: nobody waits for this
        if isinstance(line.recv(), Go):
            _Post(order, model, listener, line).serve()


def set_up_log() -> None:
    """Messages to stderr, each with its process."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO,
        format="%(asctime)s [%(process)d] %(levelname)s %(message)s",
    )
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def _load(order: Order) -> LoadedModel:
    from stageline.models.loading import load_folder

    for name in ("numpy", "pandas"):  # or the first request would wait for them
        with suppress(ImportError):
            importlib.import_module(name)
    return load_folder(order.folder, flavor=order.flavor, trust=order.trust)


class _Post:
    """One worker at its post."""

    def __init__(
        self, order: Order, model: LoadedModel, listener: socket.socket, line: Connection
    ) -> None:
        from stageline.serving.app import Following, create_app
        from stageline.serving.door import Door
        from stageline.serving.invocations import Invocations

        self._order = order
        self._listener = listener
        self._line = line
        self._lock = threading.Lock()
        self._following: Following = Following()
        self._invocations: Invocations = Invocations(model, order.limits, self._tell_stuck)
        app = create_app(model, order, self._invocations, self._following)
        self._door: Door = Door(app, order.hosts)
        self._server: Server = _server(self._door, order, self._opened, self._leave_soon)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._told_to_leave: float | None = None

    def serve(self) -> None:
        """Answer until told to leave."""
        threading.Thread(target=self._listen, name="parent", daemon=True).start()
        self._server.run(sockets=[self._listener])
        if (
            not self._invocations.is_idle
        ):  # a thread that does not end would keep the process for ever
            logging.shutdown()
            os._exit(0)

    def _listen(self) -> None:
        """What the parent says; its end means that there is nobody to replace this worker, or to end it."""
        try:
            while True:
                word = self._line.recv()
                if isinstance(word, Trouble):
                    self._following.trouble = word.text
                elif isinstance(word, Leave):
                    self._leave_soon(word.linger_s)
        except (EOFError, OSError):
            self._leave_soon()

    def _opened(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._send(Serving())
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
        self._door.is_closing = True
        for _ in range(2):
            await asyncio.sleep(0)  # what knocked before is let in
        for listening in self._server.servers:
            listening.close()
        connections = self._server.server_state.connections
        give_up = time.monotonic() + linger_s
        while connections and time.monotonic() < give_up:
            await asyncio.sleep(_LOOK_S)
        self._server.should_exit = True  # uvicorn ends what idles, and waits for what does not

    def _tell_stuck(self) -> None:
        _log.error("a prediction does not end: this worker is to be replaced")
        self._send(Stuck())

    def _send(self, word: Any) -> None:
        with self._lock, suppress(OSError):
            self._line.send(word)


def _server(door: Door, order: Order, on_open: Callable[[], None], on_signal: Any) -> Server:
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
            door,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=max(1, round(order.limits.drain_s)),
            headers=[
                ("x-content-type-options", "nosniff"),
                ("stageline-model", quote(order.label, safe=":/@")),
            ],
        )
    )
