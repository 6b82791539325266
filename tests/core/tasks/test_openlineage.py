"""What a run read and what came of it, by the names that the store's own events have."""

from __future__ import annotations

from pathlib import Path

from stageline.domain.run import DatasetInput, DatasetRef
from stageline.tasks import LineageDataset, run_datasets, stage_dataset
from stageline.workspace import Workspace


def test_a_runs_datasets_are_what_it_read_and_what_was_registered_of_it(tmp_path: Path):
    workspace = Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"))
    with workspace.runs.create() as run:
        data = DatasetRef(namespace="s3://bucket", name="train.csv", digest="d1")
        run.log_input(DatasetInput(data))
        workspace.artifacts(run.run_id).log_text("flavors: {}", "model/MLmodel")
    workspace.registry.register("wine", run_id=run.run_id, artifact_path="model")

    inputs, outputs = run_datasets(workspace, run.run_id)

    assert inputs == [LineageDataset("s3://bucket", "train.csv", "d1")]
    assert outputs == [LineageDataset(f"file://{tmp_path}/store", "models/wine/versions/1", "1")]


def test_a_stage_is_a_dataset_of_the_store():
    assert stage_dataset("/data/ml", "wine", "Production") == LineageDataset(
        "file:///data/ml", "models/wine/Production"
    )
