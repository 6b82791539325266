"""Which addresses are public: by the IANA special-purpose address registries, and the bypasses of others' guards."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

_NOT_PUBLIC_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
        "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
        "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",  # Azure's platform address: public to look at, and only the machine's own
    )
)  # fmt: skip
_GLOBAL_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo, ORCHID and other protocols' own
        "2001:db8::/32", "3fff::/20",  # documentation
        "2002::/16",  # 6to4: an IPv4 address in disguise
    )
)  # fmt: skip
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether everybody may reach `address`, and nothing of this machine's surroundings answers there.

    >>> from ipaddress import ip_address
    >>> is_public(ip_address("93.184.215.14")), is_public(ip_address("169.254.169.254"))
    (True, False)
    >>> is_public(ip_address("64:ff9b::a9fe:a9fe")), is_public(ip_address("::ffff:100.64.0.1"))
    (False, False)
    """
    if isinstance(address, IPv6Address):
        if (
            address in _NAT64
        ):  # on a network with nothing but IPv6, that is how all of IPv4 is reached
            return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
        # Of all others outside 2000::/3, the mapped, compatible and translated forms too, none is public.
        is_global = address in _GLOBAL_6 and address.scope_id is None
        return (
            is_global
            and not any(address in network for network in _NOT_PUBLIC_6)
            and not (_is_isatap(address))
        )
    return not any(address in network for network in _NOT_PUBLIC_4)


def _is_isatap(address: IPv6Address) -> bool:
    """RFC 5214: the last half says 0000:5efe or 0200:5efe, and an IPv4 address."""
    return (int(address) >> 32) & 0xFDFFFFFF == 0x00005EFE
