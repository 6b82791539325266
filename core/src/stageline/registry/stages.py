"""The use cases of stages: gates, transitions, rollback, protection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain import decisions, stage_decisions
from stageline.domain.gate import Decision, GateRefused, Measured
from stageline.domain.registry_events import RequestOpened, RequestStatus
from stageline.domain.registry_names import canonical_stage, check_version
from stageline.domain.stage_decisions import Deed, Move
from stageline.errors import NotAllowed
from stageline.registry.facts import run_check
from stageline.registry.policies import Policies
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from stageline.domain.model import Actor, ModelVersion, VersionFacts
    from stageline.domain.registry_events import KnownEvent
    from stageline.domain.registry_state import ModelState
    from stageline.registry.ledger import Context


class Stages(Policies):
    """Versions on their way from stage to stage."""

    # -- transitions ------------------------------------------------------------------------------

    def check_gate(
        self,
        name: str,
        version: int | str,
        stage: str,
        *,
        archive_existing: bool = False,
        actor: str | Actor | None = None,
    ) -> Decision:
        """Whether `transition` would let a version into a stage now, with each rule's measured value. Writes nothing.

        `print(decision)` shows the table. Raises `NotFound`, `InvalidInput`.
        """
        state = self._active(name)
        asked = Move(version=check_version(version), stage=stage, archive_existing=archive_existing)
        move = stage_decisions.checked_move(state, asked)
        measured = self._measured(state, move)
        return stage_decisions.judge(state, move, self._doing(None, actor).actor, measured)

    def check_gates(
        self,
        name: str,
        stage: str,
        versions: Iterable[int] | None = None,
        *,
        archive_existing: bool = False,
        actor: str | Actor | None = None,
    ) -> dict[int, Decision]:
        """`check_gate` for several versions, or for all outside the stage: one look at the model and at each run."""
        state = self._active(name)
        stage = canonical_stage(stage, state.stages)
        held = state.holding(stage)
        numbers = [n for n in (state.numbers() if versions is None else versions) if n not in held]
        moves = [
            stage_decisions.checked_move(
                state, Move(version=n, stage=stage, archive_existing=archive_existing)
            )
            for n in numbers
        ]
        asked = {n: decisions.get_version(state, n) for n in (*numbers, *held)} if moves else {}
        facts = (
            dict(zip(asked, together(self.facts_of, asked.values()), strict=True))
            if state.policy(stage).needs_facts
            else {}
        )
        person = self._doing(None, actor).actor
        return {
            move.version: stage_decisions.judge(
                state, move, person, self._measured(state, move, facts)
            )
            for move in moves
        }

    def transition(
        self,
        name: str,
        version: int | str,
        stage: str,
        *,
        archive_existing: bool = False,
        expected_stage: str | None = None,
        reason: str | None = None,
        actor: str | Actor | None = None,
    ) -> ModelVersion:
        """Bring a version into a stage. Of any number that race, each is judged on what the one before left.

        Args:
            name: The registered model.
            version: The version.
            stage: Any case will do.
            archive_existing: Move the versions that hold the stage to Archived, in the same instant.
            expected_stage: Refuse unless the version is in this stage: compare-and-set.
            reason: Why, for the history.
            actor: Who, if not who opened the registry.

        Raises:
            Conflict: the version is not in `expected_stage`.
            GateRefused: the stage's policy does not let it in; the refused request is recorded with the decision.
            InvalidInput: there is no such stage.
            NotFound: there is no such model or version.
        """
        context = self._doing(reason, actor)
        move = Move(
            version=check_version(version),
            stage=stage,
            archive_existing=archive_existing,
            expected_stage=expected_stage,
        )
        deed = self._deed(context)

        def decide(state: ModelState) -> Sequence[KnownEvent]:
            return stage_decisions.decide_transition(state, move, deed, self._measured(state, move))

        change = self._change(name, decide, context)
        raise_refused(name, change.events)
        return decisions.get_version(change.state, move.version)

    def rollback(
        self,
        name: str,
        stage: str,
        *,
        reason: str | None = None,
        actor: str | Actor | None = None,
    ) -> ModelVersion:
        """Give a stage back to the version that held it before the one that entered last. That one is archived.

        Its rules and approvals are not asked again. Another rollback goes back one more.

        Raises:
            NotAllowed: the actor may not move versions there.
            NotFound: the stage is empty, or no version was in it before.
        """
        context = self._doing(reason, actor)
        deed = self._deed(context)
        change = self._change(
            name, lambda state: stage_decisions.decide_rollback(state, stage, deed), context
        )
        held = change.state.holders[canonical_stage(stage, change.state.stages)]
        inside = change.state.holding(canonical_stage(stage, change.state.stages))
        return decisions.get_version(
            change.state, next(number for number in reversed(held) if number in inside)
        )

    # -- protection -------------------------------------------------------------------------------

    def protected_runs(self) -> dict[str, tuple[str, int]]:
        """The runs of versions in protected stages, with model and version: one listing for all models."""
        return {
            version.run_id: (state.name, version.version)
            for state in self._states()
            for version in state.all_versions()
            if version.run_id is not None and state.policy(version.current_stage).is_protected
        }

    def check_run_unprotected(self, run_id: str) -> None:
        """Raise `NotAllowed` if a version of the run is in a protected stage: neither may change or go then."""
        found = self.protected_runs().get(run_id)
        if found is not None:
            name, version = found
            raise NotAllowed(
                f"run {run_id} can be neither changed nor deleted: version {version} of {name!r} was registered from "
                "it and is in a protected stage. Move it to another stage first"
            )

    # -- what is measured -------------------------------------------------------------------------

    def _deed(self, context: Context) -> Deed:
        return Deed(actor=context.actor, time=self._ledger.clock.now_ms())

    def _measured(
        self, state: ModelState, move: Move, known: Mapping[int, VersionFacts] | None = None
    ) -> Measured:
        """What the policy's rules ask for and the journal does not know: no request where they ask for nothing."""
        move = stage_decisions.checked_move(state, move)
        policy = state.policy(move.stage)
        if not policy.needs_facts:
            return stage_decisions.NOTHING_MEASURED
        numbers = [move.version, *(n for n in state.holding(move.stage) if n != move.version)]
        versions = [decisions.get_version(state, number) for number in numbers]
        facts = [known[n] for n in numbers] if known else together(self.facts_of, versions)
        checks = {name: run_check(name, versions[0], facts[0]) for name in policy.checks}
        return Measured(versions=dict(zip(numbers, facts, strict=True)), checks=checks)


def raise_refused(name: str, events: Sequence[KnownEvent]) -> None:
    """Raise what the gate said, now that it is recorded."""
    for event in events:
        if isinstance(event, RequestOpened):
            request = event.request
            if request.status is RequestStatus.REFUSED and request.decision is not None:
                raise refusal(name, request.number, request.decision)


def refusal(name: str, number: int, decision: Decision) -> GateRefused:
    """The error that says which rules stand in the way, and what to do."""
    why = "; ".join(one.told for one in decision.failures)
    step = (
        "Ask for approval with request_transition"
        if decision.lacks_only_approval
        else "check_gate shows the whole table"
    )
    return GateRefused(
        f"version {decision.version} of {name!r} may not enter {decision.to_stage}: {why}. "
        f"Recorded as request {number}. {step}",
        decision,
    )
