"""The table of a model's versions: where each stands, what its gate says, how far it is from what holds the stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stageline.cli.registry_naming import document
from stageline.cli.render import ago, number
from stageline.cli.tables import Column, print_table

if TYPE_CHECKING:
    from stageline.cli.session import Session
    from stageline.domain.gate import Decision
    from stageline.domain.model import ModelVersion, RegisteredModel
    from stageline.domain.policy import Policy


@dataclass(frozen=True)
class VersionTable:
    """Versions, the newest first, beside the version that holds a stage."""

    versions: Sequence[ModelVersion]
    total: int
    stage: str
    has_policy: bool
    decisions: Mapping[int, Decision]
    metric: str
    values: Mapping[int, float]
    holder: int | None
    now_ms: int

    @classmethod
    def read(
        cls,
        here: Session,
        model: RegisteredModel,
        *,
        stage: str = "",
        metric: str = "",
        limit: int = 20,
    ) -> VersionTable:
        """Ask the registry, and the runs of the versions that are shown. Raises `InvalidInput` for an unknown stage."""
        from stageline.domain.registry_names import canonical_stage
        from stageline.storage.parallel import together

        desk = here.workspace.registry
        stage = canonical_stage(stage or model.final_stage, model.stages)
        policy = desk.get_policy(model.name, stage)
        known = desk.versions(model.name)
        shown = known[::-1][:limit]
        held = desk.latest_versions(model.name, [stage])
        looked = {one.version: one for one in (*shown, *held)}
        facts = dict(zip(looked, together(desk.facts_of, looked.values()), strict=True))
        metric = metric or _metric(policy, [one.metrics for one in facts.values()])
        return cls(
            versions=shown,
            total=len(known),
            stage=stage,
            has_policy=policy is not None,
            decisions=desk.check_gates(
                model.name,
                stage,
                [one.version for one in shown],
                # As if it were to replace what is there: the table is about the versions.
                archive_existing=model.archive_stage is not None
                and stage not in (model.stages[0], model.archive_stage),
            ),
            metric=metric,
            values={n: one.metrics[metric] for n, one in facts.items() if metric in one.metrics},
            holder=held[0].version if held else None,
            now_ms=here.workspace.clock.now_ms(),
        )

    def delta(self, version: int) -> float | None:
        """By how much the metric differs from the holder's; None where either has none, and for the holder itself."""
        if version == self.holder or self.holder is None:
            return None
        mine, theirs = self.values.get(version), self.values.get(self.holder)
        return None if mine is None or theirs is None else mine - theirs

    def gate(self, version: int) -> str:
        """What the gate says in a word or two; `holds it` for a version that is in the stage."""
        decision = self.decisions.get(version)
        if decision is None:
            return "holds it"
        if not self.has_policy:
            return "open"
        if decision.lacks_only_approval:
            return "needs approval"
        if not decision.allowed:
            return f"{len(decision.failures)} block"
        return f"passes, {len(decision.warnings)} warn" if decision.warnings else "passes"

    def document(self) -> dict[str, Any]:
        """For a program."""
        return {
            "stage": self.stage,
            "metric": self.metric or None,
            "versions": [
                {
                    **document(one),
                    "gate": self.gate(one.version),
                    "value": self.values.get(one.version),
                    "delta": self.delta(one.version),
                }
                for one in self.versions
            ],
            "has_more": self.total > len(self.versions),
        }

    def print(self) -> None:
        """For people."""
        if not self.versions:
            print("no versions")
            return
        columns = [
            Column("version", True, shrinks=False),
            Column("stage", shrinks=False),
            Column("aliases"),
            Column(f"gate to {self.stage}", shrinks=False),
        ]
        if self.metric:
            columns += [Column(self.metric, True), Column(f"vs {self.stage}", True)]
        columns += [Column("run"), Column("by"), Column("registered")]
        print_table(columns, [self._row(one) for one in self.versions])
        if self.total > len(self.versions):
            print(f"\nthe newest {len(self.versions)} of {self.total}: --limit shows more")

    def _row(self, one: ModelVersion) -> list[str]:
        row = [
            str(one.version),
            one.current_stage,
            ", ".join(f"@{alias}" for alias in one.aliases),
            self.gate(one.version),
        ]
        if self.metric:
            value, delta = self.values.get(one.version), self.delta(one.version)
            row += [
                "" if value is None else number(value),
                "" if delta is None else f"{delta:+.4g}",
            ]
        return [*row, one.run_id or "", one.user_id, ago(one.creation_timestamp, self.now_ms)]


def _metric(policy: Policy | None, metrics: Sequence[Mapping[str, float]]) -> str:
    """The metric that matters: the first that the policy names, else the only one there is."""
    from stageline.domain.policy import BetterRule, MetricRule, metric_conditions

    for rule in policy.rules if policy else ():
        if isinstance(rule, BetterRule):
            return rule.metric
        if isinstance(rule, MetricRule):
            return metric_conditions(rule)[0].key
    known = {key for one in metrics for key in one}
    return known.pop() if len(known) == 1 else ""
