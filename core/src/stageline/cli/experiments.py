"""`stageline experiments`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from stageline.cli.pairs import parse_pairs
from stageline.cli.session import Session, session
from stageline.domain.run import ViewType

if TYPE_CHECKING:
    from stageline.domain.experiment import Experiment

app = typer.Typer(
    no_args_is_help=True, help="Look at experiments, make, rename and tag them, put them aside."
)

_EXPERIMENT = typer.Argument(metavar="EXPERIMENT", help="An experiment, by name or id.")
_ORDER = typer.Option(
    [], "--order-by", help="Such as 'name ASC' or 'creation_time DESC'; the last changed first."
)
_LIMIT = typer.Option(100, min=1, max=50_000, help="At most so many.")
_DELETED = typer.Option(False, "--deleted", help="Deleted experiments instead of the others.")


@app.command("list")
def list_experiments(ctx: typer.Context, limit: int = _LIMIT, deleted: bool = _DELETED) -> None:
    """List experiments, the last changed first."""
    _show_page(session(ctx), "", [], limit, deleted)


@app.command()
def search(
    ctx: typer.Context,
    filter_string: str = typer.Argument(
        metavar="FILTER", help="Such as \"name LIKE 'churn%' and tags.team = 'blue'\"."
    ),
    order_by: list[str] = _ORDER,
    limit: int = _LIMIT,
    deleted: bool = _DELETED,
) -> None:
    """Search experiments by name, tags, or times."""
    _show_page(session(ctx), filter_string, order_by, limit, deleted)


@app.command()
def show(ctx: typer.Context, experiment: str = _EXPERIMENT) -> None:
    """Show one experiment, with its tags and how its runs stand."""
    from collections import Counter

    from stageline.cli.documents import experiment_document
    from stageline.cli.finding import every_run, find_experiment

    here = session(ctx)
    found = find_experiment(here.workspace, experiment)
    counts = Counter(
        str(run.info.status) for run in every_run(here.workspace, [found.experiment_id])
    )
    here.answer(
        {**experiment_document(found), "runs": dict(counts)}, lambda: _print_one(found, counts)
    )


@app.command()
def create(
    ctx: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="A name that nobody else has."),
    tags: list[str] = typer.Option(
        [], "--tag", metavar="KEY=VALUE", help="A tag; may be repeated."
    ),
) -> None:
    """Create an experiment."""
    here = session(ctx)
    _say(here, here.workspace.experiments.create(name, parse_pairs(tags)), "created")


@app.command()
def rename(
    ctx: typer.Context,
    experiment: str = _EXPERIMENT,
    name: str = typer.Argument(metavar="NAME", help="Its new name."),
) -> None:
    """Give an experiment another name."""
    from stageline.cli.finding import find_experiment

    here = session(ctx)
    found = find_experiment(here.workspace, experiment)
    _say(here, here.workspace.experiments.rename(found.experiment_id, name), "renamed")


@app.command()
def tag(
    ctx: typer.Context,
    experiment: str = _EXPERIMENT,
    pairs: list[str] = typer.Argument(None, metavar="KEY=VALUE...", help="Tags to set."),
    removed: list[str] = typer.Option(
        [], "--remove", metavar="KEY", help="A tag to remove; may be repeated."
    ),
) -> None:
    """Set or remove tags of an experiment."""
    from stageline.cli.finding import find_experiment

    here = session(ctx)
    given = parse_pairs(pairs or [], or_else=removed)
    experiment_id = find_experiment(here.workspace, experiment).experiment_id
    for key, value in given.items():
        here.workspace.experiments.set_tag(experiment_id, key, value)
    for key in removed:
        here.workspace.experiments.delete_tag(experiment_id, key)
    _say(here, here.workspace.experiments.get(experiment_id), "tagged")


@app.command()
def delete(ctx: typer.Context, experiment: str = _EXPERIMENT) -> None:
    """Put an experiment aside with all its runs; it can be restored until `stageline gc` collects it."""
    from stageline.cli.finding import find_experiment

    here = session(ctx)
    found = find_experiment(here.workspace, experiment)
    here.workspace.experiments.delete(found.experiment_id)
    _say(here, here.workspace.experiments.get(found.experiment_id), "deleted")


@app.command()
def restore(ctx: typer.Context, experiment: str = _EXPERIMENT) -> None:
    """Take a deleted experiment back."""
    from stageline.cli.finding import find_experiment

    here = session(ctx)
    found = find_experiment(here.workspace, experiment)
    here.workspace.experiments.restore(found.experiment_id)
    _say(here, here.workspace.experiments.get(found.experiment_id), "restored")


def _show_page(
    here: Session, filter_string: str, order_by: Sequence[str], limit: int, deleted: bool
) -> None:
    from stageline.cli.documents import experiment_document

    view = ViewType.DELETED_ONLY if deleted else ViewType.ACTIVE_ONLY
    found = here.workspace.search_experiments(view, limit, filter_string, order_by)
    document = {
        "experiments": [experiment_document(e) for e in found],
        "has_more": found.token is not None,
    }
    here.answer(document, lambda: _print_page(here, found, found.token is not None))


def _print_page(here: Session, found: Sequence[Experiment], has_more: bool) -> None:
    from stageline.cli.render import ago
    from stageline.cli.tables import Column, print_table

    if not found:
        print(f"no such experiments in {here.workspace.store.url}")
        return
    now = here.workspace.clock.now_ms()
    rows = [
        [
            e.experiment_id,
            e.name,
            ago(e.last_update_time, now) if e.last_update_time else "",
            _joined(e.tags),
        ]
        for e in found
    ]
    print_table(
        [Column("experiment_id", shrinks=False), Column("name"), Column("changed"), Column("tags")],
        rows,
    )
    if has_more:
        print(f"\nthe first {len(found)}; there are more: --limit")


def _print_one(experiment: Experiment, counts: dict[str, int]) -> None:
    from stageline.cli.render import clean, moment

    print(f"experiment  {clean(experiment.name)}")
    print(f"id          {experiment.experiment_id}")
    print(f"stage       {experiment.lifecycle_stage}")
    if experiment.creation_time:
        print(f"created     {moment(experiment.creation_time)}")
        print(f"changed     {moment(experiment.last_update_time)}")
    runs = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    print(f"runs        {runs or 'none'}")
    for key, value in sorted(experiment.tags.items()):
        print(f"tag         {clean(f'{key}={value}')}")


def _joined(tags: dict[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(tags.items()))


def _say(here: Session, experiment: Experiment, done: str) -> None:
    from stageline.cli.documents import experiment_document

    text = f"{done} experiment {experiment.name!r} ({experiment.experiment_id})"
    here.say(experiment_document(experiment), text)
