"""Which way a metric is better, and what that says of two of its values."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.policy import BetterRule, MetricRule, metric_conditions
from stageline.domain.vocabulary import Operator

if TYPE_CHECKING:
    from stageline.domain.policy import Policy

# What the field calls its losses and its scores; a name that says neither gets no verdict.
_LESS = re.compile(r"loss|error|err|rmse|mse|mae|mape|latency|perplexity", re.IGNORECASE)
_MORE = re.compile(r"acc|auc|f1|r2|precision|recall|score|gain|map", re.IGNORECASE)
_SMALLER = (Operator.LT, Operator.LE)
_GREATER = (Operator.GT, Operator.GE)


class Primary(NamedTuple):
    """A metric; `sign` is -1 where less is better, 1 where more is, 0 where nobody knows."""

    key: str
    sign: int


def sign_of(key: str, policy: Policy | None = None) -> int:
    """Which way a metric is better: by the policy, else by what such names mean in the field."""
    for rule in policy.rules if policy else ():
        if isinstance(rule, BetterRule) and rule.metric == key:
            return -1 if rule.direction == "min" else 1
        if isinstance(rule, MetricRule):
            for condition in metric_conditions(rule):
                if condition.key == key and condition.operator in (*_SMALLER, *_GREATER):
                    return -1 if condition.operator in _SMALLER else 1
    if _LESS.search(key):
        return -1
    return 1 if _MORE.search(key) else 0


def verdict(delta: float | None, sign: int) -> str:
    """`better`, `worse`, or nothing where they are equal or nobody knows."""
    if delta is None or math.isnan(delta) or not delta * sign:
        return ""
    return "better" if delta * sign > 0 else "worse"
