"""`stageline server tokens`: who may come in, and what they may do."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import typer

from stageline.cli.session import session

if TYPE_CHECKING:
    from stageline.cli.session import Session
    from stageline.server.auth.token_store import Kept, Tokens

app = typer.Typer(
    no_args_is_help=True, help="Tokens: who may come in to a server of this store, and to do what."
)

_RIGHT = typer.Option(
    ["read"],
    "--right",
    "-r",
    help="read, write (log, register), promote (stages, aliases) or admin; may be given again.",
)
_EXPERIMENT = typer.Option(
    ["*"], "--experiment", metavar="PATTERN", help="Names, with * and ?; may be given again."
)
_MODEL = typer.Option(["*"], "--model", metavar="PATTERN", help="The same, of registered models.")


@app.command()
def create(
    ctx: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="Whose it is; the registry's history says so."),
    right: list[str] = _RIGHT,
    experiment: list[str] = _EXPERIMENT,
    model: list[str] = _MODEL,
    days: float = typer.Option(90.0, min=0.0, help="Days until it expires; 0: never."),
) -> None:
    """Make a token. It is shown this once: the store keeps a digest of it."""
    here = session(ctx)
    token, text = _tokens(here).create(
        name, right, experiments=experiment, models=model, days=days or None, by=_who(here)
    )

    def show() -> None:
        print(text)
        until = "never expires" if token.expires is None else f"expires {_date(token.expires)}"
        typer.echo(
            f"token {token.token_id} of {token.name} {until}; it is not shown again", err=True
        )

    here.answer({**token.document(), "token": text}, show)


@app.command("list")
def list_tokens(ctx: typer.Context) -> None:
    """List tokens, the oldest first."""
    from stageline.cli.tables import Column, print_table

    here = session(ctx)
    found = _tokens(here).list()
    now = here.workspace.clock.now_ms()
    documents = [{**one.token.document(), "status": _status(one, now)} for one in found]

    def show() -> None:
        if not found:
            print(f"no tokens in {here.workspace.store.url}")
            return
        rows = [
            [
                one.token.token_id,
                one.token.name,
                _status(one, now),
                ", ".join(one.token.rights),
                ", ".join(one.token.experiments),
                ", ".join(one.token.models),
                "never" if one.token.expires is None else _date(one.token.expires),
            ]
            for one in found
        ]
        titles = ("id", "name", "status", "rights", "experiments", "models", "expires")
        print_table(
            [Column(title, shrinks=title not in ("id", "status")) for title in titles], rows
        )

    here.answer({"tokens": documents}, show)


@app.command()
def revoke(
    ctx: typer.Context,
    token_id: str = typer.Argument(metavar="ID", help="As `list` shows it."),
) -> None:
    """Make a token worth nothing, within seconds on every server of the store."""
    here = session(ctx)
    gone = _tokens(here).revoke(token_id, by=_who(here))
    here.say(
        {**gone.token.document(), "status": "revoked"},
        f"token {token_id} of {gone.token.name} is revoked",
    )


def _tokens(here: Session) -> Tokens:
    from stageline.server.auth.token_store import Tokens

    return Tokens(here.workspace.store, here.workspace.clock)


def _who(here: Session) -> str:
    from stageline.tracking.first_record import login_name

    return here.workspace.settings.user or login_name()


def _status(one: Kept, now_ms: int) -> str:
    if one.revoked is not None:
        return "revoked"
    return "expired" if one.token.expires and one.token.expires <= now_ms else "active"


def _date(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
