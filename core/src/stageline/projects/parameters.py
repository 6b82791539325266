"""Binding: which value each parameter of an entry point has, by what was given and by its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, unquote, urlsplit

from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.projects.entry_point import EntryPoint, Parameter

FetchPath = Callable[[str, str], Path]
"""From a URL and a name that is free in the run's folder to where its files now are."""


@dataclass(frozen=True)
class Binding:
    """The values of one call of an entry point, as texts, exactly as they were given or written in the project."""

    declared: Mapping[str, str]
    extra: Mapping[str, str]
    """Given, but not declared: they follow the command as `--key value`."""
    defaulted: frozenset[str]
    """Names in `declared` whose value is the project's own."""

    @property
    def params(self) -> dict[str, str]:
        """All of them, as a run records them."""
        return {**self.declared, **self.extra}


def bind(entry: EntryPoint, given: Mapping[str, object]) -> Binding:
    """The values of `entry`'s parameters. Looks at no file.

    Raises:
        InvalidInput: values are missing, or one is not of its type.
    """
    texts = {str(name): str(value) for name, value in given.items()}
    missing = [p.name for p in entry.parameters if p.name not in texts and p.default is None]
    if missing:
        names = ", ".join(map(repr, missing))
        raise InvalidInput(
            f"No value given for missing parameters: {names}. The entry point {entry.name!r} takes each as "
            f"`-P {missing[0]}=...`"
        )
    declared = {p.name: texts.get(p.name, p.default or "") for p in entry.parameters}
    for parameter in entry.parameters:
        _check(parameter, declared[parameter.name])
    return Binding(
        declared,
        {name: text for name, text in texts.items() if name not in declared},
        frozenset(declared) - frozenset(texts),
    )


def arguments(
    entry: EntryPoint, binding: Binding, *, folder: Path, fetch: FetchPath
) -> dict[str, str]:
    """What the command is given: the bound values, where each of type `path` is an absolute path that exists.

    Args:
        entry: The entry point.
        binding: Its values.
        folder: The project's: a default path is looked for there first, and then, as any other, in the current one.
        fetch: Brings what lies at a URL onto this disk, as `param_<n>` of the run's folder.

    Raises:
        NotFound: nothing is there.
    """
    values = dict(binding.declared)
    for index, parameter in enumerate(entry.parameters):
        if parameter.type != "path":
            continue
        value = values[parameter.name]
        local = local_path(value)
        if local is None:
            values[parameter.name] = str(fetch(value, f"param_{index}").absolute())
        else:
            is_own = parameter.name in binding.defaulted
            values[parameter.name] = _existing(parameter, local, folder if is_own else None)
    return values


def local_path(text: str) -> str | None:
    """The path that `text` is, or that its `file:` URL names; None if it is a URL of another kind.

    >>> local_path("data/a.csv"), local_path("file:///data/a%20b.csv"), local_path("s3://bucket/a.csv")
    ('data/a.csv', '/data/a b.csv', None)
    """
    parts = _split(text)
    if parts is None or not parts.scheme:
        return text
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return unquote(parts.path)
    return None


def _check(parameter: Parameter, value: str) -> None:
    if parameter.type == "float":
        try:
            float(value)
        except ValueError:
            raise InvalidInput(
                f"the parameter {parameter.name!r} is a float, such as 0.5 or 1e-3, not {value!r}"
            ) from None
    elif parameter.type == "uri":
        parts = _split(value)
        if parts is None or not parts.scheme:
            raise InvalidInput(
                f"the parameter {parameter.name!r} is a URI, such as s3://bucket/data or file:///data, not {value!r}"
            )


def _existing(parameter: Parameter, path: str, folder: Path | None) -> str:
    places = [Path.cwd(), *([folder.absolute()] if folder is not None else [])]
    for place in reversed(places):
        if (place / path).exists():
            return str(place / path)
    where = " or ".join(str(place) for place in reversed(places))
    raise InvalidInput(
        f"the parameter {parameter.name!r} is a path, but there is no {path!r} in {where}"
    )


def _split(text: str) -> SplitResult | None:
    try:
        return urlsplit(text)
    except ValueError:  # such as an unfinished [ in a host
        return None
