"""`stageline registry webhooks`: who is told what happens in the registry."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import typer

from stageline.cli.registry_deliveries import NAME, register
from stageline.cli.session import session
from stageline.domain.webhook import WebhookEvent, WebhookStatus
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    pass

app = typer.Typer(
    no_args_is_help=True, help="Webhooks: other systems that are told what happens in the registry."
)

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


register(app)
