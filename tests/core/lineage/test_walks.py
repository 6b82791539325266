"""The graph of what was really recorded: up and down, through what is nested, cached, copied or gone."""

from __future__ import annotations

from pathlib import Path

import pytest
from lineage_flows import PAGE, data, deployed, pipeline, promoted, trained, workspace_in

from stageline import Workspace
from stageline.domain.graph import LineageGraph, NodeKind
from stageline.domain.model_input import model_input
from stageline.domain.run import DatasetInput, DatasetRef
from stageline.errors import InvalidInput, NotFound
from stageline.lineage.export.openlineage import to_openlineage


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return workspace_in(tmp_path)


def arrows(graph: LineageGraph) -> list[str]:
    """Each edge by the labels of its ends."""
    return sorted(
        f"{graph.node(edge.source).label} -{edge.kind}-> {graph.node(edge.target).label}"
        for edge in graph.edges
    )


def labels(graph: LineageGraph, kind: NodeKind) -> list[str]:
    return sorted(node.label for node in graph.of_kind(kind))


CHAIN = [
    "train -registered-> wine v1",
    "wine v1 -deployed-> eu",
    "wine v1 -in_stage-> wine Production",
    "wine.csv -read-> train",
]


@pytest.fixture
def chain(workspace: Workspace) -> str:
    """Data, run, version, stage and deployment; the run's id."""
    run_id = trained(workspace)
    deployed(workspace, promoted(workspace, run_id))
    return run_id


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


# -- what is gone ---------------------------------------------------------------------------------


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


# -- what is asked --------------------------------------------------------------------------------


def test_dataset_is_one_by_namespace_name_and_digest(workspace: Workspace) -> None:
    trained(workspace, data(digest="d1"), run_name="one")
    trained(workspace, data(digest="d2"), run_name="two")
    trained(workspace, data(digest="d1", namespace="s3://copy"), run_name="three")
    lineage = workspace.lineage

    def runs_of(*asked: str | None) -> list[str]:
        return labels(lineage.of_dataset("wine.csv", *asked, direction="down"), NodeKind.RUN)

    assert runs_of() == ["one", "three", "two"]
    assert runs_of("d1") == ["one", "three"]
    assert runs_of("d1", "s3://data") == ["one"]
    assert runs_of(None, "s3://copy") == ["three"]
    for asked in (("d3",), ("d2", "s3://copy")):
        with pytest.raises(NotFound, match=r"read a dataset 'wine\.csv'"):
            lineage.of_dataset("wine.csv", *asked)


def test_names_with_quotes_percent_and_at_are_found(workspace: Workspace) -> None:
    for name in ('it\'s "50%" of a_b\\', "user@host", "läs/t\n", "a@d1"):
        run_id = trained(workspace, data(name=name))
        for target in (f"dataset:{name}", f"dataset:{name}@d1"):
            assert f"run:{run_id}" in workspace.lineage.of(target)


def test_same_dataset_under_two_roles_is_one_node(workspace: Workspace) -> None:
    ref = DatasetRef(name="wine", digest="d")
    run_id = trained(workspace, DatasetInput(ref, {"context": "train"}), DatasetInput(ref, {}))
    assert labels(workspace.lineage.of(run_id), NodeKind.DATASET) == ["wine"]


@pytest.mark.parametrize(
    "target",
    ["models:/", "models:/wine/1/2", "models:/a:b/1", "runs:/abc", "dataset:\udc80", "../x"],
)
def test_malformed_target_is_refused(workspace: Workspace, target: str) -> None:
    with pytest.raises(InvalidInput):
        workspace.lineage.of(target)


@pytest.mark.parametrize("target", ["models:/wine", "models:/wine/1", "dataset:x", "abcdef"])
def test_unknown_target_is_not_found(workspace: Workspace, target: str) -> None:
    with pytest.raises(NotFound):
        workspace.lineage.of(target)


def test_empty_stage_is_not_found(workspace: Workspace) -> None:
    workspace.registry.register("wine", source="s3://x")
    with pytest.raises(NotFound, match="no version"):
        workspace.lineage.of("models:/wine/Production")
    with pytest.raises(InvalidInput, match="stage"):
        workspace.lineage.of("models:/wine/Prod")


def test_odd_reach_is_refused(workspace: Workspace, chain: str) -> None:
    with pytest.raises(InvalidInput, match="direction"):
        workspace.lineage.of(chain, direction="sideways")
    with pytest.raises(InvalidInput, match="depth"):
        workspace.lineage.of(chain, depth=-1)


def test_too_much_is_cut_and_says_so(workspace: Workspace) -> None:
    for number in range(6):
        trained(workspace, run_name=f"r{number}")
    graph = workspace.lineage.of("dataset:wine.csv", most_nodes=4)
    assert (len(graph), graph.is_cut) == (4, True)
    assert not workspace.lineage.of("dataset:wine.csv").is_cut


def test_open_run_of_this_process_is_seen(workspace: Workspace) -> None:
    with workspace.runs.create(run_name="now") as run:
        run.log_inputs([data()])
        graph = workspace.lineage.of("dataset:wine.csv")
        assert graph.node(f"run:{run.run_id}").attributes["status"] == "RUNNING"
