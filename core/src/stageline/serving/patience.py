"""Connections that bring no request: ended after a while, since nobody can tell a slow client from one that is gone.

uvicorn waits for ever for the first head of a connection, and for the rest of one that was begun.
"""

from __future__ import annotations

import asyncio
import socket
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HEAD_S = 20.0
"""Seconds for the head of a request to arrive, from the connection's beginning or the end of the answer before."""
KEEPALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4))
"""Of the kernel: a peer that vanished while it waited for an answer is known two minutes later."""


class Patience:
    """Looks at a server's connections now and then. Those of uvicorn have no type that says so."""

    def __init__(
        self,
        connections: Iterable[Any],
        head_s: float = HEAD_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self._head_s = head_s
        self._clock = clock
        self._idle_since: dict[Any, tuple[Any, float]] = {}
        """Connections without a request: the last one that they answered, and since when that is so."""

    async def keep(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._head_s / 4)
            self.look()

    def look(self) -> None:
        """End those that have been without a request for too long."""
        now = self._clock()
        known = self._idle_since
        idle: dict[Any, tuple[Any, float]] = {}
        for one in self._connections:
            cycle = one.cycle
            if cycle is None or cycle.response_complete:
                # By what it answered last: most of a busy connection's looks fall between two of its requests.
                last, since = known.get(one, (cycle, now))
                idle[one] = (cycle, since if last is cycle else now)
        self._idle_since = idle
        for one, (_, since) in list(idle.items()):
            if now - since >= self._head_s:
                one.transport.abort()


def know_vanished_peers(listener: socket.socket) -> None:
    """Have the kernel ask peers of a listener's connections, which inherit it, whether they are still there."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEPALIVE:
        option = getattr(socket, name, None)  # not every system has each
        if option is not None:
            listener.setsockopt(socket.IPPROTO_TCP, option, value)
