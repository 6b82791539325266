"""A step of a project: an entry point with what it reads and what it makes, as the MLproject file lists it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from stageline.domain.artifact_paths import check_artifact_path
from stageline.errors import InvalidInput
from stageline.projects.output import ARTIFACT_FOLDER
from stageline.projects.parameters import local_path

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step. Paths are relative to the project, with `/` between their parts."""

    name: str
    entry_point: str
    """A name of the MLproject file, or a script."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Values that the file gives; whoever runs the step may give others."""
    inputs: tuple[str, ...] = ()
    """Files and folders of the project, or that other steps make, and URLs of datasets."""
    outputs: tuple[str, ...] = ()
    """Files and folders that it makes."""
    needs: tuple[str, ...] = ()
    """The steps that come before it: those that are named, and those that make its inputs."""
    code: tuple[str, ...] | None = None
    """The files and folders of code that it may read; None is all of them."""


def read_step(document: Mapping[str, Any], where: str) -> Step:
    """One item of the list `steps`. Raises `InvalidInput`; `where` names the file."""
    known = [one.name for one in fields(Step)]
    for key in document:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known)}"
            raise InvalidInput(f"{where}: a step has no {key!r}: {hint}")
    name = document.get("name", document.get("entry_point"))
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise InvalidInput(
            f"{where}: a step has a name of letters, digits, '_' and '-', such as "
            f"{{name: load, entry_point: load.py}}, not {name!r}"
        )
    where = f"{where}, step {name!r}"
    entry_point = document.get("entry_point", name)
    if not isinstance(entry_point, str):
        raise InvalidInput(f"{where}: its entry_point should be a name, not {entry_point!r}")
    given = document.get("parameters") or {}
    if not isinstance(given, Mapping):
        raise InvalidInput(
            f"{where}: its parameters should be values by name, such as {{alpha: 0.5}}"
        )
    return Step(
        name=name,
        entry_point=entry_point,
        parameters={str(key): str(value) for key, value in given.items()},
        inputs=tuple(_input(one, where) for one in _texts(document, "inputs", where)),
        outputs=tuple(_output(one, where) for one in _texts(document, "outputs", where)),
        needs=_texts(document, "needs", where),
        code=tuple(_path(one, where) for one in _texts(document, "code", where))
        if document.get("code") is not None
        else None,
    )


def is_url(name: str) -> bool:
    """Whether an input lies elsewhere.

    >>> is_url("data/a.csv"), is_url("s3://bucket/a.csv"), is_url("file:///data/a.csv")
    (False, True, True)
    """
    return local_path(name) != name


def is_own_path(value: str) -> bool:
    """Whether the value of a parameter names something in the project.

    >>> is_own_path("data/a.csv"), is_own_path("/data/a.csv"), is_own_path("../a.csv")
    (True, False, False)
    """
    return not is_url(value) and not value.startswith("/") and ".." not in value.split("/")


def overlap(one: str, other: str) -> bool:
    """Whether two paths are the same, or one of them lies in the other.

    >>> overlap("data", "data/a.csv"), overlap("data", "database")
    (True, False)
    """
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def is_under(path: str, folder: str) -> bool:
    """Whether `path` is `folder`, or lies in it."""
    return path == folder or path.startswith(f"{folder}/")


def _input(text: str, where: str) -> str:
    return text if is_url(text) else _path(text, where)


def _output(text: str, where: str) -> str:
    if is_url(text):
        raise InvalidInput(f"{where}: outputs are files and folders of the project, not {text!r}")
    path = _path(text, where)
    if is_under(path, ARTIFACT_FOLDER):
        raise InvalidInput(
            f"{where}: {ARTIFACT_FOLDER}/ among a run's files is where its printed output goes: name another output"
        )
    return path


def _path(text: str, where: str) -> str:
    plain = text.removeprefix("./").rstrip("/")
    try:
        return check_artifact_path(plain)
    except InvalidInput as error:
        raise InvalidInput(
            f"{where}: {text!r} is no path in the project, such as data/clean.csv"
        ) from error


def _texts(document: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = document.get(key)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise InvalidInput(f"{where}: its {key} should be a list of texts, not {value!r}")
    return tuple(dict.fromkeys(value))
