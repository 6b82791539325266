"""`stageline runs`: looking at runs. What changes, follows or waits for them is registered from its own module."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from stageline.cli import run_changes, run_watching
from stageline.cli.session import Session, session
from stageline.domain.run import RunStatus, ViewType

if TYPE_CHECKING:
    from stageline.domain.page import Page
    from stageline.domain.run import Run

app = typer.Typer(
    no_args_is_help=True, help="Look at runs, follow them, wait for them, put them aside."
)

_FILTER_HELP = "Comparisons joined by AND, such as \"metrics.rmse < 0.8 and params.alpha = '0.5'\"."
_ORDER = typer.Option(
    [], "--order-by", help="Such as 'metrics.rmse ASC'; several weigh in their order."
)
_EXPERIMENTS = typer.Option(
    [], "--experiment", "-e", help="An experiment, by name or id; may be repeated."
)
_LIMIT = typer.Option(50, min=1, max=50_000, help="At most so many runs.")
_STATUS = typer.Option(None, case_sensitive=False, help="Only runs that stand so.")
_DELETED = typer.Option(False, "--deleted", help="Deleted runs instead of the others.")
_COLUMNS = typer.Option(
    "",
    help="Such as 'name,started,metrics.rmse,params.alpha'; also run_id, experiment, user, stage, reason.",
)
RUN = typer.Argument(
    metavar="RUN",
    help="An id, the first 6 or more characters of one, or a name (name:... if it looks like an id).",
)


@app.command("list")
def list_runs(
    ctx: typer.Context,
    experiments: list[str] = _EXPERIMENTS,
    everywhere: bool = typer.Option(
        False, "--all-experiments", help="Of all experiments, whatever the environment says."
    ),
    filter_string: str = typer.Option("", "--filter", help=_FILTER_HELP),
    order_by: list[str] = _ORDER,
    limit: int = _LIMIT,
    status: RunStatus | None = _STATUS,
    deleted: bool = _DELETED,
    columns: str = _COLUMNS,
) -> None:
    """List runs, the newest first unless ordered.

    Without -e: of the experiment in STAGELINE_EXPERIMENT_NAME or STAGELINE_EXPERIMENT_ID, or of all.
    """
    here = session(ctx)
    ids = _experiment_ids(here, [] if everywhere else experiments or _from_environment())
    _show_page(here, ids, filter_string, order_by, limit, status, deleted, columns)


@app.command()
def search(
    ctx: typer.Context,
    filter_string: str = typer.Argument(metavar="FILTER", help=_FILTER_HELP),
    experiments: list[str] = _EXPERIMENTS,
    order_by: list[str] = _ORDER,
    limit: int = _LIMIT,
    status: RunStatus | None = _STATUS,
    deleted: bool = _DELETED,
    columns: str = _COLUMNS,
) -> None:
    """Search the runs of all experiments, or of those that are named."""
    here = session(ctx)
    ids = _experiment_ids(here, experiments)
    _show_page(here, ids, filter_string, order_by, limit, status, deleted, columns)


@app.command()
def show(ctx: typer.Context, run: str = RUN) -> None:
    """Show all there is to know of one run."""
    from stageline.cli.finding import find_run
    from stageline.cli.run_page import RunPage

    here = session(ctx)
    page = RunPage.read(here.workspace, find_run(here.workspace, run))
    here.answer(page.document(), page.print)


@app.command()
def compare(
    ctx: typer.Context,
    runs: list[str] = typer.Argument(metavar="RUN RUN...", help="Two or more runs."),
    everything: bool = typer.Option(False, "--all", help="Also what is the same in all of them."),
) -> None:
    """Set runs side by side: what differs in params, metrics and tags."""
    from stageline.cli.comparing import Comparison
    from stageline.cli.finding import find_run
    from stageline.errors import InvalidInput

    here = session(ctx)
    if len(runs) < 2:
        raise InvalidInput("compare takes two runs or more: `stageline runs list` shows them")
    found = [here.workspace.runs.get(find_run(here.workspace, run)) for run in runs]
    comparison = Comparison(found, everything=everything)
    here.answer(comparison.document(), comparison.print)


run_watching.register(app, RUN)
run_changes.register(app, RUN)


def _show_page(
    here: Session,
    experiment_ids: Sequence[str],
    filter_string: str,
    order_by: Sequence[str],
    limit: int,
    status: RunStatus | None,
    deleted: bool,
    columns: str,
) -> None:
    from stageline.cli.documents import run_document
    from stageline.cli.progress import working

    conditions = [
        text
        for text in (filter_string, f"attributes.status = '{status}'" if status else "")
        if text
    ]
    view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
    with working("searching"):
        found = here.workspace.search_runs(
            experiment_ids, " and ".join(conditions), view, limit, order_by
        )
    chosen = [name.strip() for name in columns.split(",") if name.strip()]
    document = {"runs": [run_document(run) for run in found], "has_more": found.token is not None}
    here.answer(document, lambda: _print_page(here, found, chosen))


def _print_page(here: Session, runs: Page[Run], chosen: Sequence[str]) -> None:
    import sys

    from stageline.cli.run_table import RunTable
    from stageline.cli.tables import print_table

    if not runs:
        print(
            f"no such runs in {here.workspace.store.url}: --store or STAGELINE_STORE names another store"
        )
        return
    names = {e.experiment_id: e.name for e in here.workspace.experiments.list(ViewType.ALL)}
    now = here.workspace.clock.now_ms()
    table = RunTable(runs, now, names, chosen=chosen, whole_ids=not sys.stdout.isatty())
    print_table(table.columns, table.rows)
    if runs.token is not None:
        print(f"\nthe first {len(runs)}; there are more: --limit, or narrow them with --filter")


def _experiment_ids(here: Session, named: Sequence[str]) -> list[str]:
    from stageline.cli.finding import find_experiment

    if named:
        return [find_experiment(here.workspace, name).experiment_id for name in named]
    return [experiment.experiment_id for experiment in here.workspace.experiments.list()]


def _from_environment() -> list[str]:
    named = os.environ.get("STAGELINE_EXPERIMENT_ID") or os.environ.get("STAGELINE_EXPERIMENT_NAME")
    return [named] if named else []
