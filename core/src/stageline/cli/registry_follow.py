"""`stageline registry follow`: transitions as they happen, for programs."""

from __future__ import annotations

import typer

from stageline.cli.registry_naming import document
from stageline.cli.session import session

_NOW = "now"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(follow)


def follow(
    ctx: typer.Context,
    since: str = typer.Option(
        "", metavar="CURSOR", help="Go on from there; `now` leaves out what has happened."
    ),
    once: bool = typer.Option(False, "--once", help="Tell what there is, and leave."),
    name: str = typer.Option("", "--name", metavar="NAME", help="Only this model's."),
    poll_s: float = typer.Option(
        2.0, "--poll", min=0.01, metavar="S", help="Seconds between two looks at the store."
    ),
) -> None:
    """Print each transition as one line of JSON, as it happens.

    Every line has the cursor to go on from: `--since` with it tells what came after the line, and perhaps a few lines
    once more; the same transition has the same key.
    """
    here = session(ctx)
    desk = here.workspace.registry
    cursor = desk.cursor() if since == _NOW else since
    try:
        while True:
            found = desk.follow(cursor or None, name=name or None)
            for event in found.events:
                # Only the last one's cursor is past all of them.
                past = found.cursor if event is found.events[-1] else cursor
                here.line({"key": event.key, **document(event), "cursor": past})
            cursor = found.cursor
            if once:
                return
            here.workspace.clock.sleep(poll_s)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
