"""`stageline export`: what the store holds, taken elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stageline.cli.session import Session, session

if TYPE_CHECKING:
    from stageline.exchange.outgoing import Exported

app = typer.Typer(no_args_is_help=True, help="Take elsewhere what the store holds.")

_FOLDER = typer.Argument(..., metavar="FOLDER", help="Where to write; made if need be.")
_ONLY = typer.Option(
    [], "--experiment", "-e", help="Only this one, by name or id (repeat); no registry then."
)
_NO_FILES = typer.Option(False, "--no-artifacts", help="Leave files out.")


@app.command()
def parquet(ctx: typer.Context, folder: Path = _FOLDER, experiment: list[str] = _ONLY) -> None:
    """Write experiments, runs, every point of every metric, and versions as Parquet tables."""
    from stageline.cli.progress import Bar
    from stageline.exchange.export_parquet import export_parquet
    from stageline.exchange.outgoing import Outgoing

    here = session(ctx)
    outgoing = Outgoing(here.workspace, experiment)
    with Bar("exporting", outgoing.count()) as bar:
        done = export_parquet(outgoing, folder, bar)
    _answer(here, done, str(folder))


@app.command()
def files(
    ctx: typer.Context,
    folder: Path = _FOLDER,
    experiment: list[str] = _ONLY,
    no_artifacts: bool = _NO_FILES,
) -> None:
    """Write plain files: JSON and CSV for each run, its artifacts, and the registry. Again brings them up to date."""
    from stageline.cli.progress import Bar
    from stageline.exchange.export_files import export_files
    from stageline.exchange.outgoing import Outgoing

    here = session(ctx)
    outgoing = Outgoing(here.workspace, experiment)
    with Bar("exporting", outgoing.count()) as bar:
        done = export_files(outgoing, folder, bar, with_artifacts=not no_artifacts)
    _answer(here, done, str(folder))


@app.command()
def mlflow(
    ctx: typer.Context,
    url: str = typer.Argument(..., metavar="URL", help="A server that speaks MLflow's protocol."),
    experiment: list[str] = _ONLY,
    no_artifacts: bool = _NO_FILES,
) -> None:
    """Send runs with their histories and files, and versions, to a server. What is whole there is not sent again."""
    from stageline.cli.progress import Bar
    from stageline.exchange.export_mlflow import MlflowExport
    from stageline.exchange.outgoing import Outgoing

    here = session(ctx)
    outgoing = Outgoing(here.workspace, experiment)
    export = MlflowExport(outgoing, url, here.workspace.storage_options)
    with Bar("exporting", outgoing.count()) as bar:
        done = export.run(bar, with_artifacts=not no_artifacts)
    _answer(here, done, export.label)


def _answer(here: Session, done: Exported, target: str) -> None:
    from stageline.cli.tables import Column, print_table

    def show() -> None:
        print(f"exported {here.workspace.store.url} to {target}")
        rows = [[name.replace("_", " "), f"{count:,}"] for name, count in done.counts.items()]
        print_table([Column("what"), Column("count", True)], rows)
        for note in done.notes:
            print(f"note: {note}")

    document = {
        "store": here.workspace.store.url,
        "target": target,
        "counts": done.counts,
        "notes": done.notes,
    }
    here.answer(document, show)
