"""A worker process: loads the model, waits for the word, answers until it is told to leave."""

from __future__ import annotations

import importlib
import logging
import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from stageline.serving.post import Post, live
from stageline.serving.talk import Stuck

if TYPE_CHECKING:
    import socket
    from multiprocessing.connection import Connection

    from stageline.models.loading import LoadedModel
    from stageline.serving.asgi import App
    from stageline.serving.order import Order

_log = logging.getLogger("stageline")


def work(order: Order, listener: socket.socket, line: Connection) -> None:
    """The life of a worker: the target of its process. `line` leads to the parent."""
    live(
        line,
        f"{order.label} can not be loaded",
        partial(_load, order),
        partial(_serve, order, listener, line),
    )


def _load(order: Order) -> LoadedModel:
    from stageline.models.loading import load_folder

    for name in ("numpy", "pandas"):  # or the first request would wait for them
        with suppress(ImportError):
            importlib.import_module(name)
    return load_folder(order.folder, flavor=order.flavor, trust=order.trust)


def _serve(order: Order, listener: socket.socket, line: Connection, model: LoadedModel) -> None:
    from stageline.serving.app import Following, create_app
    from stageline.serving.door import Door
    from stageline.serving.invocations import Invocations
    from stageline.serving.tokens import Tokens

    following = Following()
    post = Post(listener, line, hear=following.hear)

    def tell_stuck() -> None:
        _log.error("a prediction does not end: this worker is to be replaced")
        post.send(Stuck())

    invocations = Invocations(model, order.limits, tell_stuck)
    app: App = create_app(model, order, invocations, following)
    if order.tokens:
        app = Tokens(app, order.tokens)
    door = Door(app, order.hosts, origins=order.origins, proxies=order.proxies)
    name = ("stageline-model", quote(order.label, safe=":/@"))
    post.serve(door, drain_s=order.limits.drain_s, headers=[name])
    if not invocations.is_idle:  # a thread that does not end would keep the process for ever
        logging.shutdown()
        os._exit(0)
