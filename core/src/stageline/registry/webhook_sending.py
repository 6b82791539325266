"""One POST to a webhook's URL: to the very address that was checked, bounded in time and size, with no detours.

The standard library's connection is what lets the address be chosen once: the socket is opened here, to an address
that passed, and TLS then asks for the certificate of the name. Nothing resolves the name a second time, redirects are
answers like any other, and proxies of the environment are not used, since a proxy would resolve the name by itself.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from ipaddress import ip_address
from typing import NamedTuple

from stageline.domain.webhook_target import Reach, Target, check_address, parse_target
from stageline.errors import InvalidInput

MAX_BODY = 4096
"""Bytes of an answer that are read: enough to see what went wrong; nothing of it is kept."""
MAX_ADDRESSES = 4
"""How many of a host's addresses are tried."""

Resolve = Callable[[str, int], list[str]]
"""Host and port to addresses; raises `OSError`."""


class Answer(NamedTuple):
    """What came of a request."""

    status: int | None = None
    """HTTP status; None if there was no answer."""
    duration_ms: int = 0
    error: str = ""
    """Why there was no answer; never holds more of the URL than its host."""
    body: bytes = b""
    """Its first bytes."""
    retry_after_s: int = 0
    """What the receiver asked for, with 429 or 503."""

    @property
    def is_success(self) -> bool:
        """Whether the receiver took it: any 2xx."""
        return self.status is not None and 200 <= self.status < 300


class Sender:
    """Posts to webhooks within `reach`. Safe from many threads."""

    def __init__(self, reach: Reach, *, timeout_s: float, resolve: Resolve | None = None) -> None:
        self._reach = reach
        self._timeout_s = timeout_s
        self._resolve = resolve or system_resolve

    def check(self, url: str) -> Target:
        """The URL taken apart. Raises `InvalidInput` if it is refused as far as can be told without asking."""
        return parse_target(url, self._reach)

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """The answer to one POST; whatever goes wrong with it is in the answer."""
        return self._asked("POST", url, headers, body, MAX_BODY)

    def get(self, url: str, *, most: int) -> Answer:
        """The answer to one GET, with its first `most` bytes, by the same rules."""
        return self._asked("GET", url, {}, None, most)

    def _asked(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, most: int
    ) -> Answer:
        began = time.monotonic()
        try:
            target = self.check(url)
            answer = self._answered(target, method, headers, body, most)
        except InvalidInput as error:
            answer = Answer(error=str(error))
        except TimeoutError:
            answer = Answer(error=f"no answer within {self._timeout_s:g} s")
        except (OSError, http.client.HTTPException) as error:
            answer = Answer(error=_text(error))
        return answer._replace(duration_ms=round((time.monotonic() - began) * 1000))

    def _answered(
        self,
        target: Target,
        method: str,
        headers: Mapping[str, str],
        body: bytes | None,
        most: int,
    ) -> Answer:
        deadline = time.monotonic() + self._timeout_s
        addresses = self._checked_addresses(target)
        connection = _PinnedConnection(target, addresses, deadline, lambda: self._tls)
        # The socket's own time-out counts from each byte; a receiver that sends one at a time would hold us for ever.
        watch = threading.Timer(max(deadline - time.monotonic(), 0), connection.cut)
        watch.daemon = True
        watch.start()
        try:
            connection.request(method, target.path, body, {**_OURS, **headers})
            response = connection.getresponse()
            if connection.was_cut:
                raise TimeoutError
            body_start = b""
            with suppress(OSError, http.client.HTTPException):  # the status has said what matters
                body_start = response.read(most)
            return Answer(
                status=response.status,
                body=body_start,
                retry_after_s=_seconds(response.headers.get("Retry-After")),
            )
        except (OSError, http.client.HTTPException) as error:
            if connection.was_cut:
                raise TimeoutError from error
            raise
        finally:
            watch.cancel()
            connection.close()

    def _checked_addresses(self, target: Target) -> list[str]:
        """Where the host is, asked once. Raises `InvalidInput` if any of the answers is refused."""
        found = _within(lambda: self._resolve(target.host, target.port), self._timeout_s)
        if not found:
            raise OSError(f"the host {target.host!r} has no address")
        for text in found:
            check_address(target.host, ip_address(text), self._reach)
        return found[:MAX_ADDRESSES]

    @cached_property
    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context


class _PinnedConnection(http.client.HTTPConnection):
    """Connects to given addresses; TLS asks for the name's certificate."""

    def __init__(
        self,
        target: Target,
        addresses: list[str],
        deadline: float,
        tls: Callable[[], ssl.SSLContext],
    ) -> None:
        super().__init__(target.host, target.port)
        self.was_cut = False
        self._target = target
        self._addresses = addresses
        self._deadline = deadline
        self._tls = tls
        # What `http.client` leaves out of the Host header.
        self.default_port = 443 if target.scheme == "https" else 80

    def connect(self) -> None:
        plain = self._connected()
        self._use(plain)
        if self._target.scheme == "https":
            # The handshake comes when the socket is where `cut` finds it.
            secure = self._tls().wrap_socket(
                plain, server_hostname=self._target.host, do_handshake_on_connect=False
            )
            self._use(secure)
            secure.do_handshake()

    def _use(self, sock: socket.socket) -> None:
        self.sock = sock
        if self.was_cut:  # when there was nothing to cut
            raise TimeoutError

    def _connected(self) -> socket.socket:
        failure: OSError | None = None
        for address in self._addresses:
            left_s = self._deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            try:
                return socket.create_connection((address, self._target.port), timeout=left_s)
            except OSError as error:
                failure = error
        assert failure is not None
        raise failure

    def cut(self) -> None:
        """End what is under way, from another thread."""
        self.was_cut = True
        if self.sock is not None:
            with suppress(OSError):
                # Not TLS's own, which takes apart what the other thread is using.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


_OURS = {"User-Agent": "stageline", "Accept": "*/*", "Connection": "close"}


def system_resolve(host: str, port: int) -> list[str]:
    """The addresses of a host, in the system's order, each once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(place[0]) for *_, place in found))


def _within(call: Callable[[], list[str]], timeout_s: float) -> list[str]:
    """The result of `call`, which can not be interrupted. Raises `TimeoutError`, and leaves it to end by itself."""
    done: list[list[str]] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            done.append(call())
        except (
            BaseException
        ) as error:  # of any kind, since it is raised again in the caller's thread
            failures.append(error)

    thread = threading.Thread(target=work, name="stageline-resolve", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if failures:
        raise failures[0]
    if not done:
        raise TimeoutError
    return done[0]


def _text(error: Exception) -> str:
    """What went wrong, on one line and short: a receiver may have had a hand in it."""
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    text = "".join(c if c.isprintable() else " " for c in said)[:300]
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _seconds(text: str | None) -> int:
    """`Retry-After` where it is a number of seconds; as a date it is left alone."""
    return (
        int(text)
        if text is not None and text.isascii() and text.isdecimal() and len(text) < 7
        else 0
    )
