"""How an error of ours is told in MLflow's words: one table from the class to a code and a status.

A client's mistake is never told as 5xx, which MLflow's clients would repeat for a minute, and what is our own trouble
is told without a word of how things are stored here: the log has that.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.errors import (
    AlreadyExists,
    Conflict,
    Corrupt,
    InvalidInput,
    NotAllowed,
    NotFound,
    StagelineError,
    StorageFailed,
)
from stageline.models.scoring import JSON, Answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.exceptions import HTTPException
    from starlette.responses import Response

LONGEST_MESSAGE = 4000
"""Characters. What the client sent may be in it, and need not all go back."""

_log = logging.getLogger("stageline")


class Told(NamedTuple):
    """How a class of errors is told."""

    status: int
    code: str
    instead: str = ""
    """What the client reads in place of the message, where that is for whoever runs the server."""


TABLE: dict[type[BaseException], Told] = {
    InvalidInput: Told(400, "INVALID_PARAMETER_VALUE"),
    NotFound: Told(404, "RESOURCE_DOES_NOT_EXIST"),
    AlreadyExists: Told(400, "RESOURCE_ALREADY_EXISTS"),
    Conflict: Told(409, "RESOURCE_CONFLICT"),
    NotAllowed: Told(403, "PERMISSION_DENIED"),
    StorageFailed: Told(
        503, "TEMPORARILY_UNAVAILABLE", "The store does not answer. Try again in a moment"
    ),
    Corrupt: Told(
        500, "DATA_LOSS", "What is stored there can not be read; the server's log says more"
    ),
    StagelineError: Told(500, "INTERNAL_ERROR", "The server could not do this; its log says more"),
}
"""By the nearest class of an error. MLflow's codes and statuses (mlflow/protos/databricks.proto)."""


class Refused(Exception):
    """A refusal that has a code and a status of its own."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def answer_to(error: BaseException, secrets: Iterable[str] = ()) -> Answer:
    """The answer that tells an error; logs what the client is not told. `secrets` are cut out of every message."""
    if isinstance(error, Refused):
        return failure(error.status, error.code, _without(str(error), secrets))
    told = next((TABLE[cls] for cls in type(error).__mro__ if cls in TABLE), None)
    if told is not None and not told.instead:
        return failure(told.status, told.code, _without(str(error), secrets))
    number = os.urandom(4).hex()
    if told is None:
        _log.error("request %s failed", number, exc_info=error)
        told = TABLE[StagelineError]
    else:
        _log.warning("request %s: %s", number, error)
    return failure(told.status, told.code, f"{told.instead} (request {number})")


def failure(status: int, code: str, message: str) -> Answer:
    """An error's answer."""
    text = message.encode(errors="replace").decode()[:LONGEST_MESSAGE]
    return Answer(status, msgspec.json.encode({"error_code": code, "message": text}), JSON)


def missing(error: HTTPException) -> Response:
    """What a program is told that asks for what no route answers, or by another method than it takes."""
    from starlette.responses import (
        Response,
    )  # late: this module is asked for its table where no framework is

    code, message = _MISSING.get(error.status_code, ("BAD_REQUEST", "The request can not be read"))
    answer = failure(error.status_code, code, message)
    return Response(answer.body, answer.status, headers=error.headers, media_type=answer.media_type)


_MISSING = {
    404: (
        "ENDPOINT_NOT_FOUND",
        "There is nothing at this path: MLflow's are below /api/2.0/mlflow/, and "
        "/api/stageline/1/openapi.json lists the others",
    ),
    405: ("BAD_REQUEST", "This path takes another method: the Allow header names it"),
}


def _without(message: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        message = message.replace(f" in {secret}", "").replace(secret, "the store")
    return message
