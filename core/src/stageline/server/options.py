"""How a server behaves, as whoever starts it chose."""

from __future__ import annotations

from typing import Literal

import msgspec

from stageline.server.auth.options import AuthOptions
from stageline.ui.options import PageOptions


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much one worker takes on; what is beyond is refused with a status that says so."""

    threads: int = 8
    """Requests that ask the store at once. What is only appended to a log needs no thread."""
    concurrency: int = 512
    """Requests under way at once, those that wait for a thread included; the next one is answered 429."""
    max_bytes: int = 16 << 20
    """Bytes of a JSON body; a longer one is answered 413."""
    large_bytes: int = 1 << 20
    """A body that is longer, or does not say how long it is, waits until few of its kind are being read."""
    large_bodies: int = 8
    """How many of them are read and worked on at once."""
    max_artifact_bytes: int = 64 << 30
    """Bytes of one file that is sent through the server; a longer one is answered 413."""
    upload_s: float = 6 * 3600.0
    """Seconds in which the parts of a file that comes in parts have to arrive."""
    transfers: int = 16
    """Files on their way through the server at once; the next one waits."""
    body_timeout_s: float = 30.0
    """Seconds in which a JSON body has to arrive, and the next part of a file; then 408."""
    answer_timeout_s: float = 120.0
    """Seconds in which an answer has to be found; then a search is told to ask for less."""
    open_runs: int = 512
    """Runs whose logs one worker keeps open; the one that was quiet for longest is let go for the next."""
    idle_s: float = 24 * 3600.0
    """Seconds without a word after which a run that goes on is let go."""
    ended_idle_s: float = 120.0
    """The same for a run that has ended, or that another worker ended."""
    listeners: int = 64
    """Clients that one worker lets wait for events of the registry; the next one is answered 429."""
    drain_s: float = 30.0
    """Seconds that requests may take to end once the server was told to stop."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What `create_app` is told."""

    durability: Literal["log", "store"] = "log"
    """What an answer promises: `log` that records are in a log on this disk, `store` that they are in the store."""
    artifacts: Literal["proxy", "direct"] = "proxy"
    """Whether clients send files through the server, or are told where in the store to put them."""
    hosts: tuple[str, ...] | None = None
    """Host names that requests may come by besides those of this machine; None for any."""
    origins: tuple[str, ...] = ()
    """Other sites whose pages may ask, in full: `https://ml.example.com`."""
    proxies: tuple[str, ...] = ()
    """Addresses and networks of proxies in front, whose `X-Forwarded-...` headers are believed."""
    auth: AuthOptions | None = None
    """How callers say who they are; None where nobody is asked."""
    log_format: Literal["json", "text"] | None = None
    """How each request is written down; None: it is not."""
    figures_folder: str | None = None
    """Where the workers of one server put their figures for each other; None for a worker that is alone."""
    pages: PageOptions | None = None
    """How the pages behave; None for a server without pages."""
    limits: Limits = Limits()
