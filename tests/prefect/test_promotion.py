"""Promotions belong to the transaction that they are in: committed with it, and taken back when it is."""

from __future__ import annotations

import pytest
from prefect import flow, task
from prefect.transactions import transaction
from runs import run_of

from prefect_stageline import promote, rollback, tracked_flow, tracked_task
from prefect_stageline.promotion import ROLLED_BACK
from stageline.errors import Conflict, NotAllowed
from stageline.registry import MetricRule, Policy
from stageline.workspace import Workspace


@pytest.fixture
def wine(workspace: Workspace) -> str:
    """Two versions: the first in Production, the second in Staging."""
    for number in (1, 2):
        workspace.registry.register("wine", source=f"s3://models/{number}")
    workspace.registry.transition("wine", 1, "Production")
    workspace.registry.transition("wine", 2, "Staging")
    return "wine"


def stages(workspace: Workspace) -> dict[int, str]:
    return {one.version: one.current_stage for one in workspace.registry.versions("wine")}


BEFORE = {1: "Production", 2: "Staging"}
AFTER = {1: "Archived", 2: "Production"}


def test_a_version_is_promoted_with_reason_and_run(workspace: Workspace, wine: str):
    @tracked_task
    def deciding() -> int:
        return promote.fn(wine, "Production", archive_existing=True, reason="best")

    @tracked_flow
    def promoting() -> int:
        return deciding()

    assert promoting() == 2
    assert stages(workspace) == AFTER
    last = workspace.registry.history(wine)[-1]
    assert (last.reason, last.run_id) == ("best", run_of(workspace, "deciding").info.run_id)


def test_in_a_transaction_it_happens_when_that_is_committed(workspace: Workspace, wine: str):
    seen: list[dict[int, str]] = []

    @flow
    def promoting() -> None:
        with transaction():
            promote(wine, "Production", archive_existing=True)
            seen.append(stages(workspace))
        seen.append(stages(workspace))

    promoting()
    assert seen == [BEFORE, AFTER]


def test_a_transaction_that_fails_promotes_nothing(workspace: Workspace, wine: str):
    before = len(workspace.registry.history(wine))

    @task
    def score() -> None:
        raise ValueError("no data")

    @flow
    def promoting() -> None:
        with transaction():
            promote(wine, "Production", archive_existing=True)
            score()

    with pytest.raises(ValueError, match="no data"):
        promoting()
    assert stages(workspace) == BEFORE
    assert len(workspace.registry.history(wine)) == before


def test_a_task_that_fails_after_it_takes_it_back_and_says_why(workspace: Workspace, wine: str):
    @task
    def promote_and_score() -> None:
        promote.fn(wine, "Production", archive_existing=True)
        assert stages(workspace) == AFTER
        raise ValueError("no data")

    @flow
    def promoting() -> None:
        promote_and_score()

    with pytest.raises(ValueError, match="no data"):
        promoting()
    assert stages(workspace) == BEFORE
    assert workspace.registry.history(wine)[-1].reason == ROLLED_BACK


def test_what_others_did_since_is_left_alone(
    workspace: Workspace, wine: str, caplog: pytest.LogCaptureFixture
):
    @task
    def promote_and_score() -> None:
        promote.fn(wine, "Production", archive_existing=True)
        workspace.registry.transition(wine, 1, "Production", archive_existing=True)
        raise ValueError("no data")

    @flow
    def promoting() -> None:
        promote_and_score()

    with pytest.raises(ValueError, match="no data"):
        promoting()
    assert stages(workspace) == {1: "Production", 2: "Archived"}
    assert "a promotion is not taken back: version 1 of 'wine' is in Production" in caplog.text


def test_a_shut_gate_fails_the_task_inside_and_outside_of_a_transaction(
    workspace: Workspace, wine: str
):
    workspace.registry.set_policy(
        wine,
        "Production",
        Policy(rules=(MetricRule(condition="metrics.rmse < 1"),)),
        allow_unknown=True,
    )

    @flow
    def outside() -> None:
        promote(wine, "Production")

    @flow
    def inside() -> None:
        with transaction():
            promote(wine, "Production")

    for promoting in (outside, inside):
        with pytest.raises(NotAllowed, match=r"metrics\.rmse"):
            promoting()
    assert stages(workspace) == BEFORE


def test_a_version_that_moved_meanwhile_is_not_promoted(workspace: Workspace, wine: str):
    @flow
    def promoting() -> None:
        promote(wine, "Production", version=2, expected_stage="None")

    with pytest.raises(Conflict, match="is in Staging, not in None"):
        promoting()


def test_rollback_gives_the_stage_back(workspace: Workspace, wine: str):
    @flow
    def promoting() -> tuple[int, int]:
        return promote(wine, "Production", archive_existing=True), rollback(
            wine, "Production", reason="worse at night", actor="ann"
        )

    assert promoting() == (2, 1)
    assert stages(workspace) == {1: "Production", 2: "Archived"}
    last = workspace.registry.history(wine)[-1]
    assert (last.actor, last.reason) == ("ann", "worse at night")
