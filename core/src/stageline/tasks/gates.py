"""A version before the gate of a stage: is it open, may somebody open it, and what did they say."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stageline.domain.gate import GateRefused
from stageline.domain.registry_events import RequestStatus, TransitionRequest
from stageline.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from stageline.domain.gate import Decision
    from stageline.registry.registry import Registry


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A version that wants to enter a stage; `decide` judges it as things are now.

    Args:
        registry: In whose name it is asked: see `Registry.acting`.
        model: A registered model.
        version: Its version.
        stage: The stage, in any case.
        archive_existing: Whether versions that hold the stage are to be archived when it enters.
    """

    registry: Registry
    model: str
    version: int
    stage: str
    archive_existing: bool = False

    @property
    def is_behind(self) -> bool:
        """Whether the version is in the stage already."""
        found = self.registry.get_version(self.model, self.version)
        return found.current_stage.lower() == self.stage.lower()

    def decide(self) -> Decision:
        """The table. Writes nothing. Raises `NotFound`, `InvalidInput`."""
        return self.registry.check_gate(
            self.model, self.version, self.stage, archive_existing=self.archive_existing
        )

    def refusal(self, decision: Decision) -> GateRefused:
        """The error of a gate that is shut."""
        why = "; ".join(one.told for one in decision.failures)
        step = (
            "Ask for approval: on_block='pause', or request_transition"
            if decision.lacks_only_approval
            else "No approval opens it: mend what fails, or the policy"
        )
        return GateRefused(
            f"version {self.version} of {self.model!r} may not enter {decision.to_stage}: {why}. {step}",
            decision,
        )

    def find_request(self) -> TransitionRequest | None:
        """The request for this that is open, whoever asked."""
        found = self.registry.requests(self.model, version=self.version, stage=self.stage)
        return found[0][1] if found else None

    def ask(self, comment: str | None = None) -> TransitionRequest:
        """Open a request, which an approval answers.

        Raises:
            GateRefused: no approval could let the version in; the refused request is recorded.
        """
        return self.registry.request_transition(
            self.model,
            self.version,
            self.stage,
            archive_existing=self.archive_existing,
            comment=comment,
        )

    def standing(self, request: TransitionRequest) -> TransitionRequest:
        """The request as it is now, whoever has answered it from wherever."""
        return self.registry.get_request(self.model, request.number)

    def answer(self, request: TransitionRequest, answer: Answer) -> TransitionRequest:
        """Record what a person said. One that somebody else has answered meanwhile stays as it is.

        Raises:
            GateRefused: approved, but the rules do not hold any more.
            NotAllowed: that person may not decide it, or asked for it.
            InvalidInput: nobody is named, or the name or the comment can not be recorded.
        """
        if not answer.by.strip():
            raise InvalidInput("whoever answers has to be named: the history says who it was")
        decide = self.registry.approve if answer.approves else self.registry.reject
        try:
            return decide(
                self.model, request.number, comment=answer.comment or None, actor=answer.by.strip()
            )
        except Conflict:
            return self.standing(request)

    def withdraw(self, request: TransitionRequest, comment: str) -> None:
        """Ask no longer, unless somebody has answered meanwhile."""
        with suppress(Conflict):
            self.registry.cancel(self.model, request.number, comment=comment)

    def closing(self, request: TransitionRequest) -> GateRefused:
        """The error of a request that was closed with no."""
        said = f": {request.closing_comment}" if request.closing_comment else ""
        return GateRefused(
            f"request {request.number} of {self.model!r}, that version {self.version} enter {request.to_stage}, was "
            f"{request.status} by {request.closed_by!r}{said}",
            request.decision,
        )


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a person said to a request."""

    approves: bool
    by: str
    comment: str = ""


def is_open(request: TransitionRequest) -> bool:
    """Whether the request waits for an answer."""
    return request.status is RequestStatus.PENDING


def is_granted(request: TransitionRequest) -> bool:
    """Whether the version entered the stage by it."""
    return request.status is RequestStatus.APPROVED


__all__ = ["Answer", "Gate", "GateRefused", "TransitionRequest", "is_granted", "is_open"]
