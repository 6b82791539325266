"""The use cases of policies: what a model's stage demands of versions that enter it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain import decisions
from stageline.domain.registry_names import canonical_stage
from stageline.registry.deployments import Deployments
from stageline.registry.facts import check_installed
from stageline.storage.parallel import together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.domain.model import Actor
    from stageline.domain.policy import Policy
    from stageline.domain.registry_events import KnownEvent
    from stageline.domain.registry_state import ModelState


class Policies(Deployments):
    """The policies of stages."""

    def get_policy(self, name: str, stage: str) -> Policy | None:
        """What a stage of a model demands; None if nothing was set."""
        state = self._active(name)
        return state.policies.get(canonical_stage(stage, state.stages))

    def set_policy(
        self,
        name: str,
        stage: str,
        policy: Policy | None,
        *,
        allow_unknown: bool = False,
        actor: str | Actor | None = None,
        reason: str | None = None,
    ) -> None:
        """Demand something of versions that enter a stage, or nothing any more. What is in the stage stays there.

        Args:
            name: The registered model.
            stage: One of its stages.
            policy: What holds from now on; None for nothing.
            allow_unknown: Accept a metric that no run of the model has, and a check that is not installed here. Any
                metric is accepted while the model has no versions: there is nothing to compare with.
            actor: Who sets it.
            reason: Why.

        Raises:
            InvalidInput: a rule can not mean anything, or names an unknown metric or check.
            NotAllowed: the actor is not an owner of the policy there is.
            NotFound: there is no such model.
        """
        context = self._doing(reason, actor)
        known: set[str] | None = None

        def decide(state: ModelState) -> Sequence[KnownEvent]:
            nonlocal known
            events = decisions.decide_set_policy(state, stage, policy, actor=context.actor)
            if policy is not None and policy.metrics and not allow_unknown:
                if known is None:
                    known = self._known_metrics(state, policy.metrics)
                decisions.check_metrics_known(state, policy, known)
            return events

        if policy is not None and not allow_unknown:
            check_installed(policy.checks)
        self._change(name, decide, context)

    def _known_metrics(self, state: ModelState, wanted: set[str]) -> set[str]:
        """The metrics of the versions, as they were registered; their runs are read only if one is missing."""
        known = {metric for one in state.versions.values() for metric in one.facts.metrics}
        if wanted <= known:
            return known
        now = together(self.facts_of, state.all_versions())
        return known | {metric for facts in now for metric in facts.metrics}
