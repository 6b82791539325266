"""`stageline registry alias`: movable names of versions."""

from __future__ import annotations

import typer

from stageline.cli.registry_naming import ACTOR, NAME, VERSION, find_model, find_version, registry
from stageline.cli.session import session

app = typer.Typer(no_args_is_help=True, help="Movable names of versions: models:/<name>@<alias>.")

_ALIAS = typer.Argument(metavar="ALIAS", help="Letters, digits, _ and -, such as champion.")


@app.command("set")
def set_alias(
    ctx: typer.Context, uri: str = VERSION, alias: str = _ALIAS, actor: str = ACTOR
) -> None:
    """Point an alias at a version, wherever it pointed before."""
    here = session(ctx)
    found = find_version(here, uri)
    alias = alias.removeprefix("@")
    registry(here, actor).set_alias(found.name, alias, found.version)
    answer = {"name": found.name, "alias": alias, "version": found.version}
    here.say(answer, f"@{alias} of {found.name!r} is version {found.version}")


@app.command()
def delete(ctx: typer.Context, name: str = NAME, alias: str = _ALIAS, actor: str = ACTOR) -> None:
    """Remove an alias; one that is not there is fine."""
    here = session(ctx)
    model = find_model(here, name)
    alias = alias.removeprefix("@")
    registry(here, actor).delete_alias(model.name, alias)
    answer = {"name": model.name, "alias": alias, "version": None}
    here.say(answer, f"@{alias} of {model.name!r} is no alias")
