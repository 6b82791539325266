"""`stageline gc`: what it found, what it will delete, what it deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.session import session

if TYPE_CHECKING:
    from pathlib import Path

    from stageline.tracking.collect import Collected, Mark
    from stageline.tracking.garbage import Garbage


def gc(
    ctx: typer.Context,
    older_than: str = typer.Option(
        "30d", metavar="AGE", help="Collect what was deleted so long ago."
    ),
    grace: str = typer.Option(
        "24h",
        metavar="AGE",
        help="Delete what was noted so long ago; longer than the longest upload or pause.",
    ),
    dry_run: bool = typer.Option(
        False, "--dry-run", help="Only say what would be noted and deleted."
    ),
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
) -> None:
    """Remove for good what was deleted, in two calls: the first notes it, one after the grace time deletes it.

    Runs that were restored in between stay, and so does what is protected or registered. Call it once a day.
    """
    from stageline.cli.progress import working
    from stageline.domain.retention import age_ms
    from stageline.tracking.collect import Collected, leftovers

    here = session(ctx)
    collector = here.workspace.collector()
    ages_s = [age_ms(age) / 1000 for age in (older_than, grace)]
    with working("looking for garbage"):
        due = collector.due(ages_s[1])
        plan = collector.plan(ages_s[0])
        size = collector.size(plan)
        files = leftovers(here.workspace.store, here.workspace.clock, here.workspace.spool)
    if not here.as_json:
        _print_plan(due, plan, size, files)
    done = Collected([], [], [], {})
    if not dry_run:
        if due or files:
            here.confirm("Delete for good what was noted before?", yes=yes)
        with working("deleting"):
            done = collector.collect(due)
            for file in files:
                file.unlink(missing_ok=True)
        collector.mark(plan)
    here.answer(
        _gc_document(dry_run, done, due, plan, size, files),
        lambda: _print_done(dry_run, done, plan),
    )


def _print_plan(due: list[Mark], plan: Garbage, size: int, files: list[Path]) -> None:
    from stageline.cli.render import file_size

    for mark in due:
        print(f"to be deleted, noted before: {_counted(mark.garbage)}")
    if files:
        print(f"to be deleted: {len(files)} temporary files of processes that died")
    if not plan.is_nothing:
        print(f"to be noted: {_counted(plan)}, {file_size(size)} in runs")
        for run_id in sorted(
            {*plan.runs, *(run for runs in plan.experiments.values() for run in runs)}
        ):
            print(f"  run {run_id}")
        for experiment_id in plan.experiments:
            print(f"  experiment {experiment_id}")


def _print_done(dry_run: bool, done: Collected, plan: Garbage) -> None:
    for name, reason in done.spared.items():
        print(f"kept {name}: {reason}")
    if dry_run:
        print("nothing was changed")
        return
    print(
        f"deleted {len(done.runs)} runs, {len(done.experiments)} experiments, {len(done.keys)} index objects"
    )
    if not plan.is_nothing:
        print("what was noted is deleted by the next call after the grace time")


def _counted(garbage: Garbage) -> str:
    runs = len(garbage.runs) + sum(map(len, garbage.experiments.values()))
    return f"{runs} runs, {len(garbage.experiments)} experiments, {len(garbage.keys)} index objects"


def _gc_document(
    dry_run: bool, done: Collected, due: list[Mark], plan: Garbage, size: int, files: list[Path]
) -> dict[str, Any]:
    return {
        "dry_run": dry_run,
        "due": [_listed(mark.garbage) for mark in due],
        "deleted": {"runs": done.runs, "experiments": done.experiments, "keys": done.keys},
        "kept": done.spared,
        "noted": {**_listed(plan), "bytes": size},
        "temporary_files": [str(file) for file in files],
    }


def _listed(garbage: Garbage) -> dict[str, Any]:
    return {
        "runs": sorted(
            {*garbage.runs, *(run for runs in garbage.experiments.values() for run in runs)}
        ),
        "experiments": sorted(garbage.experiments),
        "keys": garbage.keys,
    }
