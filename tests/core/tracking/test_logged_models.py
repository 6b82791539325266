"""Logged models: their ids, their files among a run's artifacts, what runs measured of them, and search over both."""

from __future__ import annotations

from pathlib import Path

import pytest

from stageline.domain.logged_model import LoggedModelStatus, ModelMetric, without_links
from stageline.domain.query import parse_order_by
from stageline.domain.vocabulary import LOGGED_MODELS
from stageline.errors import AlreadyExists, InvalidInput, NotFound
from stageline.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "store")


def measure(workspace: Workspace, run_id: str, model_id: str, key: str, value: float, **more: str):
    point = ModelMetric(
        key, value, 0, 1, run_id, more.get("dataset_name"), more.get("dataset_digest")
    )
    workspace.runs.log_batch(
        run_id, tags=workspace.logged_models.measured(run_id, [(model_id, point)])
    )


def test_its_files_lie_where_our_own_models_do(workspace):
    with workspace.runs.create() as run:
        model = workspace.logged_models.create("0", "model", source_run_id=run.run_id)
        uri = workspace.logged_models.artifact_uri(model)
        assert uri == f"{workspace.runs.artifact_uri(run.run_id)}/model"


def test_second_model_of_a_name_has_a_folder_of_its_own(workspace):
    with workspace.runs.create() as run:
        first = workspace.logged_models.create("0", "model", source_run_id=run.run_id)
        second = workspace.logged_models.create("0", "model", source_run_id=run.run_id)
    assert first.artifact_path != second.artifact_path


def test_model_of_no_run_has_a_folder(workspace):
    model = workspace.logged_models.create("0", "outside")
    assert model.model_id in workspace.logged_models.artifact_uri(model)


def test_what_runs_measured_is_told_with_the_model_and_another_process_sees_it(workspace):
    with workspace.runs.create() as run:
        model = workspace.logged_models.create("0", "model", source_run_id=run.run_id)
        measure(workspace, run.run_id, model.model_id, "rmse", 0.5)
        measure(workspace, run.run_id, model.model_id, "rmse", 0.4)
    with workspace.runs.create() as other:
        measure(workspace, other.run_id, model.model_id, "rmse", 0.9, dataset_name="test")
    elsewhere = Workspace.open(workspace.store.url)
    found = elsewhere.logged_models.get(model.model_id)
    assert sorted((m.value, m.run_id, m.dataset_name) for m in found.metrics) == [
        (0.4, run.run_id, None),
        (0.9, other.run_id, "test"),
    ]
    assert not any(
        "model" in key for key in without_links(elsewhere.runs.get(run.run_id).data.tags)
    )


def test_search_by_name_status_metric_and_dataset(workspace):
    models = workspace.logged_models
    made = []
    for value in (0.2, 0.6, 0.4):
        with workspace.runs.create() as run:
            model = models.create("0", "net", source_run_id=run.run_id, params={"depth": "3"})
            measure(workspace, run.run_id, model.model_id, "rmse", value, dataset_name="d")
            made.append(models.finish(model.model_id, LoggedModelStatus.READY).model_id)
    ordering = [(parse_order_by(["metrics.rmse DESC"], LOGGED_MODELS)[0], None, None)]
    ordered = models.search(["0"], "params.depth = '3'", order_by=ordering)
    assert [one.model_id for one in ordered] == [made[1], made[2], made[0]]
    assert [one.model_id for one in models.search(["0"], "metrics.rmse < 0.3")] == [made[0]]
    assert models.search(["0"], "metrics.rmse < 0.3", datasets=[("other", None)]) == []
    assert models.search(["0"], "status = 'PENDING'") == []
    page = models.search(["0"], max_results=2)
    assert len(models.search(["0"], max_results=2, page_token=page.token)) == 1


def test_deleted_model_is_found_no_more(workspace):
    model = workspace.logged_models.create("0", "model")
    workspace.logged_models.delete(model.model_id)
    assert workspace.logged_models.search(["0"]) == []
    with pytest.raises(NotFound, match="deleted"):
        workspace.logged_models.get(model.model_id)


def test_tags_are_set_and_removed(workspace):
    models = workspace.logged_models
    model = models.create("0", "model", tags={"a": "1"})
    models.set_tags(model.model_id, {"b": "2"})
    models.delete_tag(model.model_id, "a")
    assert models.get(model.model_id).tags == {"b": "2"}
    with pytest.raises(NotFound):
        models.delete_tag(model.model_id, "a")


def test_taken_in_twice_is_once_and_another_under_the_id_is_refused(workspace):
    import msgspec

    models = workspace.logged_models
    model = models.create("0", "model")
    models.adopt(model)
    assert len(models.search(["0"])) == 1
    with pytest.raises(AlreadyExists):
        models.adopt(msgspec.structs.replace(model, name="other"))


@pytest.mark.parametrize("name", ["a/b", "a:b", "v1.0", " "])
def test_name_that_is_no_folder_is_refused(workspace, name):
    with pytest.raises(InvalidInput):
        workspace.logged_models.create("0", name)
