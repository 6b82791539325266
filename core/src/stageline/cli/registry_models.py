"""`stageline registry create`, `rename`, `describe`, `tag`, `untag`, `annotate` and `delete`: what changes models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from stageline.cli.pairs import parse_pairs
from stageline.cli.registry_naming import (
    ACTOR,
    NAME,
    TARGET,
    VERSION,
    document,
    find_model,
    find_version,
    is_version,
    label,
    registry,
)
from stageline.cli.session import Session, session

if TYPE_CHECKING:
    from stageline.domain.model import ModelVersion, RegisteredModel

_YES = typer.Option(False, "--yes", "-y", help="Do not ask.")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (create, rename, describe, tag, untag, annotate, delete):
        app.command()(command)


def create(
    ctx: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="A name that no other model has."),
    tags: list[str] = typer.Option(
        [], "--tag", metavar="KEY=VALUE", help="A tag; may be repeated."
    ),
    description: str = typer.Option("", help="What it is, for people."),
    stages: list[str] = typer.Option(
        [], "--stage", metavar="STAGE", help="Its stages, the first one first; may be repeated."
    ),
    archive_stage: str = typer.Option(
        "", metavar="STAGE", help="Where versions go that are replaced; Archived if there is one."
    ),
    actor: str = ACTOR,
) -> None:
    """Create a registered model, with no versions."""
    here = session(ctx)
    made = registry(here, actor).create_registered_model(
        name,
        parse_pairs(tags),
        description,
        stages=stages or None,
        archive_stage=archive_stage or None,
    )
    here.say(document(made), f"created model {made.name!r}: {', '.join(made.stages)}")


def rename(
    ctx: typer.Context,
    name: str = NAME,
    new_name: str = typer.Argument(metavar="NEW_NAME", help="Its new name."),
    actor: str = ACTOR,
) -> None:
    """Give a model another name; its history goes with it, and the old name is free."""
    here = session(ctx)
    found = find_model(here, name)
    renamed = registry(here, actor).rename(found.name, new_name)
    here.say(document(renamed), f"renamed model {found.name!r} to {renamed.name!r}")


def describe(
    ctx: typer.Context,
    target: str = TARGET,
    text: str = typer.Argument(metavar="TEXT", help="What it is, for people; '' for nothing."),
    actor: str = ACTOR,
) -> None:
    """Describe a model or a version."""
    here = session(ctx)
    desk = registry(here, actor)
    if is_version(target):
        found = find_version(here, target)
        _say_version(
            here, desk.set_version_description(found.name, found.version, text), "described"
        )
    else:
        _say_model(here, desk.set_description(find_model(here, target).name, text), "described")


def tag(
    ctx: typer.Context,
    target: str = TARGET,
    pairs: list[str] = typer.Argument(metavar="KEY=VALUE...", help="Tags to set."),
    actor: str = ACTOR,
) -> None:
    """Set tags of a model or a version."""
    here = session(ctx)
    desk, given = registry(here, actor), parse_pairs(pairs)
    if is_version(target):
        found = find_version(here, target)
        for key, value in given.items():
            desk.set_version_tag(found.name, found.version, key, value)
        _say_version(here, desk.get_version(found.name, found.version), "tagged")
    else:
        model = find_model(here, target)
        for key, value in given.items():
            desk.set_tag(model.name, key, value)
        _say_model(here, desk.get(model.name), "tagged")


def untag(
    ctx: typer.Context,
    target: str = TARGET,
    keys: list[str] = typer.Argument(metavar="KEY...", help="Tags to remove."),
    actor: str = ACTOR,
) -> None:
    """Remove tags of a model or a version; one that is not there is fine."""
    here = session(ctx)
    desk = registry(here, actor)
    if is_version(target):
        found = find_version(here, target)
        for key in keys:
            desk.delete_version_tag(found.name, found.version, key)
        _say_version(here, desk.get_version(found.name, found.version), "untagged")
    else:
        model = find_model(here, target)
        for key in keys:
            desk.delete_tag(model.name, key)
        _say_model(here, desk.get(model.name), "untagged")


def annotate(
    ctx: typer.Context,
    uri: str = VERSION,
    text: str = typer.Argument(metavar="TEXT", help="The remark; it can not be changed later."),
    actor: str = ACTOR,
) -> None:
    """Add a remark to a version, also to one in a protected stage."""
    here = session(ctx)
    found = find_version(here, uri)
    _say_version(here, registry(here, actor).annotate(found.name, found.version, text), "annotated")


def delete(ctx: typer.Context, target: str = TARGET, yes: bool = _YES, actor: str = ACTOR) -> None:
    """Delete a model with its versions, or one version. The history stays, and numbers are not used again."""
    here = session(ctx)
    if is_version(target):
        found = find_version(here, target)
        here.confirm(f"Delete {label(found)}, which is in {found.current_stage}?", yes=yes)
        registry(here, actor).delete_version(found.name, found.version)
        answer = {"deleted": f"models:/{found.name}/{found.version}"}
        here.say(answer, f"deleted {label(found)}")
        return
    model = find_model(here, target)
    count = len(here.workspace.registry.versions(model.name))
    here.confirm(f"Delete model {model.name!r} with its {count} versions?", yes=yes)
    registry(here, actor).delete(model.name)
    here.say({"deleted": model.name}, f"deleted model {model.name!r} with its {count} versions")


def _say_model(here: Session, model: RegisteredModel, done: str) -> None:
    here.say(document(model), f"{done} model {model.name!r}")


def _say_version(here: Session, version: ModelVersion, done: str) -> None:
    here.say(document(version), f"{done} {label(version)}")
