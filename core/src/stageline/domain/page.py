"""Pages of a listing: how many at once, and the token that asks for the next."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Final, TypeVar

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

DEFAULT_MAX_RESULTS: Final = 1000
MAX_RESULTS_LIMIT: Final = 50_000

T = TypeVar("T")


class Page(list[T]):
    """A list that knows whether more follow: pass `token` to the same call, or stop where it is None."""

    token: str | None

    def __init__(self, items: Iterable[T] = (), token: str | None = None) -> None:
        super().__init__(items)
        self.token = token


def encode_token(offset: int) -> str:
    """The token of the page that starts after `offset` items."""
    return base64.b64encode(json.dumps({"offset": offset}).encode()).decode()


def decode_token(token: str | None) -> int:
    """How many items the earlier pages held; 0 for None and for empty text, which ask for the first page.

    A token says only that, so it outlives a restart and fits another filter as badly as it fits MLflow's.
    """
    if not token:
        return 0
    try:
        document = json.loads(base64.b64decode(token, validate=True))
    except (TypeError, ValueError, binascii.Error, RecursionError) as error:
        raise _invalid(token) from error
    offset = document.get("offset") if isinstance(document, dict) else None
    # The bound keeps a forged token from overflowing the arithmetic of an index.
    if type(offset) is not int or not 0 < offset < 2**53:
        raise _invalid(token)
    return offset


def check_max_results(
    max_results: int | None, *, default: int | None = None, limit: int = MAX_RESULTS_LIMIT
) -> int:
    """How many items a page may hold: 1 to `limit`. None means `default`, and is refused where there is none."""
    if max_results is None and default is not None:
        return default
    if isinstance(max_results, bool) or not isinstance(max_results, int) or max_results < 1:
        raise InvalidInput(
            f"Invalid value {max_results} for parameter 'max_results' supplied: expected a positive integer."
        )
    if max_results > limit:
        raise InvalidInput(
            f"Invalid value {max_results} for parameter 'max_results' supplied: it must be at most {limit}."
        )
    return max_results


def _invalid(token: str) -> InvalidInput:
    return InvalidInput(
        f"Invalid page token {str(token)[:100]!r}: expected the token of the previous page, unchanged."
    )
