"""A model measured on data, scored files, and what they leave behind, against a real store."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from stageline.errors import InvalidInput, NotFound
from stageline.models.signature import infer_signature
from stageline.tasks import evaluate_model, score_files
from stageline.workspace import Workspace


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path: Path) -> str:
    """y = 2 x + 1."""
    path = tmp_path / "data.csv"
    pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "y": [1.0, 3.0, 5.0, 7.0]}).to_csv(path, index=False)
    return str(path)


def logged(workspace: Workspace, slope: float) -> str:
    """The run of a model that says `slope * x + 1`."""
    x = pd.DataFrame({"x": [0.0, 1.0]})
    model = LinearRegression().fit(x, [1.0, 1.0 + slope])
    with workspace.runs.create() as run:
        workspace.models.log(run.run_id, model, signature=infer_signature(x, [1.0, 2.0]))
        return run.run_id


def test_an_evaluation_measures_and_judges(workspace, data):
    run_id = logged(workspace, 2.5)

    found = evaluate_model(
        workspace, f"runs:/{run_id}/model", data, "y",
        metrics=["rmse", "mae", "r2"], conditions=["metrics.rmse < 0.5", "metrics.r2 > 0.5"],
    )  # fmt: skip

    assert found.rows == 4
    assert found.metrics["mae"] == pytest.approx(0.75)
    assert not found.passed
    assert [one.rule for one in found.decision.failures] == ["metrics.rmse"]


def test_the_metrics_are_noted_where_a_gate_looks(workspace, data):
    run_id = logged(workspace, 2.0)

    evaluate_model(workspace, f"runs:/{run_id}/model", data, "y", metrics=["rmse"])

    run = workspace.runs.get(run_id)
    assert run.data.metrics["eval_rmse"] == pytest.approx(0.0)
    assert str(run.info.status) == "FINISHED"


def test_a_candidate_has_to_be_better_than_what_holds_the_stage(workspace, data):
    for slope in (2.1, 2.5):
        workspace.registry.register("line", run_id=logged(workspace, slope), artifact_path="model")
    workspace.registry.transition("line", 1, "Production")

    worse = evaluate_model(
        workspace, "models:/line/2", data, "y",
        metrics=["rmse"], baseline="models:/line/Production",
    )  # fmt: skip
    better = evaluate_model(
        workspace, "models:/line/1", data, "y", metrics=["rmse"], baseline="models:/line/2"
    )

    assert (worse.passed, worse.baseline_uri) == (False, "models:/line/1")
    assert better.passed


def test_an_empty_stage_is_no_hurdle(workspace, data):
    workspace.registry.register("line", run_id=logged(workspace, 2.1), artifact_path="model")

    found = evaluate_model(
        workspace, "models:/line/1", data, "y",
        metrics=["rmse"], baseline="models:/line/Production",
    )  # fmt: skip

    assert found.passed
    assert found.baseline_uri is None


def test_the_run_of_an_evaluation_knows_its_model_and_data(workspace, data):
    workspace.registry.register("line", run_id=logged(workspace, 2.0), artifact_path="model")

    with workspace.runs.create() as run:
        evaluate_model(workspace, "models:/line/latest", data, "y", metrics=["mae"], run=run)

    names = [one.dataset.name for one in workspace.runs.get(run.run_id).inputs.dataset_inputs]
    assert names == ["models:/line/1", data]


@pytest.mark.parametrize(
    ("metrics", "conditions"),
    [([], []), (["rsme"], []), (["rmse"], ["metrics.mae < 1"]), (["rmse"], ["params.x = '1'"])],
)
def test_what_can_not_be_measured_is_refused_before_anything_is_loaded(
    workspace, metrics, conditions
):
    with pytest.raises(InvalidInput):
        evaluate_model(
            workspace, "runs:/0123456789abcdef0123456789abcdef/model", "nowhere.csv", "y",
            metrics=metrics, conditions=conditions,
        )  # fmt: skip


def test_files_are_scored_into_one_and_noted(workspace, data, tmp_path):
    workspace.registry.register("line", run_id=logged(workspace, 2.0), artifact_path="model")
    target = str(tmp_path / "out.csv")

    with workspace.runs.create() as run:
        done = score_files(workspace, "models:/line/1", data, target, keep=["y"], run=run)

    frame = pd.read_csv(target)
    assert (done.rows, done.columns, done.model_uri) == (4, ("y", "prediction"), "models:/line/1")
    assert frame["prediction"].tolist() == pytest.approx([1.0, 3.0, 5.0, 7.0])
    assert workspace.runs.get(run.run_id).data.metrics["rows"] == 4


def test_scoring_with_a_model_that_is_not_there_writes_nothing(workspace, data, tmp_path):
    with pytest.raises(NotFound):
        score_files(workspace, "models:/line/1", data, str(tmp_path / "out.csv"))

    assert not (tmp_path / "out.csv").exists()
