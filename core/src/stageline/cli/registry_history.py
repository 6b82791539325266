"""`stageline registry history` and `verify`: what happened, and the proof of it."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.registry_naming import NAME
from stageline.cli.session import Session, session

if TYPE_CHECKING:
    from stageline.registry.history_entry import HistoryEntry
    from stageline.registry.proof import Proof


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (history, verify):
        app.command()(command)


def history(
    ctx: typer.Context,
    name: str = NAME,
    as_of: str = typer.Option(
        "",
        metavar="DATE",
        help="Up to then: 2026-03-01 (all of that day), 2026-03-01T17:30, with Z or +02:00 if not of this machine.",
    ),
    as_csv: bool = typer.Option(False, "--csv", help="As CSV, for a spreadsheet."),
) -> None:
    """Tell everything that happened to a model: when, who, what, why. Also of one that was deleted or renamed."""
    from stageline.cli.dates import parse_date

    here = session(ctx)
    until = parse_date(as_of) if as_of else None
    entries = here.workspace.registry.history(name, as_of=until)
    if as_csv:
        _print_csv(entries)
        return
    answer = {"entries": [_entry(one) for one in entries], "stages": _stages(entries)}
    here.answer(answer, lambda: _print_entries(entries, as_of))


def verify(
    ctx: typer.Context,
    name: str = typer.Argument("", metavar="[NAME]", help="Only this model; default: every one."),
) -> None:
    """Prove that nobody changed a model's past: each entry names the sha256 of the one before. Exit code 1 if not.

    Note the head elsewhere: nothing in the store vouches for the newest entry.
    """
    here = session(ctx)
    desk = here.workspace.registry
    proofs = [desk.verify(name)] if name else desk.verify_all()
    is_intact = all(proof.is_intact for proof in proofs)
    answer = {
        "intact": is_intact,
        "models": [{**proof._asdict(), "intact": proof.is_intact} for proof in proofs],
    }
    here.answer(answer, lambda: _print_proofs(here, proofs))
    if not is_intact:
        raise typer.Exit(1)


def _entry(one: HistoryEntry) -> dict[str, Any]:
    import msgspec

    return {
        "name": one.name,
        "number": one.number,
        "time": one.time,
        "actor": one.actor,
        "summary": one.summary,
        "reason": one.reason,
        "run_id": one.run_id,
        "link": one.link,
        "digest": one.digest,
        "events": msgspec.to_builtins(one.events),
    }


def _stages(entries: Sequence[HistoryEntry]) -> dict[str, list[int]]:
    """What was where after the last of them."""
    if not entries or not entries[-1].state.is_active:
        return {}
    state = entries[-1].state
    held = {stage: state.holding(stage) for stage in state.stages}
    return {stage: numbers for stage, numbers in held.items() if numbers}


def _print_entries(entries: Sequence[HistoryEntry], as_of: str) -> None:
    from stageline.cli.render import moment
    from stageline.cli.tables import Column, print_table

    if not entries:
        print(f"nothing had happened by {as_of}")
        return
    is_renamed = len({one.name for one in entries}) > 1
    rows = [
        [
            f"{one.name} {one.number}" if is_renamed else str(one.number),
            moment(one.time),
            one.actor,
            one.summary,
            one.reason,
            one.link,
        ]
        for one in entries
    ]
    columns = [
        Column("entry", True, shrinks=False),
        Column("when", shrinks=False),
        Column("who"),
        Column("what"),
        Column("why"),
        Column("link"),
    ]
    print_table(columns, rows)
    if as_of:
        held = "; ".join(
            f"{stage} {', '.join(map(str, numbers))}" for stage, numbers in _stages(entries).items()
        )
        print(f"\nas of {as_of}: {held or 'no version in any stage'}")


def _print_csv(entries: Sequence[HistoryEntry]) -> None:
    rows = [_entry(one) for one in entries]
    columns = ["name", "number", "time", "actor", "summary", "reason", "run_id", "link", "digest"]
    writer = csv.DictWriter(sys.stdout, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)


def _cell(value: Any) -> Any:
    # A spreadsheet would run it as a formula; the same mark that spreadsheets use takes that away.
    dangerous = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if dangerous else value


def _print_proofs(here: Session, proofs: Sequence[Proof]) -> None:
    from stageline.cli.tables import Column, print_table

    if not proofs:
        print(f"no models in {here.workspace.store.url}")
        return
    rows = [
        [
            "kept" if proof.is_intact else "BROKEN",
            proof.name,
            str(proof.entries),
            proof.problem or f"head {proof.head}",
        ]
        for proof in proofs
    ]
    columns = [
        Column("", shrinks=False),
        Column("model", shrinks=False),
        Column("entries", True, shrinks=False),
        Column("seen", shrinks=False),
    ]
    print_table(columns, rows)
