"""Who may do what at a stage, by its policy."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.domain.model import Actor
    from stageline.domain.policy import Policy


def is_among(actor: Actor, people: Iterable[str], policy: Policy) -> bool:
    """Whether one of `people`, each a user or a role, is `actor`; where nobody is named, everybody is."""
    named = set(people)
    members = {name for role in named for name in policy.roles.get(role, ())}
    return not named or actor.name in named | members or bool(named & actor.roles)


def may_approve(actor: Actor, requested_by: str, policy: Policy) -> bool:
    """Whether `actor` may approve what `requested_by` asked for. Where no approver is named: who may transition."""
    is_self = actor.name == requested_by and not policy.allow_self_approval
    return not is_self and is_among(actor, policy.approvers or policy.may_transition, policy)


def approvals_needed(policy: Policy) -> int:
    """How many approvals a request needs: at least one, whatever the policy says."""
    return max(policy.approvals, 1)
