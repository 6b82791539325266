"""What was deleted, collected or damaged is still told, and hides nothing else."""

from __future__ import annotations

import pytest
from lineage_flows import (
    CHAIN,
    arrows,
    labels,
    trained,
)

from stageline import Workspace
from stageline.domain.graph import NodeKind
from stageline.domain.model_input import model_input
from stageline.errors import NotFound


def test_deleted_run_is_shown_as_deleted(workspace: Workspace) -> None:
    run_id = trained(workspace)
    workspace.registry.register("wine", run_id=run_id)
    workspace.runs.delete(run_id)
    for target in ("models:/wine/1", "dataset:wine.csv", run_id):
        node = workspace.lineage.of(target).node(f"run:{run_id}")
        assert node.attributes["lifecycle_stage"] == "deleted"
        assert not node.is_missing


def test_collected_run_is_missing_and_what_it_led_to_is_not(workspace: Workspace) -> None:
    run_id = trained(workspace)
    workspace.registry.register("wine", run_id=run_id)
    for entry in workspace.store.list("runs/"):
        workspace.store.delete(entry.key)
    node = workspace.lineage.of("models:/wine/1").node(f"run:{run_id}")
    assert (node.is_missing, node.label) == (True, run_id)
    with pytest.raises(NotFound):
        workspace.lineage.of(run_id)


def test_deleted_version_still_leads_from_who_loaded_it_to_who_trained_it(
    workspace: Workspace,
) -> None:
    run_id = trained(workspace)
    workspace.registry.register("wine", run_id=run_id)
    batch = trained(workspace, model_input("models:/wine/1", "u"), run_name="batch")
    workspace.registry.delete_version("wine", 1)
    graph = workspace.lineage.of(batch, direction="up")
    assert arrows(graph) == [CHAIN[0], "wine v1 -loaded-> batch", CHAIN[3]]
    assert graph.node("model_version:wine/1").is_missing
    assert "wine v1" not in labels(workspace.lineage.of(run_id), NodeKind.VERSION)


def test_version_of_a_renamed_model_says_its_name_of_today(workspace: Workspace) -> None:
    run_id = trained(workspace)
    workspace.registry.register("wine", run_id=run_id)
    batch = trained(workspace, model_input("models:/wine/1", "u"), run_name="batch")
    workspace.registry.rename("wine", "port")
    graph = workspace.lineage.of(batch, direction="up")
    assert graph.node("model_version:wine/1").attributes["renamed_to"] == "port"
    assert f"run:{run_id}" in graph


def test_version_that_never_was_is_missing(workspace: Workspace) -> None:
    batch = trained(workspace, model_input("models:/wine/7", "u"), run_name="batch")
    node = workspace.lineage.of(batch).node("model_version:wine/7")
    assert (node.is_missing, node.label) == (True, "wine v7")


def test_damaged_run_does_not_hide_the_others(workspace: Workspace, chain: str) -> None:
    bad = trained(workspace, run_name="bad")
    other = trained(workspace, run_name="good", parent_run_id=bad)
    for entry in workspace.store.list(f"runs/{bad}/log/"):
        workspace.store.replace(entry.key, b"no such thing")
    node = workspace.lineage.of(other, direction="up").node(f"run:{bad}")
    assert node.is_missing
    assert "read" in node.attributes["problem"]


def test_parent_that_is_no_run_and_runs_that_name_each_other_end_the_walk(
    workspace: Workspace,
) -> None:
    first = trained(workspace, tags={"mlflow.parentRunId": "../../etc"})
    assert workspace.lineage.of(first, direction="up").node("run:..%2F..%2Fetc").is_missing
    second = trained(workspace, run_name="second", parent_run_id=first)
    workspace.runs.set_tags(first, {"mlflow.parentRunId": second})
    graph = workspace.lineage.of(first)
    assert {"second -nested-> train", "train -nested-> second"} <= {*arrows(graph)}
