"""From bytes and query strings to what an endpoint is asked: lenient as protobuf's JSON is, strict about types."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from stageline.errors import InvalidInput

Ask = TypeVar("Ask", bound=msgspec.Struct)

MOST_FIELDS = 1000
"""Of a query string."""
MOST_ITEMS = 10_000
"""Of a list in a body; many endpoints take fewer."""

_PLACE = re.compile(r" - at `\$\.?([^`]*)`$")
_decode_text = msgspec.json.Decoder(str).decode
_encoder = msgspec.json.Encoder()

encode = _encoder.encode
"""A struct or dict to JSON."""


@lru_cache(maxsize=1024)
def decoder(kind: type[Ask]) -> msgspec.json.Decoder[Ask]:
    """Numbers may come as text, as protobuf writes those of 64 bits, NaN and the infinities."""
    return msgspec.json.Decoder(kind, strict=False)


def read_body(body: bytes, kind: type[Ask]) -> Ask:
    """What a JSON body asks. Raises `InvalidInput`, which names the field."""
    try:
        if body[:1] == b'"':  # old clients encode twice
            body = _decode_text(body).encode()
        asked: Ask = decoder(kind).decode(body or b"{}")
        return asked
    except msgspec.ValidationError as error:
        raise _wrong(error) from None
    except (msgspec.DecodeError, UnicodeError) as error:
        raise InvalidInput(f"The body of the request is not JSON: {error}") from None
    except RecursionError:
        raise InvalidInput("The body of the request is nested too deeply.") from None


def read_query(query: bytes, kind: type[Ask]) -> Ask:
    """What a query string asks: a key that comes again is a list, where a list is expected. Raises `InvalidInput`."""
    try:
        pairs = parse_qsl(
            query.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=MOST_FIELDS,
            errors="strict",
        )
    except ValueError as error:
        raise InvalidInput(f"The query of the request can not be read: {error}") from None
    lists = _list_fields(kind)
    given: dict[str, Any] = {}
    for key, value in pairs:
        if key in lists:
            given.setdefault(key, []).append(value)
        else:
            given[key] = value
    try:
        return msgspec.convert(given, kind, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong(error) from None


def check_lists(ask: msgspec.Struct) -> None:
    """Raise `InvalidInput` for a list of more than `MOST_ITEMS`: one request must not keep a thread for minutes."""
    for name in _list_fields(type(ask)):
        given = getattr(ask, name)
        if given is not None and len(given) > MOST_ITEMS:
            raise InvalidInput(
                f"Invalid value for parameter '{name}' supplied: it has {len(given)} items, and at most {MOST_ITEMS} "
                "are taken. Send several requests"
            )


def required(name: str, value: str | None) -> str:
    """A field that has to be there. Raises `InvalidInput`."""
    if not value:
        raise InvalidInput(f"Missing value for required parameter '{name}'.")
    return value


@lru_cache(maxsize=1024)
def _list_fields(kind: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(
        field.encode_name
        for field in msgspec.structs.fields(kind)
        if field.default_factory is list or "list[" in str(field.type)
    )


def _wrong(error: msgspec.ValidationError) -> InvalidInput:
    text = str(error)
    found = _PLACE.search(text)
    if found is None or not found[1]:
        return InvalidInput(f"The body of the request is not what was expected: {text}")
    return InvalidInput(
        f"Invalid value for parameter '{found[1]}' supplied: {text[: found.start()]}."
    )
