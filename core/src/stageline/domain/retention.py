"""Which runs a retention policy would delete, and why: decided from what is known of them, at a given time."""

from __future__ import annotations

import math
import re
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.domain.run import TAG_PROTECTED, LifecycleStage, Run, RunStatus
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

TAG_REGISTERED = "stageline.registered"
"""Set on a run from which a model version was registered."""

_AGE = re.compile(r"(\d+)\s*(d|h|w|days?|hours?|weeks?)")
_HOURS = {"h": 1, "d": 24, "w": 168}


class Action(str, Enum):
    """What becomes of a run."""

    DELETE = "delete"
    KEEP = "keep"

    __str__ = str.__str__


class Verdict(NamedTuple):
    """What becomes of one run, and the rule that says so."""

    run_id: str
    action: Action
    reason: str


class RetentionPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which runs to delete: those to which every given rule applies. Without a rule, none.

    A run that is protected, registered or running is kept whatever the rules say.
    """

    older_than: str = ""
    """Since its end: `30d`, `12h`, `2w`."""
    statuses: tuple[RunStatus, ...] = ()
    """Any of these."""
    tags: dict[str, str | None] = {}
    """Each of these tags has this value; None: the run has no such tag."""
    experiments: tuple[str, ...] = ()
    """In any of these experiments, by id, or by name where the caller tells the names."""
    deleted_only: bool = False
    """Deleted already: for good, then."""
    keep_last: int = 0
    """So many of the newest runs of each experiment are kept."""
    keep_best: str = ""
    """The best run of each experiment by this metric is kept: `val_loss ASC` or `accuracy DESC`."""

    def __post_init__(self) -> None:
        if self.older_than:
            age_ms(self.older_than)
        if self.keep_last < 0:
            raise InvalidInput(f"keep_last is a number of runs, not {self.keep_last}")
        if self.keep_best:
            _metric_and_sign(self.keep_best)

    @property
    def has_rules(self) -> bool:
        """Whether it says anything; if not, it deletes nothing."""
        return self != RetentionPolicy()


def decide(
    policy: RetentionPolicy,
    runs: Iterable[Run],
    now_ms: int,
    experiment_names: Mapping[str, str] | None = None,
) -> list[Verdict]:
    """A verdict on each run, the oldest first.

    Args:
        policy: What to delete.
        runs: All runs of the experiments in question: which is the last, the best or a parent is seen from these.
        now_ms: Unix time in milliseconds.
        experiment_names: Experiment id -> name, if the policy may name experiments.
    """
    known = sorted(runs, key=lambda run: (run.info.start_time, run.info.run_id))
    names = experiment_names or {}
    kept_by_rank = _kept_by_rank(policy, known)
    kept = {
        run.info.run_id: _why_kept(run)
        or _why_not_meant(policy, run, now_ms, names)
        or kept_by_rank.get(run.info.run_id)
        for run in known
    }
    _keep_parents(known, kept)
    return [_verdict(policy, run.info.run_id, kept[run.info.run_id]) for run in known]


def age_ms(text: str) -> int:
    """An age in milliseconds.

    >>> age_ms("2d") == 2 * age_ms("24h")
    True

    Raises:
        InvalidInput: the text is no age.
    """
    found = _AGE.fullmatch(text.strip().lower())
    if not found:
        raise InvalidInput(
            f"an age is a number of hours, days or weeks, such as '30d' or '12h', not {text!r}"
        )
    return int(found[1]) * _HOURS[found[2][0]] * 3_600_000


def _verdict(policy: RetentionPolicy, run_id: str, why_kept: str | None) -> Verdict:
    if why_kept is not None:
        return Verdict(run_id, Action.KEEP, why_kept)
    return Verdict(run_id, Action.DELETE, ", ".join(_rules(policy)))


def _why_kept(run: Run) -> str | None:
    """The reasons that no policy overrides."""
    if TAG_PROTECTED in run.data.tags:
        return "it is protected"
    if TAG_REGISTERED in run.data.tags:
        return "a model version was registered from it"
    if not run.info.status.is_terminal:
        return f"it is {run.info.status.lower()}"
    return None


def _why_not_meant(
    policy: RetentionPolicy, run: Run, now_ms: int, names: Mapping[str, str]
) -> str | None:
    if not policy.has_rules:
        return "the policy has no rule"
    info, tags = run.info, run.data.tags
    if (info.lifecycle_stage is LifecycleStage.DELETED) != policy.deleted_only:
        return "it is not deleted" if policy.deleted_only else "it is deleted already"
    if policy.experiments and not {info.experiment_id, names.get(info.experiment_id)} & {
        *policy.experiments
    }:
        return "it is in another experiment"
    if policy.statuses and info.status not in policy.statuses:
        return f"it is {info.status.lower()}"
    for key, value in policy.tags.items():
        if tags.get(key) != value:
            return f"its tag {key!r} is {tags.get(key, 'not set')!r}"
    if policy.older_than and now_ms - (info.end_time or info.start_time) < age_ms(
        policy.older_than
    ):
        return f"it is not older than {policy.older_than}"
    return None


def _kept_by_rank(policy: RetentionPolicy, runs: list[Run]) -> dict[str, str]:
    """Run id -> why, for the newest and the best of each experiment."""
    stage = LifecycleStage.DELETED if policy.deleted_only else LifecycleStage.ACTIVE
    of_experiment: dict[str, list[Run]] = {}
    for run in runs:
        if run.info.status.is_terminal and run.info.lifecycle_stage is stage:
            of_experiment.setdefault(run.info.experiment_id, []).append(run)
    kept: dict[str, str] = {}
    for peers in of_experiment.values():
        best = _best(policy.keep_best, peers) if policy.keep_best else None
        if best is not None:
            kept[best.info.run_id] = f"it is the best by {policy.keep_best}"
        for run in peers[-policy.keep_last :] if policy.keep_last else ():
            kept[run.info.run_id] = f"it is one of the last {policy.keep_last}"
    return kept


def _best(metric_and_order: str, runs: list[Run]) -> Run | None:
    metric, sign = _metric_and_sign(metric_and_order)
    measured = [run for run in runs if not math.isnan(run.data.metrics.get(metric, math.nan))]
    return max(measured, key=lambda run: sign * run.data.metrics[metric], default=None)


def _metric_and_sign(text: str) -> tuple[str, int]:
    metric, _, order = text.rpartition(" ")
    if order.upper() not in ("ASC", "DESC") or not metric.strip():
        # Guessing the direction could delete the very run that was to be kept.
        raise InvalidInput(
            f"keep_best names a metric and which end of it is best, 'val_loss ASC' or 'accuracy DESC', not {text!r}"
        )
    return metric.strip(), 1 if order.upper() == "DESC" else -1


def _keep_parents(runs: list[Run], kept: dict[str, str | None]) -> None:
    """Keep what a kept run is nested in, at any depth."""
    parents = {run.info.run_id: run.parent_run_id for run in runs}
    for run in runs:
        if kept[run.info.run_id] is None or run.info.lifecycle_stage is LifecycleStage.DELETED:
            continue
        parent = parents[run.info.run_id]
        while parent is not None and parent in kept and kept[parent] is None:
            kept[parent] = f"run {run.info.run_id}, which is kept, is nested in it"
            parent = parents[parent]


def _rules(policy: RetentionPolicy) -> Iterator[str]:
    if policy.deleted_only:
        yield "deleted"
    if policy.statuses:
        yield " or ".join(status.lower() for status in policy.statuses)
    if policy.older_than:
        yield f"older than {policy.older_than}"
    for key, value in policy.tags.items():
        yield f"no tag {key!r}" if value is None else f"tag {key!r} is {value!r}"
    if policy.experiments:
        yield f"in {' or '.join(policy.experiments)}"
    if policy.keep_last:
        yield f"not one of the last {policy.keep_last}"
    if policy.keep_best:
        yield f"not the best by {policy.keep_best}"
