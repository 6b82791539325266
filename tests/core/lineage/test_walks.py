"""The graph of what was really recorded: up and down, through what is nested, cached, loaded or copied."""

from __future__ import annotations

from pathlib import Path

import pytest
from lineage_flows import (
    CHAIN,
    PAGE,
    arrows,
    data,
    labels,
    pipeline,
    promoted,
    trained,
    workspace_in,
)

from stageline import Workspace
from stageline.domain.graph import NodeKind
from stageline.domain.model_input import model_input
from stageline.errors import NotFound
from stageline.lineage.export.openlineage import to_openlineage


@pytest.mark.parametrize(
    "target",
    [
        "models:/wine/Production",
        "models:/wine/production",
        "models:/wine/1",
        "models:/wine/latest",
        "models:/wine@champion",
        "models:/wine",
        "dataset:wine.csv",
        "dataset:wine.csv@d1",
        "run",
    ],
)
def test_whole_chain_is_seen_from_each_of_its_ends(
    workspace: Workspace, chain: str, target: str
) -> None:
    workspace.registry.set_alias("wine", "champion", 1)
    graph = workspace.lineage.of(chain if target == "run" else target)
    assert arrows(graph) == CHAIN
    assert not graph.is_cut
    assert not any(node.is_missing for node in graph.nodes)


def test_direction_and_depth_bound_the_walk(workspace: Workspace, chain: str) -> None:
    lineage = workspace.lineage
    assert arrows(lineage.of(chain, direction="up")) == CHAIN[3:]
    assert arrows(lineage.of(chain, direction="down")) == CHAIN[:3]
    assert arrows(lineage.of(chain, depth=1)) == [CHAIN[0], CHAIN[3]]
    assert arrows(lineage.of(chain, depth=0)) == []
    assert arrows(lineage.of("models:/wine/1", direction="up")) == [CHAIN[0], CHAIN[3]]
    stage = lineage.of("models:/wine/Production", direction="up", depth=1)
    assert arrows(stage) == [CHAIN[0], CHAIN[2]]


def test_run_tells_its_code_and_the_version_its_stage(workspace: Workspace, chain: str) -> None:
    graph = workspace.lineage.of(chain)
    run = graph.node(f"run:{chain}")
    assert run.attributes["commit"].startswith("0123456789")
    assert run.attributes["repository"] == "git@example.com:team/wine.git"
    assert run.attributes["status"] == "FINISHED"
    version = graph.node("model_version:wine/1")
    assert version.attributes["stage"] == "Production"
    assert version.attributes["artifact_path"] == "model"
    assert graph.node("deployment:wine/eu").links == {"deployment": "https://eu.example/score"}


def test_task_is_seen_with_its_page_and_its_pipeline(workspace: Workspace) -> None:
    flow, task = pipeline(workspace)
    workspace.registry.register("wine", run_id=task, artifact_path="model")
    graph = workspace.lineage.of("models:/wine/1", direction="up")
    assert arrows(graph) == [
        "nightly -nested-> train",
        "raw.csv -read-> nightly",
        "train -registered-> wine v1",
        "wine.csv -read-> train",
    ]
    node = graph.node(f"run:{task}")
    assert node.links == {"orchestra": PAGE}
    assert (node.attributes["pipeline"], node.attributes["task"]) == ("nightly", "train")
    down = workspace.lineage.of("dataset:raw.csv", direction="down")
    assert arrows(down) == [
        "nightly -nested-> train",
        "raw.csv -read-> nightly",
        "train -registered-> wine v1",
    ]
    assert f"run:{flow}" in down


def test_spared_run_leads_to_the_one_that_made_its_result(workspace: Workspace) -> None:
    producer = trained(workspace)
    spared = trained(
        workspace, data("other.csv"), run_name="again", tags={"stageline.cached_from": producer}
    )
    assert "train -cached-> again" in arrows(workspace.lineage.of(spared, direction="up"))
    assert "train -cached-> again" in arrows(workspace.lineage.of("dataset:wine.csv"))


def test_model_that_nobody_registered_is_a_node(workspace: Workspace) -> None:
    run_id = trained(workspace)
    for graph in (
        workspace.lineage.of(run_id),
        workspace.lineage.of(f"runs:/{run_id}/model"),
    ):
        assert arrows(graph) == ["train -logged-> model", "wine.csv -read-> train"]
    with pytest.raises(NotFound):
        workspace.lineage.of("runs:/0123456789abcdef0123456789abcdef/model")


