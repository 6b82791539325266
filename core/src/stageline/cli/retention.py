"""Deleting runs by a policy: the plan, the question, the deed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stageline.cli.session import Session

if TYPE_CHECKING:
    from stageline.domain.retention import RetentionPolicy, Verdict
    from stageline.domain.run import Run


def delete_by_policy(here: Session, policy: RetentionPolicy, dry_run: bool, yes: bool) -> None:
    """Say what `policy` is about, ask unless `yes`, and delete it unless this is a dry run."""
    from stageline.cli.finding import all_experiments, every_run
    from stageline.cli.progress import Bar, working
    from stageline.domain.retention import Action, decide

    workspace = here.workspace
    with working("reading the runs"):
        ids = list(policy.experiments) or all_experiments(workspace)
        runs = {run.info.run_id: run for run in every_run(workspace, ids)}
    verdicts = decide(policy, runs.values(), workspace.clock.now_ms())
    doomed = [verdict.run_id for verdict in verdicts if verdict.action is Action.DELETE]
    if not here.as_json:
        _print_plan(verdicts, runs)
    if doomed and not dry_run:
        here.confirm(f"Delete {len(doomed)} runs?", yes=yes)
        with Bar("deleting", len(doomed)) as bar:
            for run_id in doomed:
                workspace.runs.delete(run_id)
                bar()
    plan = [{"run_id": v.run_id, "action": str(v.action), "reason": v.reason} for v in verdicts]
    here.say(
        {"dry_run": dry_run, "deleted": doomed, "plan": plan},
        f"{'would delete' if dry_run else 'deleted'} {len(doomed)} of {len(runs)} runs",
    )


def _print_plan(verdicts: Sequence[Verdict], runs: dict[str, Run]) -> None:
    from stageline.cli.tables import Column, print_table
    from stageline.domain.retention import Action

    rows = [
        [v.run_id, runs[v.run_id].info.run_name, v.reason]
        for v in verdicts
        if v.action is Action.DELETE
    ]
    if rows:
        print_table([Column("delete", shrinks=False), Column("name"), Column("because")], rows)
    kept = Counter(v.reason for v in verdicts if v.action is Action.KEEP)
    for reason, count in kept.most_common():
        print(f"kept {count}: {reason}")
