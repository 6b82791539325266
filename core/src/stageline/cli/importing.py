"""`stageline import`: what other trackers hold, taken into the store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.session import Session, session

if TYPE_CHECKING:
    from stageline.exchange.importing import Imported

app = typer.Typer(no_args_is_help=True, help="Take in what another tracker holds.")


@app.command()
def mlflow(
    ctx: typer.Context,
    source: str = typer.Argument(
        ..., metavar="SRC", help="An mlruns/ folder, an mlflow.db, or the URL of a server."
    ),
    to: str | None = typer.Option(
        None, "--to", metavar="STORE", help="The store to import into; default: that of --store."
    ),
    artifacts: Path | None = typer.Option(
        None, help="Folder that the artifacts have been moved to, if they are not where SRC says."
    ),
    no_artifacts: bool = typer.Option(False, "--no-artifacts", help="Leave files out."),
    experiment: list[str] = typer.Option(
        [], "--experiment", "-e", help="Only this one, by name or id (repeat); no registry then."
    ),
) -> None:
    """Import experiments, runs with their whole histories, files, models, versions, stages and aliases.

    Ids are kept. Interrupted or done again, it goes on where it stopped: twice is once. Each run is read back and
    compared before it counts. Exit code 9 if something could not be taken in; all else was.
    """
    from stageline.cli.progress import Bar, working
    from stageline.exchange.importing import Import
    from stageline.exchange.opening import open_mlflow

    here = Session(to, session(ctx).as_json) if to else session(ctx)
    options = here.workspace.storage_options
    opened = open_mlflow(source, artifacts, options)
    try:
        work = Import(
            opened,
            here.workspace,
            with_artifacts=not no_artifacts,
            experiments=frozenset(experiment),
        )
        with working(f"looking at {opened.label}"):
            count = work.begin()
        with Bar("importing", count) as bar:
            done = work.run(bar)
    finally:
        opened.close()
    here.answer(_document(done, opened.label, here), lambda: _show(done, opened.label, here))
    if done.failures:
        raise typer.Exit(9)


def _document(done: Imported, label: str, here: Session) -> dict[str, Any]:
    return {
        "source": label,
        "store": here.workspace.store.url,
        "counts": done.counts,
        "failures": [{"what": what, "why": why} for what, why in done.failures],
        "notes": done.notes,
    }


def _show(done: Imported, label: str, here: Session) -> None:
    from stageline.cli.tables import Column, print_table

    counts = done.counts
    print(f"imported {label} into {here.workspace.store.url}")
    rows = [[name.replace("_", " "), f"{count:,}"] for name, count in counts.items()]
    print_table([Column("what"), Column("count", True)], rows)
    for note in done.notes:
        print(f"note: {note}")
    for what, why in done.failures:
        print(f"left out: {what}: {why}")
