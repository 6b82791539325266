"""How an error of ours becomes a page: one table from the class to a status and a heading."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, NamedTuple

from stageline.errors import (
    AlreadyExists,
    Conflict,
    InvalidInput,
    NotAllowed,
    NotFound,
    StorageFailed,
)

if TYPE_CHECKING:
    from starlette.responses import Response

    from stageline.ui.page import Page

STATUSES: dict[type[BaseException], int] = {
    InvalidInput: 400,
    NotAllowed: 403,
    NotFound: 404,
    AlreadyExists: 409,
    Conflict: 409,
}
"""Errors whose message is for the reader, by the nearest class."""
TITLES = {
    400: "This can not be done so",
    403: "Not allowed",
    404: "Not here",
    405: "This address is not asked so",
    409: "It is not as it was",
    413: "Too much at once",
    500: "Something is wrong on our side",
    503: "The store does not answer",
}

_log = logging.getLogger("stageline")


class Told(NamedTuple):
    """What a reader is told of an error."""

    status: int
    message: str
    number: str | None = None
    """By which the log knows it."""


def told(error: Exception) -> Told:
    """What to say; what is not for the reader goes to the log under a number."""
    for cls in type(error).__mro__:
        if cls in STATUSES:
            return Told(STATUSES[cls], str(error))
    number = os.urandom(4).hex()
    if isinstance(error, StorageFailed):
        _log.warning("page %s: %s", number, error)
        return Told(503, "Try again in a moment; the server's log says more.", number)
    _log.error("page %s failed", number, exc_info=error)
    return Told(500, "The server's log has what happened.", number)


def error_page(page: Page, found: Told) -> Response:
    """The page that says it; asked for by a script, the same as JSON."""
    if "application/json" in page.request.headers.get("accept", ""):
        return page.json({"error": found.message, "number": found.number}, status=found.status)
    return page.render(
        "error.html",
        status=found.status,
        code=found.status,
        title=TITLES.get(found.status, "Not this way"),
        message=_without_store(page, found.message),
        number=found.number,
    )


def _without_store(page: Page, message: str) -> str:
    # A URL of a store may name a host or a folder that is no reader's business.
    url = page.workspace.store.url
    return message.replace(f" in {url}", "").replace(url, "the store")
