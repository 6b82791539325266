"""The registry of the demo: versions of a model on their way, one rolled back, one that waits for an approval."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from stageline.errors import NotAllowed
from stageline.registry import BetterRule, MetricRule, Policy, SignatureRule

if TYPE_CHECKING:
    from demo_store import Team

MODEL = "wine-quality"
POLICY = Policy(
    rules=(
        MetricRule(condition="metrics.rmse < 0.7"),
        SignatureRule(),
        BetterRule(metric="rmse", direction="min", margin=0.001),
    ),
    approvals=1,
    approvers=("bob", "carol"),
)
ABOUT = """Predicts the quality of a wine from its chemistry.

Owned by *quality*; scored each night, see the [runbook](https://wiki.example/wine).
"""


def fill_registry(team: Team) -> None:
    """Two models with a history, and one that is new."""
    registry = team.workspace.registry
    first, second, third, fourth = team.candidates
    with_tags = {"data": "wine.csv"}

    team.at(55)
    registry.register(MODEL, run_id=first[0], artifact_path="model")
    registry.set_description(MODEL, ABOUT)
    for key, value in with_tags.items():
        registry.set_tag(MODEL, key, value)
    team.at(54.5)
    registry.transition(MODEL, 1, "Staging", reason="first of its kind")
    team.at(50)
    registry.transition(MODEL, 1, "Production", reason="reviewed in the weekly")
    registry.set_alias(MODEL, "champion", 1)
    registry.set_policy(MODEL, "Production", POLICY)

    team.at(34.8)
    registry.register(MODEL, run_id=second[0], artifact_path="model")
    registry.transition(MODEL, 2, "Staging")
    team.at(33)
    asked = registry.request_transition(
        MODEL, 2, "Production", archive_existing=True, comment="new data, lower error", actor="ann"
    )
    team.at(32.6)
    registry.approve(MODEL, asked.number, comment="residuals look fine", actor="bob")
    registry.set_alias(MODEL, "champion", 2)

    team.at(20.9)
    registry.register(MODEL, run_id=third[0], artifact_path="model")
    registry.register(MODEL, run_id=third[6], artifact_path="model")
    team.at(20.5)
    with suppress(NotAllowed):  # the gate says no, and that is on record
        registry.request_transition(MODEL, 4, "Production", archive_existing=True, actor="ann")
    asked = registry.request_transition(
        MODEL, 3, "Production", archive_existing=True, comment="best of the sweep", actor="ann"
    )
    team.at(19.5)
    registry.approve(MODEL, asked.number, actor="carol")
    team.at(16)
    registry.rollback(MODEL, "Production", reason="drift on pH after the lab moved", actor="bob")
    registry.set_version_description(MODEL, 3, "Rolled back: **pH** was measured another way.")

    team.at(6.8)
    registry.register(MODEL, run_id=fourth[0], artifact_path="model")
    registry.transition(MODEL, 5, "Staging", reason="nightly comparison")
    registry.set_alias(MODEL, "challenger", 5)
    registry.set_deployment(MODEL, 2, "scoring-eu", url="https://scoring.example/wine")
    registry.set_deployment(MODEL, 5, "shadow", url="https://shadow.example/wine")
    team.at(0.3)
    registry.request_transition(
        MODEL,
        5,
        "Production",
        archive_existing=True,
        comment="a week in shadow, no drift",
        actor="ann",
    )
    _others(team)


def _others(team: Team) -> None:
    registry = team.workspace.registry
    digits = team.run_named("digits-mlp", "mlp-05")
    team.at(4)
    registry.register("digits", run_id=digits, artifact_path="model")
    registry.transition("digits", 1, "Staging")
    registry.set_alias("digits", "nightly", 1)
