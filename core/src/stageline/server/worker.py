"""A worker process of the server: opens the store, answers until it is told to leave, ships what it holds."""

from __future__ import annotations

import logging
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from stageline.errors import StagelineError
from stageline.server.figures.request_log import set_up_form
from stageline.serving.post import Post, set_up_log
from stageline.serving.talk import Failed, Go, Loaded

if TYPE_CHECKING:
    import socket
    from multiprocessing.connection import Connection

    from fastapi import FastAPI

    from stageline.server.order import ServerOrder

_log = logging.getLogger("stageline")


def work(order: ServerOrder, listener: socket.socket, line: Connection) -> None:
    """The life of a worker: the target of its process. `line` leads to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which says when
    set_up_log()
    try:
        set_up_form(order.options.log_format)
        app = _made(order)
    except StagelineError as error:
        line.send(Failed(error.code, str(error)))
        return
    except Exception as error:  # of any kind: a library that is missing or broken
        _log.exception("%s can not be served", order.label)
        line.send(Failed("error", f"{order.label} can not be served: {error!r}"))
        return
    line.send(Loaded())
    with suppress(EOFError, OSError):  # the parent is gone: nobody waits for this
        if isinstance(line.recv(), Go):
            _serve(order, app, listener, line)


def _made(order: ServerOrder) -> FastAPI:
    from stageline.server.app import create_app
    from stageline.storage.open import open_store
    from stageline.storage.probe import read_format
    from stageline.workspace import Workspace

    settings = order.settings
    store = open_store(settings.store, settings.storage_options, settings.durability)
    read_format(store)  # rather than that the first client finds it out
    return create_app(Workspace(store, settings), order.options)


def _serve(order: ServerOrder, app: FastAPI, listener: socket.socket, line: Connection) -> None:
    from stageline.serving.door import Door

    replica = app.state.replica
    parts = [app.state.figures, app.state.request_log, replica]
    for part in parts:
        if part is not None:
            part.start()
    options = order.options
    door = Door(app, options.hosts, origins=options.origins, proxies=options.proxies)
    try:
        Post(listener, line).serve(door, drain_s=order.limits.drain_s)
    finally:
        replica.close()
        for part in parts[:2]:
            if part is not None:
                part.close()
