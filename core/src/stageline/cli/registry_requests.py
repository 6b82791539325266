"""`stageline registry request`, `requests`, `approve`, `reject` and `cancel`: transitions that wait for a yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import typer

from stageline.cli.registry_naming import (
    ACTOR,
    ARCHIVE,
    COMMENT,
    NAME,
    STAGE,
    VERSION,
    document,
    find_model,
    find_version,
    label,
    registry,
)
from stageline.cli.registry_stages import showing_refusal
from stageline.cli.session import Session, session

if TYPE_CHECKING:
    from stageline.domain.registry_events import TransitionRequest

_NUMBER = typer.Argument(metavar="REQUEST", min=1, help="The request's number.")


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (request, requests, approve, reject, cancel):
        app.command()(command)


def request(
    ctx: typer.Context,
    uri: str = VERSION,
    stage: str = STAGE,
    archive_existing: bool = ARCHIVE,
    comment: str = COMMENT,
    actor: str = ACTOR,
) -> None:
    """Ask that a version may enter a stage. It enters with the approval that completes the stage's policy."""
    here = session(ctx)
    found = find_version(here, uri)
    with showing_refusal(here):
        asked = registry(here, actor).request_transition(
            found.name,
            found.version,
            stage,
            archive_existing=archive_existing,
            comment=comment or None,
        )
    text = f"request {asked.number} of {found.name!r} asks for {label(found)} to enter {asked.to_stage}"
    here.say({"name": found.name, **document(asked)}, text)


def requests(
    ctx: typer.Context,
    name: str = typer.Argument("", metavar="[NAME]", help="Only of this model; default: of all."),
    status: str = typer.Option(
        "pending", help="pending, approved, rejected, cancelled, refused; or all."
    ),
    stage: str = typer.Option("", help="Only for this stage."),
    limit: int = typer.Option(100, min=1, help="The newest so many."),
) -> None:
    """List requests, the oldest first: without options, the inbox of all that wait for a decision."""
    here = session(ctx)
    found = here.workspace.registry.requests(
        find_model(here, name).name if name else None,
        status=None if status == "all" else status,
        stage=stage or None,
    )
    shown = found[-limit:]
    answer = {
        "requests": [{"name": model, **document(one)} for model, one in shown],
        "has_more": len(found) > len(shown),
    }
    here.answer(answer, lambda: _print_requests(here, shown, len(found)))


def approve(
    ctx: typer.Context,
    name: str = NAME,
    number: int = _NUMBER,
    comment: str = COMMENT,
    actor: str = ACTOR,
) -> None:
    """Say yes to a request; the yes that completes the policy moves the version in the same instant."""
    _answer(session(ctx), "approve", name, number, comment, actor)


def reject(
    ctx: typer.Context,
    name: str = NAME,
    number: int = _NUMBER,
    comment: str = COMMENT,
    actor: str = ACTOR,
) -> None:
    """Say no to a request, which closes it."""
    _answer(session(ctx), "reject", name, number, comment, actor)


def cancel(
    ctx: typer.Context,
    name: str = NAME,
    number: int = _NUMBER,
    comment: str = COMMENT,
    actor: str = ACTOR,
) -> None:
    """Take your own request back."""
    _answer(session(ctx), "cancel", name, number, comment, actor)


def _answer(
    here: Session,
    how: Literal["approve", "reject", "cancel"],
    name: str,
    number: int,
    comment: str,
    actor: str,
) -> None:
    with showing_refusal(here):
        one: TransitionRequest = getattr(registry(here, actor), how)(
            name, number, comment=comment or None
        )
    by = ", ".join(approval.by for approval in one.approvals)
    move = f"version {one.version}: {one.from_stage} -> {one.to_stage}"
    text = f"request {one.number} of {name!r} is {one.status} ({move}{f'; approved by {by}' if by else ''})"
    here.say({"name": name, **document(one)}, text)


def _print_requests(
    here: Session, shown: Sequence[tuple[str, TransitionRequest]], total: int
) -> None:
    from stageline.cli.render import ago
    from stageline.cli.tables import Column, print_table

    if not shown:
        print(f"no such requests in {here.workspace.store.url}")
        return
    now = here.workspace.clock.now_ms()
    rows = [
        [
            name,
            str(one.number),
            str(one.version),
            f"{one.from_stage} -> {one.to_stage}",
            str(one.status),
            one.requested_by,
            ago(one.time, now),
            ", ".join(approval.by for approval in one.approvals),
            one.comment,
        ]
        for name, one in shown
    ]
    columns = [
        Column("model", shrinks=False),
        Column("request", True, shrinks=False),
        Column("version", True, shrinks=False),
        Column("move", shrinks=False),
        Column("status"),
        Column("asked by"),
        Column("when"),
        Column("approved by"),
        Column("comment"),
    ]
    print_table(columns, rows)
    if total > len(shown):
        print(f"\nthe newest {len(shown)} of {total}: --limit shows more")
