"""`stageline sync`, `compact` and `doctor`: what keeps a store in order. Garbage is `collecting`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.collecting import gc
from stageline.cli.session import Session, session
from stageline.domain.run import ViewType

if TYPE_CHECKING:
    from stageline.storage.doctor import Finding

_TURNS = 5


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    for command in (sync, compact, gc, doctor):
        app.command()(command)


def sync(ctx: typer.Context) -> None:
    """Send what processes of this machine that died, or lost the store, kept for it.

    A run whose process died is ended as KILLED. Logs of processes that live are left to them.
    """
    from stageline.cli.progress import working
    from stageline.cli.tables import Column, print_table

    here = session(ctx)
    with working("sending"):
        shipped = here.workspace.sync()
    rows = [
        [one.run_id, "KILLED" if one.reason else "as logged", one.reason or ""] for one in shipped
    ]

    def show() -> None:
        if rows:
            print_table([Column("run", shrinks=False), Column("ended"), Column("because")], rows)
        else:
            print(f"nothing waits to be sent to {here.workspace.store.url}")

    here.answer({"shipped": [one._asdict() for one in shipped]}, show)


def compact(
    ctx: typer.Context,
    rebuild: bool = typer.Option(
        False, "--rebuild", help="Write the search indexes anew from the runs themselves."
    ),
) -> None:
    """Fold what runs left for the search indexes into few objects. Changes no answer, only how soon it comes."""
    from stageline.cli.progress import Bar
    from stageline.cli.tables import Column, print_table

    here = session(ctx)
    known = here.workspace.experiments.list(ViewType.ALL)
    done: list[dict[str, Any]] = []
    with Bar("compacting", len(known)) as bar:
        for experiment in known:
            result = (
                _rebuild(here, experiment.experiment_id)
                if rebuild
                else _fold(here, experiment.experiment_id)
            )
            done.append(
                {"experiment_id": experiment.experiment_id, "name": experiment.name, **result}
            )
            bar()

    def show() -> None:
        rows = [
            [one["experiment_id"], one["name"], str(one["folded"]), "yes" if one["rebuilt"] else ""]
            for one in done
        ]
        columns = [
            Column("experiment_id", shrinks=False),
            Column("name"),
            Column("folded", True),
            Column("rebuilt"),
        ]
        print_table(columns, rows)

    here.answer({"experiments": done}, show)


def doctor(
    ctx: typer.Context,
    url: str = typer.Argument(
        "", metavar="[URL]", help="The store to try; default: that of --store or the environment."
    ),
) -> None:
    """Try on a store every promise that tracking stands on. Exit code 1 if one is broken.

    Writes about 30 small objects under _doctor/ and removes them again.
    """
    from stageline.cli.progress import working
    from stageline.storage.doctor import examine
    from stageline.tracking.reaping import spooled_logs

    here = session(ctx)
    if url:
        here = Session(url, here.as_json)
    workspace = here.workspace
    with working(f"trying {workspace.store.url}"):
        findings = examine(workspace.store, workspace.clock)
    waiting = len(spooled_logs(workspace.spool)) if workspace.spool else 0
    is_sound = all(finding.ok for finding in findings)
    document = {
        "store": workspace.store.url,
        "ok": is_sound,
        "findings": [finding._asdict() for finding in findings],
        "waiting_logs": waiting,
    }
    here.answer(document, lambda: _print_findings(findings, waiting))
    if not is_sound:
        raise typer.Exit(1)


def _fold(here: Session, experiment_id: str) -> dict[str, Any]:
    from stageline.storage.index_changes import IndexLost

    try:
        return {"folded": here.workspace.index.index(experiment_id).fold(), "rebuilt": False}
    except IndexLost:  # never made, deleted or damaged
        return _rebuild(here, experiment_id)


def _rebuild(here: Session, experiment_id: str) -> dict[str, Any]:
    from stageline.errors import Conflict

    index = here.workspace.index.index(experiment_id)
    for _ in range(_TURNS):
        if index.rebuild(lambda: here.workspace.runs.summaries(experiment_id)):
            return {"folded": index.fold(), "rebuilt": True}
    raise Conflict(
        f"the index of experiment {experiment_id} is written by others as fast as it is read; try again"
    )


def _print_findings(findings: list[Finding], waiting: int) -> None:
    from stageline.cli.tables import Column, print_table

    rows = [
        ["kept" if finding.ok else "BROKEN", finding.name, finding.detail] for finding in findings
    ]
    print_table([Column("", shrinks=False), Column("promise", shrinks=False), Column("seen")], rows)
    if waiting:
        print(
            f"\n{waiting} logs on this machine wait to be sent: `stageline sync` sends those of dead processes"
        )
