"""From a model's URI to a running server: finds the model, binds the port, starts the workers, watches the registry."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import msgspec

from stageline.models.uri import parse_model_uri
from stageline.serving.following import Follower, Found, check_followed, find, public_name
from stageline.serving.forwarded import parse_proxies
from stageline.serving.hosts import is_loopback
from stageline.serving.listening import bound
from stageline.serving.order import Limits, Order
from stageline.serving.post import set_up_log
from stageline.serving.supervisor import Model, Supervisor
from stageline.serving.worker import work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.models.trust import Trust
    from stageline.serving.following import Source


def serve(
    source: Source,
    uri: str,
    *,
    host: str = "127.0.0.1",
    port: int = 5001,
    workers: int = 1,
    limits: Limits | None = None,
    flavor: str | None = None,
    trust: Trust,
    hosts: Sequence[str] = (),
    origins: Sequence[str] = (),
    proxies: Sequence[str] = (),
    tokens: Sequence[bytes] = (),
    follow_s: float | None = None,
) -> None:
    """Serve a model until SIGTERM or SIGINT; call it in the main thread of a process.

    Args:
        source: Where the model comes from.
        uri: Which one; see `Models.load`.
        host: The address to listen on. On loopback, a request must name this machine as its Host.
        port: 0 for any that is free; the log says which.
        workers: Processes, each with a copy of the model.
        limits: Of each worker.
        flavor: Which of the model's flavors loads it.
        trust: What the model may do while it is loaded.
        hosts: Further names that requests may come by.
        origins: Other sites whose pages may ask.
        proxies: Proxies whose word on `X-Forwarded-...` is taken.
        tokens: Digests of tokens, one of which each request has to bring; none to ask nobody.
        follow_s: Seconds between two looks where the URI points; None to stay with what it named first.

    Raises:
        StagelineError: there is no such model, it can not be loaded, or the port is taken.
    """
    if follow_s is not None:
        check_followed(uri)
    parse_proxies(proxies)
    set_up_log()
    listener = bound(host, port)
    found = find(source, uri)
    template = Order(
        uri=public_name(parse_model_uri(uri)),
        label=found.label,
        folder=str(found.folder),
        flavor=flavor,
        trust=trust,
        limits=limits or Limits(),
        hosts=tuple(hosts) if hosts or is_loopback(host) else None,
        origins=tuple(origins),
        proxies=tuple(proxies),
        tokens=tuple(tokens),
        is_followed=follow_s is not None,
    )

    def model(found: Found) -> Model:
        order = msgspec.structs.replace(template, label=found.label, folder=str(found.folder))
        return Model(order, found)

    supervisor = Supervisor(work, listener, workers)
    for sig in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sig, lambda *_: supervisor.stop())
    follower = None
    if follow_s is not None:
        follower = Follower(
            source,
            uri,
            found.label,
            follow_s,
            lambda news: supervisor.tell(news if isinstance(news, str) else model(news)),
        )
        follower.start()
    try:
        supervisor.run(model(found))
    finally:
        if follower is not None:
            follower.stop()
        listener.close()
