"""What a tracked task records, as its decorator says: `Tracking`."""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

from stageline.errors import InvalidInput

Card = bool | Literal["auto"]
OnError = Literal["warn", "raise"]
Nest = Literal["auto", "new", "join"]

# A plain dataclass: pydantic would cost a pipeline's parser more than all the rest of this package.


@dataclass(frozen=True, kw_only=True)
class Tracking:
    """What a tracked task records, and how.

    >>> Tracking(experiment="churn", params=["alpha"]).params
    ('alpha',)
    >>> Tracking(on_error="ignore")
    Traceback (most recent call last):
    stageline.errors.InvalidInput: Tracking(on_error='ignore'): should be one of 'warn', 'raise'

    Raises:
        InvalidInput: an option has a value that it can not have.
    """

    experiment: str | None = None
    """Experiment of the run; default: that of the pipeline run, or what the process has chosen."""
    store: str | Callable[[], Any] | None = None
    """Where to record: a store's URL, what the orchestrator's own place for credentials calls it, or a function that
    opens a workspace; default: that of the pipeline run, or what the process has chosen."""
    run_name: str | None = None
    """Name of the run, in which `{task}`, `{pipeline}`, `{index}` and params are filled in."""
    params: bool | Iterable[str] = True
    """Which arguments to record: all, none, or those named."""
    metrics: Literal["return"] | None = "return"
    """`return`: the numbers in the mapping that the task returns."""
    artifacts: Literal["return"] | None = "return"
    """`return`: the files and folders whose paths (`pathlib.Path`) the task returns."""
    max_artifact_bytes: int | None = None
    """A returned file that is larger, or a folder whose files are together, is not stored; a warning says so."""
    autolog: bool | Mapping[str, Any] = False
    """Whether to record each scikit-learn `fit` of the task, without or with options of `stageline.autolog`."""
    redact: Iterable[str] = ()
    """More names of secrets: regular expressions that are looked for in the names of arguments and keys."""
    max_param_chars: int = 500
    """A longer param is cut."""
    on_error: OnError = "warn"
    """When tracking itself fails: `warn` once and let the task work on, or `raise`."""
    nest: Nest = "auto"
    """`auto`: a run of its own under the pipeline run; `new`: one under nothing; `join`: record into the pipeline's."""
    capture_output: bool = False
    """Whether to keep what the process prints meanwhile."""
    tags: Mapping[str, Any] = field(default_factory=dict)
    """Tags of the run."""
    card: Card = "auto"
    """Whether the orchestrator's pages show the run: `True`, `False`, or `auto` for the pipeline's run, and for the
    first few runs of each of its tasks that have something to show."""
    assets: bool = False
    """Whether to tell the orchestrator of the data and the model versions that the run read and made, as its assets."""

    def __post_init__(self) -> None:
        for name in ("params", "redact"):
            given = getattr(self, name)
            if not isinstance(given, bool):
                object.__setattr__(self, name, _names(name, given))
        self._choose("metrics", ("return", None))
        self._choose("artifacts", ("return", None))
        self._choose("on_error", get_args(OnError))
        self._choose("nest", get_args(Nest))
        self._choose("card", (True, False, "auto"))
        if self.max_param_chars < 1:
            raise InvalidInput(
                f"Tracking(max_param_chars={self.max_param_chars}): should be at least 1"
            )
        if self.max_artifact_bytes is not None and self.max_artifact_bytes < 0:
            raise InvalidInput(
                f"Tracking(max_artifact_bytes={self.max_artifact_bytes}): should be 0 or more"
            )
        for pattern in self.redact:
            _check_pattern(pattern)
        if self.run_name is not None:
            _check_template(self.run_name)
        object.__setattr__(self, "tags", dict(self.tags))

    def _choose(self, name: str, allowed: tuple[object, ...]) -> None:
        found = getattr(self, name)
        if found not in allowed:
            choices = ", ".join(map(repr, allowed))
            raise InvalidInput(f"Tracking({name}={found!r}): should be one of {choices}")

    def within(self, outer: Tracking) -> Tracking:
        """This, with what it leaves open taken from the tracking of the pipeline."""
        taken = {
            name: getattr(outer, name)
            for name in ("experiment", "store")
            if getattr(self, name) is None and getattr(outer, name) is not None
        }
        return replace(self, **taken) if taken else self

    def records_param(self, name: str) -> bool:
        """Whether an argument of that name is recorded."""
        return self.params if isinstance(self.params, bool) else name in self.params


def _names(option: str, given: Iterable[str]) -> tuple[str, ...]:
    if isinstance(given, str):
        raise InvalidInput(
            f"Tracking({option}={given!r}): should be a list of names, such as [{given!r}]"
        )
    return tuple(given)


def _check_pattern(pattern: str) -> None:
    try:
        re.compile(pattern)
    except re.error as error:
        raise InvalidInput(
            f"Tracking(redact={pattern!r}): is no regular expression: {error}"
        ) from error


def _check_template(template: str) -> None:
    try:
        fields = [name for _, name, _, _ in string.Formatter().parse(template) if name is not None]
    except ValueError as error:
        raise InvalidInput(f"Tracking(run_name={template!r}): {error}") from error
    for name in fields:
        # `{alpha.__class__}` would reach into whatever is passed to the task.
        if not name.isidentifier():
            raise InvalidInput(
                f"Tracking(run_name={template!r}): {{{name}}} should be a plain name"
            )
