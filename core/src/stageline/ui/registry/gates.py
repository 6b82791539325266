"""What a gate says, in the few words of a table's cell: `3/4 checks, 1 approval missing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.gate import approvals_needed
from stageline.domain.gate_decision import APPROVALS, MAY_TRANSITION

if TYPE_CHECKING:
    from stageline.domain.gate_decision import Decision, RuleResult
    from stageline.domain.policy import Policy
    from stageline.domain.registry_events import TransitionRequest


class GateWords(NamedTuple):
    """What the gate of a stage says of a version."""

    text: str
    tone: str
    """`holds`, `open`, `passes`, `waits` for people, or `blocked` by a check."""


def gate_words(
    decision: Decision | None, policy: Policy | None, pending: TransitionRequest | None
) -> GateWords:
    """The state of a gate; no decision means that the version is in the stage already."""
    if decision is None:
        return GateWords("in the stage", "holds")
    if policy is None:
        return GateWords("no policy", "open")
    parts: list[str] = []
    checks = checks_of(decision)
    if checks:
        parts.append(f"{sum(one.passed for one in checks)}/{len(checks)} checks")
    missing = approvals_missing(policy, pending)
    if missing:
        parts.append(f"{missing} {'approval' if missing == 1 else 'approvals'} missing")
    elif any(one.rule == MAY_TRANSITION and not one.passed for one in decision.results):
        parts.append(f"{' or '.join(policy.may_transition)} may move it")
    if any(not one.passed and one.blocks for one in checks):
        tone = "blocked"
    else:
        tone = "passes" if decision.allowed else "waits"
    return GateWords(", ".join(parts) or "passes", tone)


def checks_of(decision: Decision) -> list[RuleResult]:
    """The rows that are not about people."""
    return [one for one in decision.results if one.rule not in (APPROVALS, MAY_TRANSITION)]


def blocking(decision: Decision) -> list[RuleResult]:
    """The checks that fail, and that no approval could replace."""
    return [one for one in checks_of(decision) if not one.passed and one.blocks]


def approvals_missing(policy: Policy, pending: TransitionRequest | None) -> int:
    """How many people must still say yes; 0 where a version may enter without anybody's."""
    if pending is None:
        return policy.approvals
    return max(approvals_needed(policy) - len(pending.approvals), 0)
