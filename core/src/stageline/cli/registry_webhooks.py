"""`stageline registry webhooks`: who is told what happens in the registry, and what they were told."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event
from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.session import Session, session
from stageline.domain.webhook import WebhookEvent, WebhookStatus
from stageline.domain.webhook_progress import Outcome
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.domain.webhook_progress import Attempt
    from stageline.registry.delivery import Report

app = typer.Typer(
    no_args_is_help=True, help="Webhooks: other systems that are told what happens in the registry."
)

NAME = typer.Argument(metavar="NAME", help="A webhook, by name or id.")
_EVENTS = typer.Option(
    [], "--event", "-e", help=f"May be repeated: {', '.join(one.value for one in WebhookEvent)}."
)
_SECRET = typer.Option(
    "",
    "--secret-env",
    metavar="VARIABLE",
    help="The environment variable that holds the secret which signs what is sent; kept encrypted.",
)
_DESCRIPTION = typer.Option(None, help="For people.")


@app.command("list")
def list_webhooks(ctx: typer.Context) -> None:
    """List webhooks. Of a URL only the host is shown, since some are as good as a password."""
    from stageline.cli.tables import Column, print_table

    here = session(ctx)
    found = here.workspace.webhooks.list()
    rows = [
        [
            one.name,
            one.place,
            one.status.value,
            "yes" if one.has_secret else "no",
            ", ".join(one.events),
        ]
        for one in found
    ]

    def show() -> None:
        if rows:
            titles = ("name", "sent to", "status", "signed")
            columns = [*(Column(title, shrinks=False) for title in titles), Column("events")]
            print_table(columns, rows)
        else:
            print(f"no webhooks in {here.workspace.store.url}")

    here.answer({"webhooks": [one.document() for one in found]}, show)


@app.command()
def show(ctx: typer.Context, name: str = NAME) -> None:
    """Show a webhook with its whole URL; its secret is never shown."""
    here = session(ctx)
    document = here.workspace.webhooks.get(name).document()

    def print_lines() -> None:
        for key, value in document.items():
            print(f"{key + ':':24}{', '.join(value) if isinstance(value, list) else value}")

    here.answer(document, print_lines)


@app.command()
def create(
    ctx: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="1 to 63 letters, digits, '.', '_' and '-'."),
    url: str = typer.Argument(metavar="URL", help="Where to POST; https, and a public address."),
    events: list[str] = _EVENTS,
    secret_env: str = _SECRET,
    description: str | None = _DESCRIPTION,
    disabled: bool = typer.Option(False, "--disabled", help="Send nothing yet."),
) -> None:
    """Create a webhook: it is told what happens from now on, once `webhooks run` runs somewhere."""
    here = session(ctx)
    made = here.workspace.webhooks.create(
        name,
        url,
        events,
        secret=_secret(secret_env),
        description=description,
        status=WebhookStatus.DISABLED if disabled else WebhookStatus.ACTIVE,
    )
    here.say(made.document(), f"{made.name} is told at {made.place} of {', '.join(made.events)}")


@app.command()
def update(
    ctx: typer.Context,
    name: str = NAME,
    new_name: str | None = typer.Option(None, "--name", help="Another name."),
    url: str | None = typer.Option(None, help="Another URL."),
    events: list[str] = _EVENTS,
    secret_env: str = _SECRET,
    no_secret: bool = typer.Option(False, "--no-secret", help="Sign nothing any more."),
    description: str | None = _DESCRIPTION,
    status: WebhookStatus | None = typer.Option(
        None, case_sensitive=False, help="One that becomes ACTIVE is told from now on."
    ),
) -> None:
    """Change what is given of a webhook."""
    here = session(ctx)
    if no_secret and secret_env:
        raise InvalidInput("--no-secret and --secret-env exclude each other")
    changed = here.workspace.webhooks.update(
        name,
        new_name=new_name,
        url=url,
        events=events or None,
        secret="" if no_secret else _secret(secret_env),
        description=description,
        status=status,
    )
    here.say(changed.document(), f"{changed.name} is changed")


@app.command()
def delete(
    ctx: typer.Context,
    name: str = NAME,
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Delete a webhook with its history."""
    here = session(ctx)
    webhook = here.workspace.webhooks.get(name)
    here.confirm(f"Delete webhook {webhook.name} with its history?", yes=yes)
    here.workspace.webhooks.delete(webhook.webhook_id)
    here.say({"deleted": webhook.name}, f"{webhook.name} is deleted")


@app.command("test")
def send_test(
    ctx: typer.Context,
    name: str = NAME,
    event: str | None = typer.Option(None, "--event", "-e", help="Default: its first one."),
) -> None:
    """Send made-up data to a webhook and show what it answers; exit code 1 unless that is a 2xx."""
    here = session(ctx)
    answer = here.workspace.webhooks.test(name, event)
    text = answer.body.decode(errors="replace")
    document = {
        "success": answer.is_success,
        "response_status": answer.status,
        "response_body": text,
        "error_message": answer.error,
        "duration_ms": answer.duration_ms,
    }

    def show_answer() -> None:
        from stageline.cli.render import clean

        said = answer.error or f"{answer.status} {clean(text)}".rstrip()
        print(
            f"{'delivered' if answer.is_success else 'failed'} in {answer.duration_ms} ms: {said}"
        )

    here.answer(document, show_answer)
    if not answer.is_success:
        raise typer.Exit(1)


@app.command()
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


@app.command()
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


@app.command()
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


def _secret(variable: str) -> str | None:
    """What a variable holds: a secret on the command line would be seen by everybody on the machine."""
    if not variable:
        return None
    secret = os.environ.get(variable)
    if not secret:
        raise InvalidInput(
            f"the environment variable {variable} that --secret-env names is not set"
        )
    return secret


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
