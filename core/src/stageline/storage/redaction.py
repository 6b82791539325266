"""Which part of a store's URL and options may be shown: everything that leaves `storage/` passes here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECRET_NAME = re.compile(
    r"key|secret|token|pass|credential|signature|^sig$|sas|connection_string|auth|username|headers",
    re.I,
)
# On Azure the part before the @ names the container: abfs://container@account.dfs.core.windows.net/path
_CONTAINER_BEFORE_AT = frozenset({"abfs", "abfss", "az", "wasb", "wasbs"})
# Shorter ones would blank out half of every message, and are not secret.
_SHORTEST_SECRET = 4


def public_url(url: str) -> str:
    """`url` without user, password, query, fragment and slash at the end.

    >>> public_url("sftp://me:pw@host:22/store?token=x")
    'sftp://host:22/store'
    >>> public_url("abfs://container@account.dfs.core.windows.net/a")
    'abfs://container@account.dfs.core.windows.net/a'
    """
    return "::".join(_public_link(link) for link in url.split("::"))


def secrets_of(url: str, options: Mapping[str, Any]) -> list[str]:
    """Every string in `url` and `options` that must not be shown, longest first."""
    found = {*_secrets_in_url(url), *_secrets_in_options(options, is_secret=False)}
    return sorted((one for one in found if len(one) >= _SHORTEST_SECRET), key=len, reverse=True)


def redacted(text: str, secrets: list[str]) -> str:
    """`text` with `***` for each of `secrets`.

    >>> redacted("denied for AKIA123", ["AKIA123"])
    'denied for ***'
    """
    for secret in secrets:
        text = text.replace(secret, "***")
    return text


def _public_link(link: str) -> str:
    protocol, separator, rest = link.partition("://")
    if not separator:
        return link
    rest = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = rest.partition("/")
    user, at, place = host.rpartition("@")
    if at and not (protocol in _CONTAINER_BEFORE_AT and ":" not in user):
        host = place
    return f"{protocol}://{host}{slash}{path}".rstrip("/") if host or path else f"{protocol}://"


def _secrets_in_url(url: str) -> Iterator[str]:
    for link in url.split("::"):
        protocol, _, rest = link.partition("://")
        place, _, query = rest.partition("?")
        user, at, _ = place.partition("/")[0].rpartition("@")
        if at and not (protocol in _CONTAINER_BEFORE_AT and ":" not in user):
            for part in user.split(":"):
                yield from {part, unquote(part)}
        for _, value in parse_qsl(query):
            yield value
        yield query


def _secrets_in_options(
    options: Any, *, is_secret: bool
) -> Iterator[str]:  # options are nested at will
    if isinstance(options, dict):
        for name, value in options.items():
            yield from _secrets_in_options(
                value, is_secret=is_secret or bool(_SECRET_NAME.search(str(name)))
            )
    elif isinstance(options, (list, tuple)):
        for value in options:
            yield from _secrets_in_options(value, is_secret=is_secret)
    elif is_secret and isinstance(options, (str, bytes)):
        text = options if isinstance(options, str) else options.decode(errors="replace")
        yield text
        # Connection strings: a message may quote one part of them.
        for part in text.split(";"):
            yield part.partition("=")[2]
