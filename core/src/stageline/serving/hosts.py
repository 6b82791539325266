"""Who a request thinks it talks to: a page of another site may reach a server on loopback through a name of its own."""

from __future__ import annotations

import ipaddress
import re

_AUTHORITY = re.compile(rb"(\[[0-9a-fA-F:.]+\]|[0-9A-Za-z._-]+)(?::(\d{1,5}))?")
_ORIGIN = re.compile(rb"(https?)://(.+)", re.IGNORECASE)
_PORTS = {b"http": b"80", b"https": b"443"}


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine alone."""
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_known(authority: bytes, hosts: tuple[str, ...]) -> bool:
    """Whether a Host header, with or without its port, names this machine or one of `hosts`.

    One of `hosts` that has a port is meant with that port alone.
    """
    found = _AUTHORITY.fullmatch(authority)
    if found is None:
        return False
    host = found[1].decode().lower()
    if is_loopback(host):
        return True
    named = host.rstrip(".")
    allowed = {one.lower() for one in hosts}
    return named in allowed or (found[2] is not None and f"{named}:{found[2].decode()}" in allowed)


def is_own_origin(
    origin: bytes, authority: bytes, hosts: tuple[str, ...] = (), origins: tuple[str, ...] = ()
) -> bool:
    """Whether an Origin header is that of a page of this server, or of one that may ask it.

    A page comes from where it asks, port and all: what runs on another port of this machine is another site. Behind a
    proxy that changes the Host header the page's own host is one of `hosts`. `origins` are written in full.
    """
    if is_listed(origin, origins):
        return True
    found = _ORIGIN.fullmatch(origin)
    page = _place(found[2], found[1].lower()) if found else None
    if found is None or page is None:
        return False
    if page == _place(authority, found[1].lower()):
        return True
    host = page[0].decode()
    return not is_loopback(host) and is_known(found[2], hosts)


def is_listed(origin: bytes, origins: tuple[str, ...]) -> bool:
    """Whether an Origin header is one of `origins`."""
    return bool(origins) and origin.lower() in {one.lower().encode() for one in origins}


def _place(authority: bytes, scheme: bytes) -> tuple[bytes, bytes] | None:
    found = _AUTHORITY.fullmatch(authority)
    return None if found is None else (found[1].lower().rstrip(b"."), found[2] or _PORTS[scheme])
