"""`stageline registry webhooks run`, `history` and `replay`: what webhooks are told, and were told."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.session import Session, session
from stageline.domain.webhook_progress import Outcome
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.domain.webhook_progress import Attempt
    from stageline.registry.delivery import Report

NAME = typer.Argument(metavar="NAME", help="A webhook, by name or id.")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (run, history, replay):
        app.command()(command)


def run(
    ctx: typer.Context,
    once: bool = typer.Option(False, "--once", help="Tell what is due now, and leave: for cron."),
    poll: float = typer.Option(5.0, min=0.1, metavar="SECONDS", help="Between two looks."),
    since: str | None = typer.Option(
        None, metavar="CURSOR", help="With --once: do not tell what lies before this cursor."
    ),
) -> None:
    """Tell webhooks what happens, until stopped. Any number may run, on any hosts: they take turns."""
    here = session(ctx)
    webhooks = here.workspace.webhooks
    if once:
        _say_report(here, webhooks.deliver(since))
        return
    if since is not None:
        raise InvalidInput("--since goes with --once: the next `run` goes on from there")
    with _stopped_by_signals() as stop:
        webhooks.run(stop, poll_s=poll, told=lambda report: _say_news(here, report))


def history(
    ctx: typer.Context,
    name: str = NAME,
    limit: int = typer.Option(20, min=1, max=5000, help="The last so many."),
    outcome: Outcome | None = typer.Option(None, help="Only attempts that ended so."),
) -> None:
    """List the attempts to tell a webhook, the newest first."""
    from stageline.cli.tables import Column, print_table

    here = session(ctx)
    found = here.workspace.webhooks.history(name, limit=limit, outcome=outcome)

    def show_table() -> None:
        if found:
            titles = ("when", "event", "model", "try", "outcome", "status", "ms", "delivery id")
            columns = [*(Column(title, shrinks=False) for title in titles), Column("error")]
            print_table(columns, [_row(one) for one in found])
        else:
            print("nothing was sent yet")

    here.answer({"attempts": [attempt_document(one) for one in found]}, show_table)


def replay(
    ctx: typer.Context,
    name: str = NAME,
    delivery_id: str = typer.Argument(metavar="DELIVERY_ID", help="From `webhooks history`."),
) -> None:
    """Send a delivery again, with its id; exit code 1 unless it is taken."""
    here = session(ctx)
    attempt = here.workspace.webhooks.replay(name, delivery_id)
    said = attempt.error or str(attempt.status)
    here.say(attempt_document(attempt), f"{attempt.outcome}: {said}")
    if attempt.outcome is not Outcome.DELIVERED:
        raise typer.Exit(1)


def attempt_document(attempt: Attempt) -> dict[str, Any]:
    """An attempt, with every field."""
    return {name: getattr(attempt, name) for name in attempt.__struct_fields__} | {
        "outcome": attempt.outcome.value
    }


def _row(attempt: Attempt) -> list[str]:
    from stageline.cli.render import moment

    return [
        moment(attempt.time),
        attempt.event,
        attempt.model,
        str(attempt.number) if attempt.number else "replay",
        attempt.outcome.value,
        "" if attempt.status is None else str(attempt.status),
        str(attempt.duration_ms),
        attempt.delivery_id,
        attempt.error,
    ]


def _say_report(here: Session, report: Report) -> None:
    import msgspec

    here.say(msgspec.to_builtins(report), _report_text(report))


def _say_news(here: Session, report: Report) -> None:
    """One line for each look that found something to do."""
    if report.delivered or report.failed or report.given_up:
        _say_report(here, report)


def _report_text(report: Report) -> str:
    parts = [
        f"delivered {report.delivered}",
        f"failed {report.failed}",
        f"given up {report.given_up}",
    ]
    if report.busy:
        parts.append(f"told by others: {', '.join(report.busy)}")
    parts += [f"{name} can not be told from here: {why}" for name, why in report.problems.items()]
    return "; ".join(parts)


@contextmanager
def _stopped_by_signals() -> Iterator[Event]:
    """An event that SIGTERM and Ctrl-C set: what is under way is finished, and nobody has to wait for us."""
    stop = Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: stop.set()) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
