"""From a project's files to the environment that it asks for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stageline.errors import Corrupt, InvalidInput, NotFound
from stageline.models.safe_yaml import MAX_BYTES, read_yaml
from stageline.projects.environments.conda_file import read_conda
from stageline.projects.environments.spec import (
    DockerEnvironment,
    EnvironmentSpec,
    NoEnvironment,
    PythonEnvironment,
)

_KEYS = ("python_env", "conda_env", "docker_env")
_PYTHON_ENV, _CONDA = "python_env.yaml", "conda.yaml"


def read_environment(folder: Path, document: Mapping[str, object]) -> EnvironmentSpec:
    """What `document`, an MLproject file, asks for; without an answer, what lies in the project's folder.

    Raises:
        InvalidInput: more than one kind is named, or the file is not in its format.
        NotFound: a file that is named is not there.
    """
    named = [key for key in _KEYS if document.get(key) is not None]
    if len(named) > 1:
        raise InvalidInput(
            f"the MLproject file names more than one environment: {', '.join(named)}; keep one of them"
        )
    if not named:
        return _found(folder)
    value = document[named[0]]
    if named[0] == "docker_env":
        return _docker(value)
    if not isinstance(value, str) or not value:
        raise InvalidInput(
            f"{named[0]} in the MLproject file should be the name of a file, but is {value!r}"
        )
    file = folder / value
    if not os.path.isfile(file):  # unlike Path's, for any text
        raise NotFound(
            f"the MLproject file names {value!r} as its {named[0]}, but there is no such file in {folder}"
        )
    return _python(file) if named[0] == "python_env" else _conda(file)


def _found(folder: Path) -> EnvironmentSpec:
    if (folder / _PYTHON_ENV).is_file():
        return _python(folder / _PYTHON_ENV)
    if (folder / _CONDA).is_file():
        return _conda(folder / _CONDA)
    return NoEnvironment()


def _python(file: Path) -> PythonEnvironment:
    document = _read(file)
    python = document.get("python")
    if python is not None and not isinstance(python, str):
        raise InvalidInput(
            f'python in {file} should be text, but is {python!r}: write python: "{python}", '
            "or YAML takes 3.10 for 3.1"
        )
    return PythonEnvironment(
        file,
        python,
        _texts(document.get("build_dependencies"), f"build_dependencies in {file}"),
        _texts(document.get("dependencies"), f"dependencies in {file}"),
    )


def _conda(file: Path) -> EnvironmentSpec:
    return read_conda(file, _read(file))


def _docker(value: object) -> DockerEnvironment:
    if not isinstance(value, Mapping) or not isinstance(value.get("image"), str):
        raise InvalidInput(
            "docker_env in the MLproject file should have an image, such as {image: python:3.12-slim}; "
            f"it is {value!r}"
        )
    image = value["image"].strip()
    if not image or image.startswith("-") or any(c.isspace() for c in image):
        raise InvalidInput(f"{value['image']!r} in docker_env is no name of an image")
    copied: list[str] = []
    given: list[tuple[str, str]] = []
    for one in _list(value.get("environment"), "environment in docker_env"):
        pair = [*one] if isinstance(one, list) else [one]
        if not all(isinstance(part, str) for part in pair) or len(pair) not in (1, 2):
            raise InvalidInput(
                f"environment in docker_env takes NAME, or [NAME, VALUE] with both as text; it has {one!r}"
            )
        if not pair[0] or "=" in pair[0] or pair[0].startswith("-"):
            raise InvalidInput(f"environment in docker_env has {pair[0]!r}, which is no name")
        if len(pair) == 1:
            copied.append(pair[0])
        else:
            given.append((pair[0], pair[1]))
    volumes = _texts(value.get("volumes"), "volumes in docker_env")
    return DockerEnvironment(image, volumes, tuple(copied), tuple(given))


def _texts(value: object, what: str) -> tuple[str, ...]:
    found = _list(value, what)
    wrong = [one for one in found if not isinstance(one, str)]
    if wrong:
        raise InvalidInput(f"{what} should be a list of texts, but holds {wrong[0]!r}")
    return tuple(one.strip() for one in found if one.strip())


def _list(value: object, what: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidInput(f"{what} should be a list, but is {value!r}")
    return value


def _read(file: Path) -> dict[str, Any]:
    with file.open("rb") as opened:
        data = opened.read(MAX_BYTES + 1)
    if not data.strip():
        return {}
    try:
        return read_yaml(data, str(file))
    except Corrupt as error:
        raise InvalidInput(f"{error}. Mend the file") from error
