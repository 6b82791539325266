"""The names, keys, values and batches that may be recorded: their limits, and nothing about where they go.

Each `check_*` returns its argument in the form to record, or raises `InvalidInput`. The limits are MLflow's, so that
whatever one of its clients may log is accepted and no more. One is narrower: a name can not end in a newline (`$` in
its patterns lets one through).
"""

from __future__ import annotations

import math
import operator
import posixpath
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal, SupportsFloat, SupportsIndex

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_KEY_LENGTH: Final = 250
MAX_PARAM_VALUE_LENGTH: Final = 6000
MAX_TAG_VALUE_LENGTH: Final = 8000
MAX_EXPERIMENT_NAME_LENGTH: Final = 500
MAX_EXPERIMENT_TAG_VALUE_LENGTH: Final = 20_000
MAX_METRICS_PER_BATCH: Final = 1000
MAX_PARAMS_PER_BATCH: Final = 100
MAX_TAGS_PER_BATCH: Final = 100
MAX_ENTITIES_PER_BATCH: Final = 1000
MAX_DATASETS_PER_CALL: Final = 1000
MAX_DATASET_NAME_LENGTH: Final = 500
MAX_DATASET_DIGEST_LENGTH: Final = 36
MAX_DATASET_SOURCE_LENGTH: Final = 65_535
MAX_DATASET_SCHEMA_LENGTH: Final = 1_048_575
MAX_DATASET_PROFILE_LENGTH: Final = 16_777_215
MAX_INPUT_TAG_KEY_LENGTH: Final = 255
MAX_INPUT_TAG_VALUE_LENGTH: Final = 500

KeyKind = Literal["metric", "param", "tag"]

_RUN_ID = re.compile(r"[a-zA-Z0-9][\w-]{0,255}")
_EXPERIMENT_ID = re.compile(r"[a-zA-Z0-9][\w-]{0,63}")
_KEY = re.compile(r"[/\w.\- :]+")

# The names that MLflow's messages give these arguments; its clients look for them.
_KEY_ARGUMENT: Final[dict[KeyKind, str]] = {"metric": "name", "param": "key", "tag": "key"}
_KEY_TITLE: Final[dict[KeyKind, str]] = {
    "metric": "Metric name",
    "param": "Param key",
    "tag": "key",
}


def check_run_id(run_id: str) -> str:
    """A run id: a letter or digit, then at most 255 letters, digits, `_` and `-`."""
    check_text("run_id", run_id)
    if not _RUN_ID.fullmatch(run_id):
        raise _invalid(
            "run_id",
            run_id,
            "expected 1 to 256 letters, digits, '_' or '-', not starting with '_' or '-'",
        )
    return run_id


def check_experiment_id(experiment_id: str) -> str:
    """An experiment id: a letter or digit, then at most 63 letters, digits, `_` and `-`."""
    check_text("experiment_id", experiment_id)
    if not _EXPERIMENT_ID.fullmatch(experiment_id):
        raise InvalidInput(
            f"Invalid experiment ID: {experiment_id!r}. Expected 1 to 64 letters, digits, '_' or '-', "
            "not starting with '_' or '-'."
        )
    return experiment_id


def check_experiment_name(name: str) -> str:
    """An experiment's name: any text of 1 to 500 characters that is not blank."""
    _check_free_text("name", name)
    if not name.strip():
        raise InvalidInput(f"Invalid experiment name: {name!r}. Expected text that is not blank.")
    _check_length("name", MAX_EXPERIMENT_NAME_LENGTH, name)
    return name


def check_key(kind: KeyKind, key: str) -> str:
    """The key of a metric, param or tag.

    At most 250 of letters, digits, `_ - . : /` and space, and already normal as a relative path: `a//b`, `a/`, `.` and
    `../a` are refused.
    """
    if type(key) is not str:
        check_text(_KEY_ARGUMENT[kind], key)
    _check_key_text(kind, key)
    return key


def check_keys(kind: KeyKind, keys: Iterable[str]) -> None:
    """Each of them, as `check_key`."""
    for key in keys:
        if type(key) is str:
            _check_key_text(kind, key)
        else:
            check_key(kind, key)


# A process logs the same few keys over and over.
@lru_cache(maxsize=4096)
def _check_key_text(kind: KeyKind, key: str) -> None:
    if not _KEY.fullmatch(key):
        raise _invalid(
            _KEY_ARGUMENT[kind],
            key,
            f"a {kind} key is made of letters, digits, spaces and the characters _ - . : /",
        )
    normal = posixpath.normpath(key)
    if normal != key or key == "." or key.startswith(("/", "..")):
        raise _invalid(
            _KEY_ARGUMENT[kind],
            key,
            f"a {kind} key must be a normal relative path; as a path this one is {normal!r}",
        )
    _check_length(_KEY_TITLE[kind], MAX_KEY_LENGTH, key)


def check_param_value(value: str, *, truncate: bool = True) -> tuple[str, bool]:
    """The value to record, and whether it was cut to 6000 characters; with `truncate=False` a longer one is refused."""
    return _fit("Param value", MAX_PARAM_VALUE_LENGTH, value, truncate)


def check_tag_value(value: str, *, truncate: bool = True) -> tuple[str, bool]:
    """The value to record, and whether it was cut to 8000 characters; with `truncate=False` a longer one is refused."""
    return _fit("value", MAX_TAG_VALUE_LENGTH, value, truncate)


