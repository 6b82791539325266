"""`stageline registry gate`, `transition` and `rollback`: versions on their way from stage to stage."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
from stageline.cli.session import Session, session

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stageline.domain.gate import Decision, RuleResult


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (gate, transition, rollback):
        app.command()(command)


def gate(
    ctx: typer.Context,
    uri: str = VERSION,
    stage: str = STAGE,
    archive_existing: bool = ARCHIVE,
    actor: str = ACTOR,
) -> None:
    """Show whether a version may enter a stage: each rule, what was measured, what is wanted. Exit code 1 if not.

    Nothing is written.
    """
    here = session(ctx)
    found = find_version(here, uri)
    decision = registry(here, actor).check_gate(
        found.name, found.version, stage, archive_existing=archive_existing
    )
    here.answer({"name": found.name, **document(decision)}, lambda: print_decision(decision))
    if not decision.allowed:
        raise typer.Exit(1)


def transition(
    ctx: typer.Context,
    uri: str = VERSION,
    stage: str = STAGE,
    archive_existing: bool = ARCHIVE,
    expected_stage: str = typer.Option(
        "", metavar="STAGE", help="Refuse unless the version is in this stage now."
    ),
    comment: str = COMMENT,
    actor: str = ACTOR,
) -> None:
    """Bring a version into a stage, if its gate lets it. A refusal is recorded, and is exit code 6."""
    here = session(ctx)
    found = find_version(here, uri)
    with showing_refusal(here):
        moved = registry(here, actor).transition(
            found.name,
            found.version,
            stage,
            archive_existing=archive_existing,
            expected_stage=expected_stage or None,
            reason=comment or None,
        )
    here.say(document(moved), f"{label(moved)} is in {moved.current_stage}")


def rollback(
    ctx: typer.Context,
    name: str = NAME,
    stage: str = STAGE,
    comment: str = COMMENT,
    actor: str = ACTOR,
) -> None:
    """Give a stage back to the version that held it before. What held it last is archived."""
    here = session(ctx)
    model = find_model(here, name)
    back = registry(here, actor).rollback(model.name, stage, reason=comment or None)
    here.say(document(back), f"{label(back)} is in {back.current_stage} again")


@contextmanager
def showing_refusal(here: Session) -> Iterator[None]:
    """Where a gate refuses in the block, its table goes beside the error, for people."""
    from stageline.registry import GateRefused

    try:
        yield
    except GateRefused as refused:
        decision: Decision | None = getattr(refused, "decision", None)
        if decision is not None and not here.as_json:
            print(f"{decision}\n", file=sys.stderr)
        raise


def print_decision(decision: Decision) -> None:
    """The gate's table."""
    from stageline.cli.tables import Column, print_table

    verdict = "allowed" if decision.allowed else "refused"
    print(f"version {decision.version}: {decision.from_stage} -> {decision.to_stage} is {verdict}")
    if not decision.results:
        print(f"nothing is demanded of versions that enter {decision.to_stage}")
        return
    print()
    rows = [[one.rule, one.measured, one.required, _verdict(one)] for one in decision.results]
    columns = [
        Column("rule", shrinks=False),
        Column("measured"),
        Column("required"),
        Column("", shrinks=False),
    ]
    print_table(columns, rows)


def _verdict(result: RuleResult) -> str:
    if result.passed:
        return "passes"
    return "blocks" if result.blocks else "warns"
