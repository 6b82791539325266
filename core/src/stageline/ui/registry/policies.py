"""A policy in sentences: what a stage demands, beside its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stageline.domain.policy import Policy


def demands(policy: Policy) -> list[str]:
    """What it says beside what its gate's table shows."""
    said: list[str] = []
    if policy.rules:
        said.append(f"{len(policy.rules)} {'check' if len(policy.rules) == 1 else 'checks'}")
    if policy.approvals:
        by = f" by {_people(policy.approvers or policy.may_transition)}"
        plural = "approval" if policy.approvals == 1 else "approvals"
        said.append(f"{policy.approvals} {plural}{by if by != ' by ' else ''}")
        said.append(
            "whoever asks may approve"
            if policy.allow_self_approval
            else "nobody approves their own request"
        )
    if policy.may_transition:
        said.append(f"{_people(policy.may_transition)} may move versions here")
    if policy.from_stages:
        said.append(f"from {' or '.join(policy.from_stages)} only")
    if policy.max_versions is not None:
        said.append(f"holds {policy.max_versions} at most")
    if policy.is_protected:
        said.append("protected: what is here can be neither changed nor deleted")
    return said


def _people(names: tuple[str, ...]) -> str:
    return " or ".join(names)
