"""What a gate looks at."""

from __future__ import annotations

import msgspec

from stageline.domain.model import Actor, VersionFacts
from stageline.domain.policy import Policy


class CheckOutcome(msgspec.Struct, frozen=True):
    """What a custom check said."""

    passed: bool
    message: str = ""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out for a decision and is not in the journal."""

    versions: dict[int, VersionFacts] = {}
    """Of the candidate and of those that hold the stage; where one is missing, its facts at registration count."""
    checks: dict[str, CheckOutcome] = {}


class GateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that a gate looks at."""

    version: int
    from_stage: str
    to_stage: str
    actor: Actor
    candidate: VersionFacts = VersionFacts()
    tags: dict[str, str] = {}
    incumbents: dict[int, VersionFacts] = {}
    """The other versions that hold the stage now."""
    remaining: int = 0
    """How many of them will still hold it afterwards."""
    checks: dict[str, CheckOutcome] = {}
    approved_by: tuple[str, ...] = ()
    is_requested: bool = False
    """Whether the version enters by request: the approvals stand for the right to move it."""
    leaving: Policy = Policy()
    """Of the stage that the version is in."""
