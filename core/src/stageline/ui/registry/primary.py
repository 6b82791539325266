"""The metric by which the versions of a model are told apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.policy import BetterRule, MetricRule, metric_conditions
from stageline.ui.primary import Primary, sign_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from stageline.domain.policy import Policy


def primary_metric(
    policy: Policy | None, metrics: Collection[Mapping[str, float]], wanted: str = ""
) -> Primary | None:
    """The one that was asked for, else the first that the policy names, else one that most versions have."""
    key = wanted or _named_in(policy) or _common(metrics)
    return Primary(key, sign_of(key, policy)) if key else None


def _named_in(policy: Policy | None) -> str:
    rules = policy.rules if policy else ()
    better = [rule.metric for rule in rules if isinstance(rule, BetterRule)]
    limits = [
        one.key for rule in rules if isinstance(rule, MetricRule) for one in metric_conditions(rule)
    ]
    return next(iter((*better, *limits)), "")


def _common(metrics: Collection[Mapping[str, float]]) -> str:
    counts: dict[str, int] = {}
    for each in metrics:
        for key in each:
            counts[key] = counts.get(key, 0) + 1
    return min(counts, key=lambda key: (-counts[key], key), default="")
