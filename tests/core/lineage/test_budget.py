"""What lineage asks of the store, to the request, however many runs there are."""

from __future__ import annotations

from pathlib import Path

import pytest
from lineage_flows import data, deployed, promoted, trained, workspace_in

from stageline import Workspace
from stageline.domain.graph import NodeKind
from stageline.domain.run import TAG_PARENT_RUN_ID, TAG_RUN_NAME, RunStatus
from stageline.domain.summary import RunSummary, StatusAt
from stageline.storage.index import ExperimentIndex
from stageline.testing.counting import CountingStore

RUNS = 1_000


def summary(number: int, experiment_id: str, parent: str) -> RunSummary:
    """A child run that read the data, as the index has it."""
    given = data()
    return RunSummary(
        run_id=f"{number:032x}",
        started=(1_000 + number, 1),
        experiment=(1, experiment_id),
        status=StatusAt(1, RunStatus.FINISHED, 2_000 + number, None),
        tags={TAG_RUN_NAME: (1, f"trial {number}"), TAG_PARENT_RUN_ID: (1, parent)},
        inputs={given.key: (1, given)},
    )


@pytest.fixture
def sweep(tmp_path: Path) -> tuple[Workspace, CountingStore, str]:
    """A thousand indexed runs within one that was really recorded, promoted and deployed."""
    store = CountingStore(workspace_in(tmp_path).store)
    maker = workspace_in(tmp_path, store)
    parent = trained(maker, run_name="sweep", experiment_name="sweeps")
    deployed(maker, promoted(maker, parent))
    experiment_id = maker.runs.get(parent).info.experiment_id
    stored = maker.runs.stored(parent).summary
    many = [summary(number, experiment_id, parent) for number in range(RUNS)]
    ExperimentIndex(store, experiment_id, maker.clock).rebuild(lambda: [*many, stored])
    maker.lineage.of(parent)  # the default experiment has its index too, from the first search on
    return workspace_in(tmp_path, store), store, parent


def test_a_thousand_readers_of_a_dataset_cost_no_read_of_a_run(
    sweep: tuple[Workspace, CountingStore, str],
) -> None:
    workspace, store, _ = sweep
    with store.counted() as cold:
        graph = workspace.lineage.of("dataset:wine.csv", direction="down")
    assert len(graph.of_kind(NodeKind.RUN)) == RUNS + 1
    assert labels(graph, NodeKind.DEPLOYMENT) == ["eu"]
    assert not [key for verb, key in cold.calls if key.startswith("runs/")]
    with store.counted() as warm:
        assert workspace.lineage.of("dataset:wine.csv", direction="down") == graph
    # Experiments: 2; each of the two experiments: 2; the registry: 1.
    assert warm.by_verb() == {"list": 2 + 2 * 2 + 1}
    # Cold besides: the experiment and its name, two manifests, a shard, what the inbox holds, the model.
    assert cold.by_verb() == {"list": 7, "read": 7}


def test_a_thousand_children_of_a_run_cost_the_read_of_one(
    sweep: tuple[Workspace, CountingStore, str],
) -> None:
    workspace, store, parent = sweep
    workspace.lineage.of("dataset:wine.csv", direction="down")
    with store.counted() as c:
        graph = workspace.lineage.of(parent, direction="down")
    assert len(graph.of_kind(NodeKind.RUN)) == RUNS + 1
    touched = {key.split("/")[1] for _, key in c.calls if key.startswith("runs/")}
    assert touched == {parent}
    assert c.list == 2 + 2 * 2 + 1 + 2


def test_upstream_of_a_stage_reads_the_model_and_its_run_and_no_index(
    sweep: tuple[Workspace, CountingStore, str],
) -> None:
    workspace, store, _ = sweep
    with store.counted() as c:
        graph = workspace.lineage.of("models:/wine/Production", direction="up")
    assert len(graph.of_kind(NodeKind.DATASET)) == 1
    # The model by two calls; the run's log and what its writer left.
    assert c.by_verb() == {"list": 3, "read": 2}


def labels(graph: object, kind: NodeKind) -> list[str]:
    return [node.label for node in graph.of_kind(kind)]  # type: ignore[attr-defined]
