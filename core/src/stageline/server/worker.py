"""A worker process of the server: opens the store, answers until it is told to leave, ships what it holds."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from stageline.server.figures.request_log import set_up_form
from stageline.serving.allocator import keep_little
from stageline.serving.post import Post, live

if TYPE_CHECKING:
    import socket
    from multiprocessing.connection import Connection

    from fastapi import FastAPI

    from stageline.server.order import ServerOrder


INDEX_CACHE_BYTES = 128 << 20
"""Of pages of indexes that a worker keeps in memory, however many experiments are searched."""


def work(order: ServerOrder, listener: socket.socket, line: Connection) -> None:
    """The life of a worker: the target of its process. `line` leads to the parent."""
    keep_little()
    live(
        line,
        f"{order.label} can not be served",
        partial(_made, order),
        partial(_serve, order, listener, line),
    )


def _made(order: ServerOrder) -> FastAPI:
    from stageline.server.app import create_app
    from stageline.storage.open import open_store
    from stageline.storage.probe import read_format
    from stageline.storage.projection_file import bound_caches
    from stageline.workspace import Workspace, patience_of

    bound_caches(INDEX_CACHE_BYTES)
    set_up_form(order.options.log_format)
    settings = order.settings
    store = open_store(
        settings.store, settings.storage_options, settings.durability, patience_of(settings)
    )
    read_format(store)  # rather than that the first client finds it out
    return create_app(Workspace(store, settings), order.options)


def _serve(order: ServerOrder, listener: socket.socket, line: Connection, app: FastAPI) -> None:
    from stageline.server.app import guarded

    replica = app.state.replica
    parts = [app.state.figures, app.state.request_log, replica]
    for part in parts:
        if part is not None:
            part.start()
    door, front = guarded(app)
    try:
        Post(listener, line).serve(door, drain_s=order.limits.drain_s, front=front)
    finally:
        replica.close()
        for part in parts[:2]:
            if part is not None:
                part.close()
