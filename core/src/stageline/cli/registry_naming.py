"""How the commands of the registry call a model, a version, a stage and an actor, and the JSON forms of them."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.session import Session
from stageline.errors import NotFound

if TYPE_CHECKING:
    from stageline.domain.model import ModelVersion, RegisteredModel
    from stageline.registry.registry import Registry

NAME = typer.Argument(metavar="NAME", help="A registered model, by its name.")
VERSION = typer.Argument(
    metavar="VERSION",
    help="models:/<name>/<version, stage or latest>, or models:/<name>@<alias>.",
)
TARGET = typer.Argument(
    metavar="NAME|VERSION", help="A registered model by its name, or a version as models:/..."
)
STAGE = typer.Argument(metavar="STAGE", help="One of the model's stages, in any case.")
ACTOR = typer.Option(
    "",
    "--as",
    metavar="ACTOR",
    help="In whose name; default: the setting `user`, or the login name.",
)
COMMENT = typer.Option("", "--comment", "-m", metavar="TEXT", help="Why, for the history.")
ARCHIVE = typer.Option(
    False, "--archive-existing", help="Archive what holds the stage, in the same instant."
)


def registry(here: Session, actor: str = "") -> Registry:
    """The registry of this line's store, in the name of `actor` if one was given."""
    return here.workspace.registry.acting(actor or None)


def find_model(here: Session, name: str) -> RegisteredModel:
    """The model with that name. Raises `NotFound`, with the nearest names."""
    from difflib import get_close_matches

    try:
        return here.workspace.registry.get(name)
    except NotFound as error:
        names = [model.name for model in here.workspace.registry.list()]
        near = get_close_matches(name, names, n=3)
        hint = f" (did you mean {' or '.join(map(repr, near))}?)" if near else ""
        raise NotFound(
            f"{error}{hint}. `stageline registry list` shows what is in {here.workspace.store.url}"
        ) from error


def find_version(here: Session, uri: str) -> ModelVersion:
    """The version that a `models:/` URI names now. Raises `InvalidInput`; `NotFound`, with the nearest models."""
    try:
        return here.workspace.registry.get_by_uri(uri)
    except NotFound:
        if is_version(uri):
            find_model(here, re.split("[/@]", uri.removeprefix("models:").lstrip("/"))[0])
        raise


def is_version(target: str) -> bool:
    """Whether a version is meant: no model's name has a colon."""
    return target.startswith("models:")


def label(version: ModelVersion) -> str:
    """How a version is called in an answer."""
    return f"version {version.version} of {version.name!r}"


def document(value: Any) -> Any:
    """A value of the registry with all its fields, also those that stored documents leave out when they are empty."""
    import msgspec

    if isinstance(value, msgspec.Struct):
        return {name: document(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {key: document(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [document(item) for item in value]
    return value
