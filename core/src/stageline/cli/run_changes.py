"""`stageline runs tag`, `delete`, `restore` and `reap`: what changes runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.pairs import parse_pairs
from stageline.cli.retention import delete_by_policy
from stageline.cli.session import Session, session
from stageline.domain.run import RunStatus, ViewType

if TYPE_CHECKING:
    from stageline.domain.run import Run

_POLICY = "Retention policy"


def register(app: typer.Typer, run_argument: Any) -> None:
    """Add the commands to `app`."""

    @app.command()
    def tag(
        ctx: typer.Context,
        run: str = run_argument,
        pairs: list[str] = typer.Argument(None, metavar="KEY=VALUE...", help="Tags to set."),
        removed: list[str] = typer.Option(
            [], "--remove", metavar="KEY", help="A tag to remove; may be repeated."
        ),
    ) -> None:
        """Set or remove tags of a run. With the tag stageline.protected it is never collected."""
        from stageline.cli.finding import find_run

        here = session(ctx)
        given = parse_pairs(pairs or [], or_else=removed)
        run_id = find_run(here.workspace, run)
        if given:
            here.workspace.runs.set_tags(run_id, given)
        for key in removed:
            here.workspace.runs.delete_tag(run_id, key)
        tags = here.workspace.runs.get(run_id).data.tags
        here.say(
            {"run_id": run_id, "tags": tags},
            f"run {run_id}: {len(given)} set, {len(removed)} removed",
        )

    @app.command()
    def restore(
        ctx: typer.Context, runs: list[str] = typer.Argument(metavar="RUN...", help="Deleted runs.")
    ) -> None:
        """Take deleted runs back."""
        from stageline.cli.finding import find_run

        here = session(ctx)
        ids = [find_run(here.workspace, run) for run in runs]
        for run_id in ids:
            here.workspace.runs.restore(run_id)
        here.say({"restored": ids}, "\n".join(f"restored {run_id}" for run_id in ids))

    @app.command()
    def delete(
        ctx: typer.Context,
        runs: list[str] = typer.Argument(None, metavar="[RUN...]", help="Runs to put aside."),
        older_than: str = typer.Option(
            "", metavar="AGE", rich_help_panel=_POLICY, help="Ended so long ago: 30d, 12h, 2w."
        ),
        statuses: list[RunStatus] = typer.Option(
            [],
            "--status",
            case_sensitive=False,
            rich_help_panel=_POLICY,
            help="Runs that stand so; may be repeated.",
        ),
        tags: list[str] = typer.Option(
            [],
            "--tag",
            metavar="KEY=VALUE",
            rich_help_panel=_POLICY,
            help="Runs with this tag; may be repeated.",
        ),
        experiments: list[str] = typer.Option(
            [],
            "--experiment",
            "-e",
            rich_help_panel=_POLICY,
            help="Runs of this experiment; may be repeated.",
        ),
        keep_last: int = typer.Option(
            0,
            min=0,
            metavar="N",
            rich_help_panel=_POLICY,
            help="But not the newest N of each experiment.",
        ),
        keep_best: str = typer.Option(
            "",
            metavar="METRIC",
            rich_help_panel=_POLICY,
            help="But not the best of each by 'loss ASC' or 'acc DESC'.",
        ),
        dry_run: bool = typer.Option(False, "--dry-run", help="Only say what would be deleted."),
        yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    ) -> None:
        """Put runs aside: those that are named, or those that a policy is about.

        They can be restored until `stageline gc` collects them. A policy never deletes what runs, is registered, or has
        the tag stageline.protected.
        """
        from stageline.domain.retention import RetentionPolicy
        from stageline.errors import InvalidInput

        here = session(ctx)
        policy = RetentionPolicy(
            older_than=older_than,
            statuses=tuple(statuses),
            tags={**parse_pairs(tags)},
            experiments=_experiment_ids(here, experiments),
            keep_last=keep_last,
            keep_best=keep_best,
        )
        if bool(runs) == policy.has_rules:
            raise InvalidInput(
                "name the runs to delete, or say by --older-than, --status, --tag, -e, --keep-last or --keep-best "
                "which ones: one of the two, not both"
            )
        if runs:
            _delete_named(here, runs, dry_run)
        else:
            delete_by_policy(here, policy, dry_run, yes)

    @app.command()
    def reap(ctx: typer.Context) -> None:
        """End runs whose process vanished as KILLED, and say why. Whoever reads such a run does the same."""
        here = session(ctx)
        reaped = _reap(here)
        document = [{"run_id": run.info.run_id, "reason": run.info.reason} for run in reaped]
        here.answer({"reaped": document}, lambda: _print_reaped(reaped))


def _delete_named(here: Session, runs: Sequence[str], dry_run: bool) -> None:
    from stageline.cli.finding import find_run

    ids = [find_run(here.workspace, run) for run in runs]
    if not dry_run:
        for run_id in ids:
            here.workspace.runs.delete(run_id)
    word = "would delete" if dry_run else "deleted"
    here.say({"dry_run": dry_run, "deleted": ids}, "\n".join(f"{word} {run_id}" for run_id in ids))


def _experiment_ids(here: Session, named: Sequence[str]) -> tuple[str, ...]:
    from stageline.cli.finding import find_experiment

    return tuple(find_experiment(here.workspace, name).experiment_id for name in named)


def _reap(here: Session) -> list[Run]:
    from stageline.cli.finding import all_experiments, every_run
    from stageline.cli.progress import working

    workspace = here.workspace
    with working("looking for vanished runs"):
        condition = f"attributes.status = '{RunStatus.RUNNING}'"
        # All of them before the first is ended, which changes the pages.
        going_on = list(every_run(workspace, all_experiments(workspace), condition, ViewType.ALL))
        # Reading a run ends it if its process is gone.
        now = [workspace.runs.get(run.info.run_id) for run in going_on]
    return [run for run in now if run.info.status is RunStatus.KILLED]


def _print_reaped(runs: Sequence[Run]) -> None:
    from stageline.cli.tables import Column, print_table

    if not runs:
        print("no run has vanished")
        return
    rows = [[run.info.run_id, run.info.run_name, run.info.reason or ""] for run in runs]
    print_table([Column("killed", shrinks=False), Column("name"), Column("because")], rows)
