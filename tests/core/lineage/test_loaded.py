"""A run that loads a model has it among its inputs: by a name that means the same model for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sklearn.linear_model import LinearRegression

import stageline
from stageline.domain.graph import NodeKind
from stageline.domain.model_input import loaded_model
from stageline.errors import NotFound
from stageline.fluent import get_workspace


@pytest.fixture
def run_id(tmp_path: Path) -> Iterator[str]:
    """A run that logged a model, which is in Production as wine 1 and has an alias."""
    stageline.set_store(tmp_path / "store", cache=str(tmp_path / "cache"))
    model = LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0])
    with stageline.start_run(run_name="train") as run:
        stageline.log_model(model, registered_model_name="wine")
    registry = get_workspace().registry
    registry.transition("wine", 1, "Production")
    registry.set_alias("wine", "champion", 1)
    yield run.run_id
    while stageline.active_run():
        stageline.end_run()


def loaded_by(run_id: str) -> list[str | None]:
    return [loaded_model(one) for one in get_workspace().runs.get(run_id).inputs.dataset_inputs]


@pytest.mark.parametrize(
    "uri",
    ["models:/wine/Production", "models:/wine/1", "models:/wine@champion", "models:/wine/latest"],
)
def test_stage_and_alias_are_recorded_as_the_version_they_name(run_id: str, uri: str) -> None:
    with stageline.start_run(run_name="batch") as batch:
        model = stageline.load_model(uri)
        stageline.load_model(uri)
    assert model.predict([[3.0]]) is not None
    assert loaded_by(batch.run_id) == ["models:/wine/1"]


def test_lineage_leads_from_the_training_to_who_used_it(run_id: str) -> None:
    with stageline.start_run(run_name="batch") as batch:
        stageline.load_model("models:/wine/Production")
    graph = get_workspace().lineage.of(run_id, direction="down")
    assert f"run:{batch.run_id}" in graph
    up = get_workspace().lineage.of(batch.run_id, direction="up")
    assert [node.label for node in up.of_kind(NodeKind.VERSION)] == ["wine v1"]
    assert f"run:{run_id}" in up


def test_model_of_a_run_is_recorded_by_its_run(run_id: str) -> None:
    with stageline.start_run() as batch:
        stageline.load_model(f"runs:/{run_id}/model")
    assert loaded_by(batch.run_id) == [f"runs:/{run_id}/model"]


def test_digest_is_that_of_the_model(run_id: str) -> None:
    with stageline.start_run() as batch:
        model = stageline.load_model("models:/wine/1")
    (given,) = get_workspace().runs.get(batch.run_id).inputs.dataset_inputs
    assert given.dataset.digest == model.metadata.model_uuid
    assert given.tags == {"mlflow.data.context": "model"}


def test_nothing_is_recorded_without_a_run_or_where_it_is_not_wanted(run_id: str) -> None:
    stageline.load_model("models:/wine/1")
    folder = get_workspace().models.fetch("models:/wine/1")
    with stageline.start_run() as batch:
        stageline.load_model("models:/wine/1", log_input=False)
        stageline.load_model(folder)
    assert loaded_by(batch.run_id) == []


def test_unknown_model_is_refused_and_not_recorded(run_id: str) -> None:
    with stageline.start_run() as batch, pytest.raises(NotFound):
        stageline.load_model("models:/wine/Staging")
    assert loaded_by(batch.run_id) == []
