"""What a proxy in front says of a request: believed of those proxies alone that somebody named."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING
from urllib.parse import quote

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.serving.asgi import Scope

Network = IPv4Network | IPv6Network
FORWARDED_PREFIX = "stageline.forwarded_prefix"
"""Where a request has the path that its proxy took off."""
TRUSTED = "stageline.trusted_proxy"
"""Where a request says that its proxy is one of ours."""


def parse_proxies(given: Iterable[str]) -> tuple[Network, ...]:
    """Addresses and networks. Raises `InvalidInput`."""
    found: list[Network] = []
    for one in given:
        try:
            found.append(ip_network(one.strip(), strict=False))
        except ValueError:
            raise InvalidInput(
                f"--trusted-proxy {one[:100]!r}: expected an address or a network such as 10.1.0.0/16"
            ) from None
    return tuple(found)


def as_sent(scope: Scope, proxies: tuple[Network, ...]) -> None:
    """Put what the client sent in the place of what its proxy says of it, if the proxy is one that is trusted.

    Of the addresses in `X-Forwarded-For` the last one that is no proxy of ours is the client: what stands before it,
    anybody may have written.
    """
    client = scope.get("client")
    if not client or not _is_within(client[0], proxies):
        return
    scope[TRUSTED] = True
    said: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name.startswith(b"x-forwarded-"):  # several of one kind are one list
            said[name] = said[name] + b"," + value if name in said else value
    addresses = [one.strip() for one in said.get(b"x-forwarded-for", b"").split(b",")]
    for address in reversed(addresses):
        text = address.decode("latin-1")
        if not _is_address(text):
            break
        scope["client"] = (text, 0)
        if not _is_within(text, proxies):
            break
    host = _last(said.get(b"x-forwarded-host", b""))
    if host:
        kept = [one for one in scope["headers"] if one[0] != b"host"]
        scope["headers"] = [(b"host", host), *kept]
    prefix = _last(said.get(b"x-forwarded-prefix", b""))
    if prefix:
        scope[FORWARDED_PREFIX] = prefix.decode("latin-1")
    scheme = _last(said.get(b"x-forwarded-proto", b"")).lower()
    if scheme in (b"http", b"https"):
        scope["scheme"] = scheme.decode()


def is_behind_strange_proxy(scope: Scope) -> bool:
    """Whether a proxy that nobody named handed the request on: then nobody knows by which address the client came."""
    return TRUSTED not in scope and any(
        name.startswith((b"x-forwarded-", b"forwarded", b"x-real-ip", b"via"))
        for name, _ in scope["headers"]
    )


def url_of(scope: Scope, path: str) -> str:
    """The address of a path of this server, as whoever sent the request reaches it. Call it behind the door."""
    host = next((value for name, value in scope["headers"] if name == b"host"), b"")
    prefix = scope.get(FORWARDED_PREFIX, "").rstrip("/") or scope.get("stageline.below", "")
    return f"{scope['scheme']}://{host.decode('latin-1')}{quote(prefix)}{path}"


def _last(value: bytes) -> bytes:
    return value.rpartition(b",")[2].strip()


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_within(text: str, proxies: tuple[Network, ...]) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return any(address in network for network in proxies)
