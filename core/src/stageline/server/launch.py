"""From a store to a running server: binds the port, starts the workers, ends them when it is told to."""

from __future__ import annotations

import importlib.util
import signal
import tempfile
from typing import TYPE_CHECKING

import msgspec

from stageline.errors import InvalidInput
from stageline.server.figures.request_log import set_up_form
from stageline.server.options import Options
from stageline.server.order import ServerOrder
from stageline.server.worker import work
from stageline.serving.forwarded import parse_proxies
from stageline.serving.hosts import is_loopback
from stageline.serving.listening import bound
from stageline.serving.post import set_up_log
from stageline.serving.supervisor import Model, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stageline.server.auth.options import AuthOptions
    from stageline.settings import Settings

NEEDED = ("anyio", "fastapi", "uvicorn")


def serve(
    settings: Settings,
    label: str,
    options: Options | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 5000,
    workers: int = 1,
    hosts: Sequence[str] = (),
    auth: AuthOptions | None = None,
    is_open: bool = False,
    on_bound: Callable[[int], None] | None = None,
) -> None:
    """Serve a store until SIGTERM or SIGINT; call it in the main thread of a process.

    Args:
        settings: Of the store.
        label: The store, as the log may name it.
        options: How the server behaves; its `hosts` are made of what follows.
        host: The address to listen on. On loopback, a request must name this machine as its Host.
        port: 0 for any that is free; the log says which.
        workers: Processes that share the port.
        hosts: Further names that requests may come by.
        auth: How callers say who they are; None to ask nobody.
        is_open: Whether it may listen beyond this machine though nobody is asked who they are.
        on_bound: Told the port, once connections to it wait to be answered.

    Raises:
        InvalidInput: the port is taken, or other machines could come and nobody would be asked.
        StagelineError: the store can not be opened.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise InvalidInput(
            f"a server needs {' and '.join(missing)}: `pip install 'stageline[server]'`"
        )
    if not is_loopback(host) and auth is None and not is_open:
        raise InvalidInput(
            f"{host} can be reached from other machines: add --auth, so that callers need a token "
            "(`stageline server tokens create` makes one), or --no-auth if something in front of the server asks them"
        )
    set_up_log()
    set_up_form((options or Options()).log_format)
    listener = bound(host, port)
    allowed = tuple(hosts) if hosts or is_loopback(host) else None
    chosen = msgspec.structs.replace(options or Options(), hosts=allowed, auth=auth)
    parse_proxies(chosen.proxies)
    figures = tempfile.TemporaryDirectory(prefix="stageline-figures-")
    chosen = msgspec.structs.replace(chosen, figures_folder=figures.name)
    if on_bound is not None:
        on_bound(listener.getsockname()[1])
    supervisor = Supervisor(work, listener, workers)
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, lambda *_: supervisor.stop())
    try:
        supervisor.run(Model(ServerOrder(settings=settings, options=chosen, label=label)))
    finally:
        listener.close()
        figures.cleanup()
