"""Where a webhook may be sent: what is read out of its URL, and which addresses are public. Asks nobody.

A URL is somebody's wish that this machine talk to another, and this machine may be where nothing else is let in:
beside a cloud's metadata address, or behind a firewall. So what is not surely public is refused (docs/design/005).
"""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

import msgspec

from stageline.domain.public_address import Address, is_public
from stageline.errors import InvalidInput

Network = IPv4Network | IPv6Network

MAX_URL_LENGTH = 2000

_DEFAULT_PORTS = {"https": 443, "http": 80}
_ODD = re.compile(r"[\x00-\x20\x7f\\]")
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)(\.(?!-)[a-z0-9_-]{1,63}(?<!-))*")
# What the oldest resolvers read as a number: decimal, 0 before octal, 0x before hexadecimal.
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")


class Target(NamedTuple):
    """A webhook's URL, taken apart."""

    scheme: str
    host: str
    """A name, or an address without brackets; lower case."""
    port: int
    path: str
    """With its query."""

    @property
    def place(self) -> str:
        """As far as it may be shown."""
        port = "" if self.port == _DEFAULT_PORTS[self.scheme] else f":{self.port}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}{port}"


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How far webhooks may go on this machine."""

    hosts: frozenset[str] = frozenset()
    """Names that may be anywhere, on any port."""
    networks: tuple[Network, ...] = ()
    """Networks that may be reached though they are not public, on any port."""
    ports: frozenset[int] = frozenset({443, 8443})
    http: bool = False
    """Whether `http` will do, and its port 80."""

    def allows(self, host: str, address: Address) -> bool:
        """Whether `host`, which is at `address`, may be sent to."""
        listed = any(address in network for network in self.networks)
        return host in self.hosts or listed or is_public(address)

    def names(self, host: str) -> bool:
        """Whether a setting allows this very host, or the network of this very address."""
        literal = _literal(host)
        return host in self.hosts or (
            literal is not None and any(literal in network for network in self.networks)
        )


def parse_reach(allow: str = "", ports: str = "", *, http: bool = False) -> Reach:
    """What the settings say: hosts and networks, and ports, each separated by commas.

    >>> parse_reach("hooks.corp, 10.1.0.0/16").hosts
    frozenset({'hooks.corp'})

    Raises:
        InvalidInput: a part is neither host nor network, or no port.
    """
    hosts: set[str] = set()
    networks: list[Network] = []
    for part in filter(None, (part.strip().lower() for part in allow.split(","))):
        try:
            networks.append(ip_network(part))
        except ValueError:
            if not _HOST.fullmatch(part) or _is_numeric(part):
                raise InvalidInput(
                    f"STAGELINE_WEBHOOK_ALLOW has {part[:100]!r}: expected a host's name or a network such as "
                    "10.1.0.0/16, separated by commas"
                ) from None
            hosts.add(part)
    numbers = [part.strip() for part in ports.split(",") if part.strip()]
    if not all(one.isdecimal() and 0 < int(one) < 65536 for one in numbers):
        raise InvalidInput(
            f"STAGELINE_WEBHOOK_PORTS is {ports[:100]!r}: expected ports such as 443,8443"
        )
    chosen = {int(one) for one in numbers} or set(Reach().ports)
    return Reach(
        hosts=frozenset(hosts),
        networks=tuple(networks),
        ports=frozenset(chosen | ({80} if http else set())),
        http=http,
    )


def parse_target(url: str, reach: Reach) -> Target:
    """A webhook's URL, if it may be sent to as far as can be told without asking who is there.

    Raises:
        InvalidInput: it is no URL, or one that is refused; the message never shows its path.
    """
    if not url or len(url) > MAX_URL_LENGTH:
        raise _refused(f"expected a URL of at most {MAX_URL_LENGTH} characters")
    if _ODD.search(url) or not url.isascii():
        raise _refused("it holds a space, a backslash, a control character, or one outside ASCII")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _refused("it can not be read: is its port a number?") from None
    if parts.scheme not in _DEFAULT_PORTS or (parts.scheme == "http" and not reach.http):
        raise _refused(
            f"its scheme is {parts.scheme[:20]!r}, and only https may be used. For http, set STAGELINE_WEBHOOK_HTTP=1: "
            "then whoever is between reads and changes what is sent"
        )
    if "@" in parts.netloc:
        raise _refused("it holds a user or a password: give the webhook a secret instead")
    if parts.fragment or "#" in url:
        raise _refused("it holds a fragment (#), which is never sent")
    host = checked_host(parts.hostname or "")
    if "[" in parts.netloc and ":" not in host:
        raise _refused("what stands in brackets is no IPv6 address")
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    if port not in reach.ports and not reach.names(host):
        allowed = ", ".join(map(str, sorted(reach.ports)))
        raise _refused(
            f"its port is {port}, and only {allowed} may be used. Set STAGELINE_WEBHOOK_PORTS, or name the host in "
            "STAGELINE_WEBHOOK_ALLOW"
        )
    literal = _literal(host)
    if literal is not None:
        check_address(host, literal, reach)
    return Target(parts.scheme, host, port, _path(parts))


def checked_host(host: str) -> str:
    """A host in its one spelling: a name of letters, digits, `-` and `_`, or an address as it is usually written.

    Raises:
        InvalidInput: it is neither, or a number that old resolvers take for an address (`2130706433`, `0177.1`).
    """
    host = host.lower()
    if _literal(host) is not None:
        return host
    host = host.removesuffix(".")
    if not _HOST.fullmatch(host) or len(host) > 253:
        raise _refused(f"its host is {host[:100]!r}, which is no host's name")
    if _is_numeric(host):
        raise _refused(
            f"its host is {host[:100]!r}, a number: write an address as four decimal numbers, or name the host"
        )
    return host


def check_address(host: str, address: Address, reach: Reach) -> None:
    """Raise `InvalidInput` if `host`, which is at `address`, may not be sent to."""
    if not reach.allows(host, address):
        where = "" if host == str(address) else f", where {host!r} is,"
        raise _refused(
            f"{address}{where} is not a public address. If it is meant, name the host or its network in "
            "STAGELINE_WEBHOOK_ALLOW"
        )


def _literal(host: str) -> Address | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return address


def _is_numeric(host: str) -> bool:
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _refused(why: str) -> InvalidInput:
    return InvalidInput(f"Invalid webhook URL: {why}")