def check_experiment_tag(key: str, value: str) -> tuple[str, str]:
    """A tag of an experiment: the key of any tag, and at most 20,000 characters, never cut."""
    check_key("tag", key)
    _check_free_text("value", value)
    _check_length("value", MAX_EXPERIMENT_TAG_VALUE_LENGTH, value)
    return key, value


def check_metric_value(value: SupportsFloat) -> float:
    """A metric's value: any real number (NaN and infinities too, and scalars of numpy and the like), never a bool."""
    if type(value) is float:
        return value
    # numpy turns its booleans and, with a warning, its complex numbers into floats.
    is_other = isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") in (
        "b",
        "c",
    )
    if not is_other and hasattr(value, "__float__"):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise _invalid("value", value, "expected a number that fits a 64-bit float")


def check_step(step: SupportsFloat) -> int:
    """A step: a whole number of 64 bits, negative or not."""
    return _int64("step", step)


def check_timestamp(timestamp: SupportsFloat) -> int:
    """A time in milliseconds since 1970: not negative; a fraction of a millisecond is dropped."""
    whole = _int64("timestamp", timestamp, floor=True)
    if whole < 0:
        raise _invalid("timestamp", timestamp, "expected milliseconds since 1970, not negative")
    return whole


def check_dataset(
    *,
    name: str,
    digest: str,
    source_type: str,
    source: str,
    schema: str | None = None,
    profile: str | None = None,
) -> None:
    """The fields of a dataset input. All but `schema` and `profile` are required; none is ever cut."""
    required = {"name": name, "digest": digest, "source_type": source_type, "source": source}
    for field, value in required.items():
        _check_free_text(f"dataset.{field}", value)
    _check_length("name", MAX_DATASET_NAME_LENGTH, name)
    _check_length("digest", MAX_DATASET_DIGEST_LENGTH, digest)
    _check_length("source", MAX_DATASET_SOURCE_LENGTH, source)
    _check_length("schema", MAX_DATASET_SCHEMA_LENGTH, schema or "")
    _check_length("profile", MAX_DATASET_PROFILE_LENGTH, profile or "")


def check_input_tag(key: str, value: str) -> tuple[str, str]:
    """A tag of a dataset input, such as its context."""
    _check_free_text("key", key)
    _check_free_text("value", value)
    _check_length("key", MAX_INPUT_TAG_KEY_LENGTH, key)
    _check_length("value", MAX_INPUT_TAG_VALUE_LENGTH, value)
    return key, value


def check_batch(*, metrics: int = 0, params: int = 0, tags: int = 0, datasets: int = 0) -> None:
    """How much one call may carry, by the number of each."""
    _check_count("metrics", MAX_METRICS_PER_BATCH, metrics)
    _check_count("params", MAX_PARAMS_PER_BATCH, params)
    _check_count("tags", MAX_TAGS_PER_BATCH, tags)
    _check_count("metrics, params, and tags", MAX_ENTITIES_PER_BATCH, metrics + params + tags)
    _check_count("datasets", MAX_DATASETS_PER_CALL, datasets)


def check_text(argument: str, value: object) -> None:
    """Any text. Raises `InvalidInput`."""
    if value is None:
        raise InvalidInput(f"Missing value for required parameter '{argument}'.")
    if not isinstance(value, str):
        raise _invalid(argument, value, "expected text")


def _invalid(argument: str, value: object, reason: str) -> InvalidInput:
    import json  # only a refusal needs it, and logging must import next to nothing

    shown = json.dumps(value, separators=(",", ":"), default=repr)
    if len(shown) > 300:
        shown = f"{shown[:300]}..."
    return InvalidInput(f"Invalid value {shown} for parameter '{argument}' supplied: {reason}.")


def _check_free_text(argument: str, value: object) -> None:
    """Text of which nothing else is asked: every store and format writes it as UTF-8."""
    if type(value) is str and value.isascii():  # nearly all: asked without looking at each sign
        return
    check_text(argument, value)
    try:
        str(value).encode()
    except UnicodeEncodeError as error:
        raise _invalid(
            argument, value, "it holds half of a surrogate pair, which can not be written as UTF-8"
        ) from error


def _check_length(title: str, limit: int, value: str) -> None:
    if len(value) > limit:
        raise InvalidInput(
            f"'{title}' exceeds the maximum length of {limit} characters: it has {len(value)}."
        )


def _check_count(title: str, limit: int, count: int) -> None:
    if count > limit:
        raise InvalidInput(
            f"A batch logging request can contain at most {limit} {title}. "
            f"Got {count} {title}: send them in several calls."
        )


def _fit(title: str, limit: int, value: str, truncate: bool) -> tuple[str, bool]:
    _check_free_text(title, value)
    if len(value) <= limit:
        return value, False
    if not truncate:
        _check_length(title, limit, value)
    return value[:limit], True


def _int64(argument: str, value: SupportsFloat, *, floor: bool = False) -> int:
    try:
        # Asking a protocol takes microseconds, and nearly every step is an int.
        whole = value if type(value) is int else _integer(value, floor=floor)
    except (TypeError, ValueError, OverflowError):  # no number, NaN, infinity
        whole = None
    if whole is None or not -(2**63) <= whole < 2**63:
        raise _invalid(argument, value, "expected a whole number of 64 bits")
    return whole


def _integer(value: SupportsFloat, *, floor: bool) -> int | None:
    if not hasattr(value, "__float__"):
        return None
    if isinstance(value, SupportsIndex):
        return operator.index(value)
    number = float(value)
    return math.floor(number) if floor or number.is_integer() else None
