"""MLflow's scoring protocol: from the body of a request to the body of its answer. It knows no web framework.

Bodies, statuses, error codes and the leading words of messages are those of the scoring server of MLflow 3.17, which
was asked for them (tests/core/models/fixtures/scoring). What is not: an answer never holds a stack trace, JSON is held
to limits, and what MLflow answers with 500 though the client is at fault is 400.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, NamedTuple

from stageline.errors import InvalidInput
from stageline.models.scoring_arrays import values_of_inputs, values_of_instances
from stageline.models.scoring_frames import (
    frame_of_csv,
    frame_of_parquet,
    frame_of_records,
    frame_of_split,
)
from stageline.models.scoring_json import read_json
from stageline.models.scoring_output import predictions_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.models.loading import LoadedModel

PROTOCOL_VERSION = "3.17.2"
"""The MLflow whose scoring server was asked, and which `/version` names, as that server names itself."""
JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"
FORMATS = {
    "dataframe_split": frame_of_split,
    "dataframe_records": frame_of_records,
    "instances": values_of_instances,
    "inputs": values_of_inputs,
}
UNWRAPPED = ("messages", "prompt", "input")
"""Keys of chat, completion and embedding requests: what comes with one is handed over whole, and answered bare."""
LONGEST_MESSAGE = 4000
"""Characters of an error. What the client sent may be in it, and need not all go back."""

_log = logging.getLogger("stageline")


class Answer(NamedTuple):
    """What goes back."""

    status: int
    body: bytes
    media_type: str


class Request(NamedTuple):
    """What a body asks of the model."""

    data: Any
    params: Mapping[str, Any] | None = None
    is_wrapped: bool = True


class UnsupportedMedia(InvalidInput):
    """The body is of a kind that is not taken: 415, in plain text."""


def score(model: LoadedModel, body: bytes, content_type: str | None) -> Answer:
    """Predict what a request asks for. Never raises: what goes wrong is in the answer.

    Safe from many threads if the model is.
    """
    try:
        request = read_request(model, body, content_type)
    except UnsupportedMedia as error:
        return Answer(415, str(error).encode(), "text/plain")
    except InvalidInput as error:
        return failure(400, "BAD_REQUEST", str(error))
    try:
        predictions = model.predict(request.data, request.params)
    except InvalidInput as error:
        return failure(400, "INVALID_PARAMETER_VALUE", f"Failed to predict data. \nError: {error}")
    except Exception:  # of any kind: it is the model's own code, and its trace is for the log alone
        _log.exception("the model could not predict what a request asked for")
        return failure(
            400,
            "BAD_REQUEST",
            "Encountered an unexpected error while evaluating the model. Verify that the serialized input Dataframe is "
            "compatible with the model for inference.",
        )
    try:
        return Answer(200, predictions_json(predictions, wrapped=request.is_wrapped), JSON)
    except Exception:  # of any kind: what the model returned may convert itself
        _log.exception("the model returned a %s that JSON can not say", type(predictions).__name__)
        return failure(500, "INTERNAL_ERROR", "The model's answer can not be written as JSON.")


def failure(status: int, error_code: str, message: str) -> Answer:
    """An error as MLflow's clients read it."""
    if len(message) > LONGEST_MESSAGE:
        message = f"{message[:LONGEST_MESSAGE]}..."
    text = json.dumps({"error_code": error_code, "message": message})
    return Answer(status, text.encode(), JSON)


def read_request(model: LoadedModel, body: bytes, content_type: str | None) -> Request:
    """What a body asks for, cast to the model's signature.

    Raises:
        UnsupportedMedia: it is of a kind that is not taken.
        InvalidInput: it is not what it says to be.
    """
    kind = _kind(content_type or "")
    schema = model.signature.inputs if model.signature else None
    if kind == CSV:
        return Request(frame_of_csv(body, schema))
    if kind == PARQUET:
        return Request(frame_of_parquet(body))
    if kind == JSON:
        return _read_document(model, read_json(body))
    raise UnsupportedMedia(
        f"This predictor only supports the following content types: Types: {[CSV, JSON, PARQUET]}. "
        f"Got '{(content_type or '')[:200]}'."
    )


def _kind(content_type: str) -> str:
    """The media type. Raises `UnsupportedMedia` for a charset, or a parameter, that is not taken."""
    kind, *pairs = (part.strip() for part in content_type.split(";"))
    parameters = {name: value for name, _, value in (pair.partition("=") for pair in pairs)}
    if parameters.pop("charset", "utf-8").lower() != "utf-8":
        raise UnsupportedMedia("The scoring server only supports UTF-8")
    if parameters:
        raise UnsupportedMedia(
            f"Unrecognized content type parameters: {', '.join(parameters)[:200]}."
        )
    return kind


def _read_document(model: LoadedModel, document: Any) -> Request:
    if not isinstance(document, dict):
        what = "a list" if isinstance(document, list) else f"a {type(document).__name__}"
        raise InvalidInput(f"Invalid input. {_EXPECTED}. Received {what}.")
    signature = model.signature
    if any(key in document for key in UNWRAPPED):
        known = {param.name for param in (signature and signature.params) or ()}
        return Request(
            {name: value for name, value in document.items() if name not in known},
            {name: value for name, value in document.items() if name in known},
            is_wrapped=False,
        )
    params = document.get("params")
    found = [name for name in FORMATS if name in document]
    if model.metadata.unknown.get("is_signature_from_type_hint"):
        if "inputs" not in document:
            raise InvalidInput(
                "Request payload must be a dictionary with 'inputs' key when the model contains a valid type hint. "
                f"Found keys in payload: {found}."
            )
        return Request(document["inputs"], params)
    if len(found) != 1:
        raise InvalidInput(f"{_EXPECTED}. Received dictionary with input fields: {found}")
    schema = signature.inputs if signature else None
    return Request(FORMATS[found[0]](document[found[0]], schema), params)


_EXPECTED = f"The input must be a JSON dictionary with exactly one of the input fields {[*FORMATS]}"
