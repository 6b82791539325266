"""Values that a user gave as any object, turned into the text that is recorded."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.domain import names
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.domain.run import DatasetInput

_log = logging.getLogger("stageline")


def param_text(key: str, value: Any) -> str:
    """`str(value)`, cut to what a param may hold, with a warning if it was cut."""
    return _fitted("param", key, names.check_param_value(str(value)))


def tag_text(key: str, value: Any) -> str:
    """Text as it is, numbers as Python prints them, lists and dicts as JSON.

    Raises:
        InvalidInput: the value is none of these.
    """
    if type(value) is str:
        return value
    if isinstance(value, str):  # of a kind of its own, such as a member of an enum
        return str(value)
    if value is None or isinstance(value, (bool, int, float)):
        return str(value)
    try:
        return msgspec.json.encode(value).decode()
    except (TypeError, ValueError, msgspec.MsgspecError) as error:
        raise InvalidInput(
            f"tag {key!r} should be text, a number, or something that JSON can hold, but is a "
            f"{type(value).__name__}: pass str(...) of it, or log it as an artifact"
        ) from error


def fitting_tags(tags: Mapping[str, Any]) -> dict[str, str]:
    """Tags as they are recorded. Raises `InvalidInput` if a key or a value breaks a rule."""
    names.check_keys("tag", tags)
    return {
        key: value
        if type(value) is str and len(value) <= names.MAX_TAG_VALUE_LENGTH and value.isascii()
        else fitting_tag_text(key, value)  # few: a task has a dozen tags, and what it costs counts
        for key, value in tags.items()
    }


def fitting_tag_text(key: str, value: Any) -> str:
    """As `tag_text`, cut to what a run's tag may hold, with a warning if it was cut."""
    return _fitted("tag", key, names.check_tag_value(tag_text(key, value)))


def check_input(given: DatasetInput) -> None:
    """Refuse a dataset input whose fields are too long. Raises `InvalidInput`."""
    dataset = given.dataset
    names.check_dataset(
        name=dataset.name,
        digest=dataset.digest,
        source_type=dataset.source_type,
        source=dataset.source,
        schema=dataset.schema,
        profile=dataset.profile,
    )
    for key, value in given.tags.items():
        names.check_input_tag(key, value)


def _fitted(kind: str, key: str, outcome: tuple[str, bool]) -> str:
    text, was_cut = outcome
    if was_cut:
        _log.warning("the value of %s %r was cut to its first %d characters", kind, key, len(text))
    return text
