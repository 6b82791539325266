"""`stageline projects env`: the environments that projects have been given on this machine, and how they go."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.session import session

if TYPE_CHECKING:
    from stageline.projects.environments.shelf import BuiltEnvironment

app = typer.Typer(no_args_is_help=True, help="What projects need on this machine.")
_env = typer.Typer(no_args_is_help=True, help="The environments that projects run in.")
app.add_typer(_env, name="env")

_DAY_S = 86_400


@_env.command("list")
def list_(ctx: typer.Context) -> None:
    """The environments in the cache, the most recently used first."""
    from stageline.projects.environments.shelf import list_environments

    here = session(ctx)
    found = list_environments(_cache())
    document = {"environments": [_document(one) for one in found]}
    here.answer(document, lambda: _print(found) if found else print("there are no environments"))


@_env.command()
def prune(
    ctx: typer.Context,
    days: float = typer.Option(
        30.0, "--days", min=0.0, help="Those not used for so many days; 0 is all that nobody uses."
    ),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Remove environments that were not used for a while, and the clones of projects' code.

    What is in use stays; what is needed again is built again.
    """
    from stageline.cli.progress import working
    from stageline.cli.render import file_size
    from stageline.projects.environments.shelf import prune_environments

    here = session(ctx)
    here.confirm(f"Remove environments that were not used for {days:g} days?", yes=yes)
    with working("removing environments"):
        removed = prune_environments(_cache(), days * _DAY_S)
    here.say(
        {"removed": [_document(one) for one in removed]},
        f"removed {len(removed)} environments, {file_size(sum(one.size for one in removed))}",
    )


def _cache() -> Path:
    """Where projects keep what may be used again; no store is opened for that."""
    from stageline.settings import load_settings

    return load_settings().cache_folder / "projects"


def _document(one: BuiltEnvironment) -> dict[str, Any]:
    return {**one._asdict(), "folder": str(one.folder)}


def _print(found: list[BuiltEnvironment]) -> None:
    from stageline.cli.render import ago, file_size
    from stageline.cli.tables import Column, print_table
    from stageline.clock import SYSTEM_CLOCK

    now_ms = SYSTEM_CLOCK.now_ms()
    rows = [
        [
            one.key[:12],
            one.kind or "not finished",
            one.python,
            file_size(one.size),
            ago(one.used_ms, now_ms) if one.used_ms else "",
            "yes" if one.is_in_use else "",
        ]
        for one in found
    ]
    columns = [
        Column("key", shrinks=False),
        Column("kind"),
        Column("python"),
        Column("size", is_number=True),
        Column("used"),
        Column("in use"),
    ]
    print_table(columns, rows)
