"""What tasks read and made, as assets of Prefect: its events name them, in one graph with those that others declare."""

from __future__ import annotations

import uuid

import pytest
from prefect import flow
from prefect.types.names import validate_valid_asset_key
from rest import events_about, until

from prefect_stageline import Tracking, tracked_task
from prefect_stageline.assets import asset_key
from stageline import DatasetInput, DatasetRef, active_run, get_workspace
from stageline.tasks import LineageDataset
from stageline.workspace import Workspace


@tracked_task(tracking=Tracking(assets=True))
def read(name: str) -> int:
    run = active_run()
    assert run is not None
    run.log_input(DatasetInput(DatasetRef(namespace="s3://lake", name=name, digest="d1")))
    return 1000


@tracked_task(tracking=Tracking(assets=True))
def register(rows: int, model: str) -> None:
    run = active_run()
    assert run is not None
    files = get_workspace().artifacts(run.run_id)
    files.log_text("flavors: {}\n", "model/MLmodel")
    get_workspace().registry.register(model, run_id=run.run_id, artifact_path="model")


def test_a_version_is_materialized_from_the_data_that_an_earlier_task_read(workspace: Workspace):
    name, model = f"orders-{uuid.uuid4().hex}.csv", f"wine-{uuid.uuid4().hex}"

    @flow
    def training() -> None:
        register(read(name), model)

    training()
    key = f"file://{workspace.store.url}/models/{model}/versions/1"
    (event,) = until(lambda: events_about(key, "prefect.asset.materialization.succeeded"))
    assert f"s3://lake/{name}" in [one["prefect.resource.id"] for one in event["related"]]


def test_nothing_is_told_of_assets_unless_asked(workspace: Workspace):
    model = f"wine-{uuid.uuid4().hex}"

    @flow
    def training() -> None:
        register.with_options(tracking=Tracking())(1, model)
        register(1, f"{model}-told")

    training()
    folder = f"file://{workspace.store.url}/models"
    until(lambda: events_about(f"{folder}/{model}-told/versions/1"))
    assert events_about(f"{folder}/{model}/versions/1") == []


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("s3://b", "a b/ü?x=1#y"),
        ("", "x" * 2000),
        ("https+odd://h", "n"),
        ("file:///data", "/a"),
        ("", "<>\\'\""),
    ],
)
def test_keys_are_those_that_prefect_allows(namespace: str, name: str):
    key = asset_key(LineageDataset(namespace, name))
    assert validate_valid_asset_key(key) == key
    assert key != asset_key(LineageDataset(namespace, f"{name}!"))
