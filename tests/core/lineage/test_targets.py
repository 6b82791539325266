"""What can be asked about: names, digests, namespaces, stages; and what is refused."""

from __future__ import annotations

import pytest
from lineage_flows import (
    data,
    labels,
    trained,
)

from stageline import Workspace
from stageline.domain.graph import NodeKind
from stageline.domain.run import DatasetInput, DatasetRef
from stageline.errors import InvalidInput, NotFound


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