def test_batch_run_that_loaded_a_version_comes_of_it(workspace: Workspace, chain: str) -> None:
    batch = trained(
        workspace, model_input("models:/wine/1", "u1"), data("new.csv"), run_name="batch"
    )
    assert "wine v1 -loaded-> batch" in arrows(workspace.lineage.of("dataset:wine.csv"))
    up = workspace.lineage.of(batch, direction="up")
    assert arrows(up) == sorted(
        [CHAIN[0], "new.csv -read-> batch", "wine v1 -loaded-> batch", CHAIN[3]]
    )
    assert labels(up, NodeKind.DATASET) == ["new.csv", "wine.csv"], "a model is no dataset"


def test_batch_run_that_loaded_the_folder_of_a_registered_model(
    workspace: Workspace, chain: str
) -> None:
    trained(workspace, model_input(f"runs:/{chain}/model", "u1"), run_name="batch")
    graph = workspace.lineage.of("dataset:wine.csv")
    assert {"train -logged-> model", "model -loaded-> batch", CHAIN[0]} <= {*arrows(graph)}


def test_version_from_a_folder_elsewhere_and_a_copy_of_it(workspace: Workspace) -> None:
    workspace.registry.register("wine", source="s3://models/old")
    workspace.registry.register("port", source="models:/wine/1")
    graph = workspace.lineage.of("models:/wine/1")
    assert arrows(graph) == ["s3://models/old -registered-> wine v1", "wine v1 -copied-> port v1"]
    assert arrows(workspace.lineage.of("models:/port/1", direction="up")) == arrows(graph)


def test_copy_leads_to_the_store_that_it_comes_from(
    workspace: Workspace, chain: str, tmp_path: Path
) -> None:
    there = workspace_in(tmp_path)
    workspace.registry.copy("models:/wine/1", there, "port")
    graph = there.lineage.of("models:/port/1")
    origin = f"wine v1 in {workspace.store.url}"
    assert f"{origin} -copied-> port v1" in arrows(graph)
    assert {"train -registered-> port v1", "wine.csv -read-> train"} <= {*arrows(graph)}
    (foreign,) = [node for node in graph.nodes if node.label == origin]
    assert foreign.attributes["store"] == workspace.store.url
    assert len(to_openlineage(graph, there.store.url)) == 2
    version = there.lineage.trace("models:/port/1").version
    assert version.origin is not None
    assert version.origin.name == "wine"


def test_copy_within_a_store_leads_to_its_origin(workspace: Workspace, chain: str) -> None:
    workspace.registry.copy("models:/wine/1", workspace, "port")
    assert "wine v1 -copied-> port v1" in arrows(workspace.lineage.of("dataset:wine.csv"))
    up = workspace.lineage.of("models:/port/1", direction="up")
    assert {"wine v1 -copied-> port v1", CHAIN[0]} <= {*arrows(up)}


def test_children_of_a_sweep_are_downstream(workspace: Workspace) -> None:
    with workspace.runs.create(run_name="sweep") as sweep:
        for number in range(3):
            trained(workspace, run_name=f"c{number}", parent_run_id=sweep.run_id)
    graph = workspace.lineage.of(sweep.run_id, direction="down")
    assert labels(graph, NodeKind.RUN) == ["c0", "c1", "c2", "sweep"]


def test_archived_versions_show_their_stage(workspace: Workspace) -> None:
    first = promoted(workspace, trained(workspace))
    second = promoted(workspace, trained(workspace, run_name="better", rmse=0.4))
    assert (first, second) == (1, 2)
    graph = workspace.lineage.of("dataset:wine.csv")
    assert {"wine v1 -in_stage-> wine Archived", "wine v2 -in_stage-> wine Production"} <= {
        *arrows(graph)
    }
    held = workspace.lineage.of("models:/wine/Production", direction="up")
    assert labels(held, NodeKind.VERSION) == ["wine v2"]
    assert labels(workspace.lineage.of("models:/wine/Archived"), NodeKind.VERSION) == ["wine v1"]
