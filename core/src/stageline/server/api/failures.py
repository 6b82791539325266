"""How `/api/stageline/1` tells what went wrong: the codes and statuses of the whole server, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from stageline.domain.gate import GateRefused
from stageline.errors import InvalidInput
from stageline.server.api.gate_shapes import Decision
from stageline.server.failures import answer_to

WHAT_TO_DO = {
    400: "Mend what the message names; /api/stageline/1/openapi.json says what each route takes.",
    401: "Say who you are: send a token as `Authorization: Bearer ...`.",
    403: "Ask somebody who may, or have your rights or the policy changed.",
    404: "Name a thing that exists: GET /api/stageline/1/models lists models, and openapi.json the routes.",
    405: "Use a method that the Allow header names.",
    408: "Send the body at once.",
    409: "Somebody else moved first: read again, and decide again.",
    413: "Send less at once.",
    429: "Come again in a moment; Retry-After says when.",
    500: "Tell whoever runs the server the number in the message: its log says more.",
    503: "Try again in a moment; if it stays so, tell whoever runs the server.",
}
REFUSED_BY_GATE = (
    "`decision` says which rules stand in the way; if only approvals do, POST .../requests."
)
_CODES = {404: "ENDPOINT_NOT_FOUND", 405: "BAD_REQUEST"}


class Problem(BaseModel):
    """Why a request was not done."""

    error_code: str = Field(examples=["RESOURCE_DOES_NOT_EXIST"])
    """Stable: for programs."""
    message: str = Field(examples=["Registered Model with name=wine not found"])
    what_to_do: str = Field("", examples=[WHAT_TO_DO[404]])
    decision: Decision | None = None
    """Of the gate, if it was the gate that refused."""


class ToldRoute(APIRoute):
    """A route whose failures of any kind are told as a `Problem`, and whose trouble is in the log alone."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI's, which lets everything pass."""
        answer = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await answer(request)
            except HTTPException as error:
                return _told_http(error)
            except Exception as error:  # of any kind: whatever it is, the client is told so
                return problem(request, error)

        return told


def install(api: FastAPI) -> None:
    """Have paths and methods that do not exist told as a `Problem` too."""

    async def told(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return _told_http(error)

    api.add_exception_handler(HTTPException, told)


def problem(request: Request, error: Exception) -> Response:
    """The answer that tells an error."""
    if isinstance(error, RequestValidationError):
        error = InvalidInput("; ".join(dict.fromkeys(map(_complaint, error.errors()))))
    answer = answer_to(error, request.app.state.replica.secrets)
    document = msgspec.json.decode(answer.body)
    document["what_to_do"] = WHAT_TO_DO.get(answer.status, "")
    if isinstance(error, GateRefused) and error.decision is not None:
        document["decision"] = msgspec.to_builtins(error.decision)
        document["what_to_do"] = REFUSED_BY_GATE
    again = {"retry-after": "1"} if answer.status in (429, 503) else None
    return JSONResponse(document, answer.status, headers=again)


def _told_http(error: HTTPException) -> Response:
    """What the router, or the reader of the body, refuses."""
    if error.status_code == 400:
        code, message = "INVALID_PARAMETER_VALUE", "The body of the request is not JSON."
    else:
        code = _CODES.get(error.status_code, "BAD_REQUEST")
        message = {
            404: "There is no such route.",
            405: "The route does not take this method.",
        }.get(error.status_code, str(error.detail))
    document = {
        "error_code": code,
        "message": message,
        "what_to_do": WHAT_TO_DO.get(error.status_code, ""),
    }
    return JSONResponse(document, error.status_code, headers=error.headers)


def _complaint(error: dict[str, Any]) -> str:
    """One finding of pydantic, in our words: neither its types nor links to its pages are of use to a client."""
    where = [str(part) for part in error["loc"]]
    if error["type"] == "json_invalid":
        return "The body of the request is not JSON."
    place = ".".join(where[1:]) or "the body"
    if error["type"] == "missing":
        return f"Missing value for required parameter '{place}'."
    if error["type"] == "extra_forbidden":
        return f"Unknown parameter '{place}'."
    return f"Invalid value for parameter '{place}' supplied: {error['msg'][:300]}."


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description}
    for status, description in {
        400: "Something is missing, of the wrong type, or breaks a rule.",
        401: "The server asks who you are.",
        403: "A policy, a right or the state of the thing forbids it.",
        404: "There is no such thing.",
        405: "The route takes another method.",
        408: "The body did not arrive in time.",
        409: "It contradicts what is recorded, or somebody else moved first.",
        413: "The body is too long.",
        429: "Too much at once.",
        503: "The store does not answer.",
    }.items()
}
"""What every route may answer beside what it was asked for."""
