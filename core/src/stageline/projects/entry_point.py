"""What a project can run: an entry point and its parameters."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """One parameter of an entry point."""

    name: str
    type: str = "string"
    """`string`, `float`, `path` or `uri`; any other word is taken as `string`, as by MLflow."""
    default: str | None = None
    """None: a value must be given."""


@dataclass(frozen=True)
class EntryPoint:
    """Something that a project can run."""

    name: str
    command: str
    """For bash, with `{name}` where a parameter goes."""
    parameters: tuple[Parameter, ...] = ()
