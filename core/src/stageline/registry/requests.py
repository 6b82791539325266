"""The use cases of requests: ask for a transition, approve it, reject it, cancel it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stageline.domain import stage_decisions
from stageline.domain.gate import may_approve
from stageline.domain.registry_events import RequestStatus, TransitionRequest
from stageline.domain.registry_names import canonical_stage, check_comment, check_version
from stageline.domain.stage_decisions import Move
from stageline.errors import InvalidInput
from stageline.registry.stages import Stages, raise_refused, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stageline.domain.gate import Measured
    from stageline.domain.model import Actor
    from stageline.domain.registry_events import KnownEvent
    from stageline.domain.registry_state import ModelState


class Requests(Stages):
    """Transitions that wait for somebody's yes."""

    def request_transition(
        self,
        name: str,
        version: int | str,
        stage: str,
        *,
        archive_existing: bool = False,
        comment: str | None = None,
        actor: str | Actor | None = None,
    ) -> TransitionRequest:
        """Ask that a version may enter a stage; the open request of the same person for the same, if there is one.

        Raises:
            AlreadyExists: somebody else's request for the same is open.
            GateRefused: no approval could let it in; the refused request is recorded with the decision.
            InvalidInput: there is no such stage, or the version is in it.
            NotFound: there is no such model or version.
        """
        text = check_comment("comment", comment)
        context = self._doing(comment, actor)
        deed = self._deed(context)
        move = Move(version=check_version(version), stage=stage, archive_existing=archive_existing)

        def decide(state: ModelState) -> Sequence[KnownEvent]:
            return stage_decisions.decide_request(
                state, move, deed, self._measured(state, move), comment=text
            )

        change = self._change(name, decide, context)
        raise_refused(name, change.events)
        asked = stage_decisions.find_pending(
            change.state, stage_decisions.checked_move(change.state, move)
        )
        assert asked is not None
        return asked

    def approve(
        self,
        name: str,
        request: int,
        *,
        comment: str | None = None,
        actor: str | Actor | None = None,
    ) -> TransitionRequest:
        """Say yes; the yes that completes the policy moves the version in the same instant.

        The same person's second yes changes nothing.

        Raises:
            Conflict: the request is closed.
            GateRefused: the rules do not hold any more; the request is refused by that.
            NotAllowed: the actor may not approve, or asked for it.
            NotFound: there is no such request.
        """
        text = check_comment("comment", comment)
        context = self._doing(comment, actor)
        deed, number = self._deed(context), _number(request)

        def decide(state: ModelState) -> Sequence[KnownEvent]:
            return stage_decisions.decide_approve(
                state, number, deed, self._measured_for(state, number, context.actor), comment=text
            )

        state = self._change(name, decide, context).state
        answered = stage_decisions.get_request(state, number)
        if answered.status is RequestStatus.REFUSED and answered.decision is not None:
            raise refusal(name, number, answered.decision)
        return answered

    def reject(
        self,
        name: str,
        request: int,
        *,
        comment: str | None = None,
        actor: str | Actor | None = None,
    ) -> TransitionRequest:
        """Say no, which closes the request. Raises as `approve` does."""
        return self._closed(stage_decisions.decide_reject, name, request, comment, actor)

    def cancel(
        self,
        name: str,
        request: int,
        *,
        comment: str | None = None,
        actor: str | Actor | None = None,
    ) -> TransitionRequest:
        """Take one's own request back. Raises as `approve` does."""
        return self._closed(stage_decisions.decide_cancel, name, request, comment, actor)

    def _closed(
        self,
        decide: Callable[..., list[KnownEvent]],
        name: str,
        request: int,
        comment: str | None,
        actor: str | Actor | None,
    ) -> TransitionRequest:
        text = check_comment("comment", comment)
        context = self._doing(comment, actor)
        deed, number = self._deed(context), _number(request)
        change = self._change(
            name, lambda state: decide(state, number, deed, comment=text), context
        )
        return stage_decisions.get_request(change.state, number)

    def get_request(self, name: str, request: int) -> TransitionRequest:
        """A request: any open one, or one of the last that were closed. Raises `NotFound`."""
        return stage_decisions.get_request(self._active(name), _number(request))

    def requests(
        self,
        name: str | None = None,
        *,
        status: RequestStatus | str | None = RequestStatus.PENDING,
        version: int | str | None = None,
        stage: str | None = None,
    ) -> list[tuple[str, TransitionRequest]]:
        """Requests with the name of their model, the oldest first: of one model, or of all by one listing.

        Args:
            name: A registered model; all if not given.
            status: Those that stand so; None for all that are remembered (fifty closed ones a model).
            version: Those for one version.
            stage: Those for one stage.
        """
        try:
            wanted = None if status is None else RequestStatus(status)
        except ValueError:
            known = ", ".join(one.value for one in RequestStatus)
            raise InvalidInput(f"Invalid status {status!r}: expected one of {known}") from None
        number = None if version is None else check_version(version)
        states = [self._active(name)] if name is not None else self._states()
        found: list[tuple[str, TransitionRequest]] = []
        for state in states:
            if stage is not None and name is not None:
                canonical_stage(stage, state.stages)
            found += [
                (state.name, request)
                for request in state.requests.values()
                if wanted in (None, request.status)
                and (number is None or number == request.version)
                and (stage is None or stage.lower() == request.to_stage.lower())
            ]
        return sorted(found, key=lambda one: (one[1].time, one[0], one[1].number))

    def _measured_for(self, state: ModelState, number: int, actor: Actor) -> Measured:
        """The facts for an approval; none where the approval will be refused anyhow."""
        request = stage_decisions.get_pending(state, number)
        if not may_approve(actor, request.requested_by, state.policy(request.to_stage)):
            return stage_decisions.NOTHING_MEASURED
        return self._measured(state, Move(version=request.version, stage=request.to_stage))


def _number(request: Any) -> int:
    if isinstance(request, bool) or not isinstance(request, int) or request < 1:
        raise InvalidInput(f"Invalid request {request!r}: expected its number")
    return request
