"""Who a request thinks it talks to: a page of another site may reach a server on loopback through a name of its own."""

from __future__ import annotations

import ipaddress
import re

_AUTHORITY = re.compile(rb"(\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._-]+)(?::\d{1,5})?")


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine alone."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_known(authority: bytes, hosts: tuple[str, ...]) -> bool:
    """Whether a Host header, with or without its port, names this machine or one of `hosts`."""
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return False
    host = found[1].decode().lower()
    return is_loopback(host) or host.rstrip(".") in {one.lower() for one in hosts}


def is_own_origin(origin: bytes, hosts: tuple[str, ...]) -> bool:
    """Whether an Origin header is that of a page of this server."""
    scheme, separator, authority = origin.partition(b"://")
    return bool(separator) and scheme in (b"http", b"https") and is_known(authority, hosts)
