"""The names, keys and values of the registry: their limits, and how a stage's spelling is found.

The limits are MLflow's, and as in `domain.names` each `check_*` returns its argument in the form to record.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

from stageline.domain.names import check_key
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_MODEL_NAME_LENGTH: Final = 256
MAX_ALIAS_LENGTH: Final = 255
MAX_REGISTRY_TAG_VALUE_LENGTH: Final = 100_000
MAX_DESCRIPTION_LENGTH: Final = 100_000
MAX_SOURCE_LENGTH: Final = 2048
MAX_STAGE_LENGTH: Final = 50
MAX_STAGES: Final = 20

_ALIAS = re.compile(r"[\w-]+", re.ASCII)
_VERSION_ALIAS = re.compile(r"v\d+", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_STAGE = re.compile(r"[^\W\d_][\w -]*")


def check_model_name(name: str) -> str:
    """A model's name: text that is not blank, with no `/`, `:` or control character, in Unicode's composed form."""
    _check_text("name", name)
    if not name.strip():
        raise InvalidInput("Registered model name cannot be empty or blank.")
    if "/" in name or ":" in name or _CONTROL.search(name) or name in (".", ".."):
        raise InvalidInput(
            f"Invalid name: '{name[:300]}'. Registered model name can not be '.' or '..', and can not contain "
            "'/', ':' or control characters: they are read as something else in models:/name/version"
        )
    _check_length("name", MAX_MODEL_NAME_LENGTH, name)
    _check_utf8("name", name)
    return unicodedata.normalize("NFC", name)


def check_alias(alias: str) -> str:
    """An alias: letters, digits, `_` and `-`, and nothing that is read as a version."""
    _check_text("alias", alias)
    if not _ALIAS.fullmatch(alias):
        raise InvalidInput(
            f"Invalid alias name: '{alias[:300]}'. Names may only contain letters, digits, '_' and '-'."
        )
    _check_length("alias", MAX_ALIAS_LENGTH, alias)
    if alias.lower() == "latest":
        raise InvalidInput(
            "'latest' alias name (case insensitive) is reserved: models:/name/latest is the highest version."
        )
    if _VERSION_ALIAS.fullmatch(alias):
        raise InvalidInput(
            f"Version alias name '{alias}' is reserved: it reads as a version. Choose a name such as 'champion'."
        )
    return alias


def check_registry_tag(key: str, value: Any) -> tuple[str, str]:
    """A tag of a model or a version: the key of any tag, and at most 100,000 characters, never cut."""
    check_key("tag", key)
    text = value if isinstance(value, str) else _as_text(key, value)
    _check_length("value", MAX_REGISTRY_TAG_VALUE_LENGTH, text)
    _check_utf8("value", text)
    return key, text


def check_description(text: str | None) -> str:
    """A description; None is none."""
    if text is None:
        return ""
    _check_text("description", text)
    _check_length("description", MAX_DESCRIPTION_LENGTH, text)
    _check_utf8("description", text)
    return text


def check_source(source: str) -> str:
    """A URI or path of a model's files: not blank, no control character, no `..`, also where it is percent-escaped."""
    _check_text("source", source)
    _check_length("source", MAX_SOURCE_LENGTH, source)
    _check_utf8("source", source)
    from urllib.parse import unquote

    forms = (source, unquote(source), unquote(unquote(source)))
    if not source.strip() or any(
        _CONTROL.search(form) or ".." in re.split(r"[/\\]", form) for form in forms
    ):
        raise InvalidInput(
            f"Invalid model version source: '{source[:300]}'. Expected the URI of a folder, such as "
            "'runs:/<run_id>/model', without '..' or control characters"
        )
    return source


def check_version(version: Any) -> int:
    """A version's number, from 1; its decimal digits are fine."""
    if isinstance(version, str) and version.isascii() and version.isdecimal() and len(version) < 19:
        version = int(version)
    if isinstance(version, bool) or not isinstance(version, int) or version < 1:
        raise InvalidInput(
            f"Parameter 'version' must be an integer from 1, got {str(version)[:100]!r}."
        )
    return version


def check_stages(stages: Iterable[str]) -> tuple[str, ...]:
    """A model's own list of stages; the first is where versions begin."""
    listed = tuple(stages) if not isinstance(stages, str) else ()
    for stage in listed:
        _check_text("stage", stage)
        if not _STAGE.fullmatch(stage) or len(stage) > MAX_STAGE_LENGTH or stage != stage.strip():
            raise InvalidInput(
                f"Invalid stage {stage[:100]!r}: expected a letter, then at most {MAX_STAGE_LENGTH - 1} letters, "
                "digits, spaces, '_' or '-'"
            )
        if stage.lower() == "latest" or _VERSION_ALIAS.fullmatch(stage):
            raise InvalidInput(f"Invalid stage {stage!r}: models:/name/{stage} reads as a version")
    if not 2 <= len(listed) <= MAX_STAGES or len({stage.lower() for stage in listed}) < len(listed):
        raise InvalidInput(
            f"Invalid stages {listed[:30]!r}: expected 2 to {MAX_STAGES} that differ by more than case"
        )
    return listed


def canonical_stage(stage: str, stages: Sequence[str]) -> str:
    """The spelling in `stages`, whatever the case of `stage`."""
    _check_text("stage", stage)
    for known in stages:
        if known.lower() == stage.lower():
            return known
    raise InvalidInput(
        f"Invalid Model Version stage: {stage[:100]}. Value must be one of {', '.join(stages)}."
    )


def check_comment(title: str, text: str | None) -> str:
    """A reason, comment or remark; None is none."""
    if text is None:
        return ""
    _check_text(title, text)
    _check_length(title, 10_000, text)
    _check_utf8(title, text)
    return text


def check_label(title: str, text: str) -> str:
    """A short name of the user's, such as a deployment's target: one line that is not blank."""
    _check_text(title, text)
    if not text.strip() or _CONTROL.search(text):
        raise InvalidInput(f"Invalid {title} {text[:100]!r}: expected one line that is not blank")
    _check_length(title, 500, text)
    _check_utf8(title, text)
    return text


def _as_text(key: str, value: Any) -> str:
    if value is None or isinstance(value, (bool, int, float)):
        return str(value)
    raise InvalidInput(
        f"tag {key!r} should be text or a number, but is a {type(value).__name__}: pass str(...) of it"
    )


def _check_text(argument: str, value: object) -> None:
    if value is None:
        raise InvalidInput(f"Missing value for required parameter '{argument}'.")
    if not isinstance(value, str):
        raise InvalidInput(
            f"Invalid value {str(value)[:100]!r} for parameter '{argument}' supplied: expected text."
        )


def _check_length(title: str, limit: int, value: str) -> None:
    if len(value) > limit:
        raise InvalidInput(
            f"'{title}' exceeds the maximum length of {limit} characters: it has {len(value)}."
        )


def _check_utf8(title: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"'{title}' can not be written as UTF-8: {value[:100]!r}") from None
