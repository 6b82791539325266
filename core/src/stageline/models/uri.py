"""Where a model is: the URIs of the field, told apart. Finding what they name is elsewhere."""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from stageline.domain.artifact_paths import check_artifact_path
from stageline.domain.names import check_run_id
from stageline.errors import InvalidInput

_MODEL_ID = re.compile(r"m-[0-9a-f]{32}")


class RunModel(NamedTuple):
    """`runs:/<run_id>/<path>`: a folder among a run's artifacts."""

    run_id: str
    path: str

    def __str__(self) -> str:
        return f"runs:/{self.run_id}/{self.path}"


class RegisteredVersion(NamedTuple):
    """`models:/<name>/<version, stage or latest>` or `models:/<name>@<alias>`."""

    name: str
    selector: str
    """A number, a stage, or `latest`; an alias with its `@`."""

    def __str__(self) -> str:
        return f"models:/{self.name}{'' if self.selector.startswith('@') else '/'}{self.selector}"


class LoggedModelId(NamedTuple):
    """`models:/m-<32 hex digits>`: a logged model, before or beside any name that a registry gives it."""

    model_id: str

    def __str__(self) -> str:
        return f"models:/{self.model_id}"


class Place(NamedTuple):
    """A folder: a path on this disk, or any URL that fsspec knows."""

    url: str

    def __str__(self) -> str:
        return self.url


class LoggedSource(Protocol):
    """What is known of logged models."""

    def resolve(self, model_id: str) -> tuple[str, str] | str:
        """Where a model's files are: a run's id and the path among its artifacts, or a URL. Raises `NotFound`."""
        ...


class VersionSource(Protocol):
    """What a registry tells of its versions."""

    def resolve(self, uri: str) -> tuple[str, str] | str:
        """Where the files of `models:/...` are: a run's id and the path among its artifacts, or a path or URL.

        Raises:
            NotFound: there is no such model, version, stage or alias.
        """
        ...


def parse_model_uri(uri: str) -> RunModel | RegisteredVersion | LoggedModelId | Place:
    """Tell a model's URI apart.

    >>> parse_model_uri("models:/wine@champion")
    RegisteredVersion(name='wine', selector='@champion')
    >>> parse_model_uri("models:/m-00000000000000000000000000000001")
    LoggedModelId(model_id='m-00000000000000000000000000000001')

    Raises:
        InvalidInput: it begins like one kind and is not well-formed.
    """
    if uri.startswith("runs:"):
        return _run_model(uri)
    if uri.startswith("models:"):
        return _registered(uri)
    if not uri:
        raise InvalidInput(
            "a model needs a path, a URL, `runs:/<run_id>/<path>` or `models:/<name>/<version>`"
        )
    return Place(uri)


def _run_model(uri: str) -> RunModel:
    run_id, _, path = uri.removeprefix("runs:").lstrip("/").partition("/")
    if not path:
        raise InvalidInput(
            f"{uri!r} names no model of the run: expected `runs:/<run_id>/<path>`, such as runs:/abc/model"
        )
    return RunModel(check_run_id(run_id), check_artifact_path(path.rstrip("/")))


def _registered(uri: str) -> RegisteredVersion | LoggedModelId:
    rest = uri.removeprefix("models:").lstrip("/")
    name, at, alias = rest.partition("@")
    if at and alias and name and "/" not in rest:
        return RegisteredVersion(name, f"@{alias}")
    name, slash, selector = rest.partition("/")
    if _MODEL_ID.fullmatch(rest):
        return LoggedModelId(rest)
    if at or not name or not slash or not selector or "/" in selector:
        raise InvalidInput(
            f"{uri!r} is no model: expected models:/<name>/<version>, models:/<name>/<stage>, models:/<name>/latest or "
            "models:/<name>@<alias>"
        )
    return RegisteredVersion(name, selector)
