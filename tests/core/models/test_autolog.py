"""autolog: one run for what the user fits, nothing for what that fits, and no trace afterwards."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import BaggingRegressor, RandomForestClassifier
from sklearn.linear_model import ElasticNet, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import stageline
from stageline import Run
from stageline.errors import InvalidInput

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(autouse=True)
def undone() -> Iterator[None]:
    before = {cls: cls.__dict__["fit"] for cls in (ElasticNet, LogisticRegression, StandardScaler)}
    yield
    stageline.autolog(disable=True)
    assert all(cls.__dict__["fit"] is fit for cls, fit in before.items())
    assert "__init_subclass__" not in BaseEstimator.__dict__


@pytest.fixture
def data() -> tuple[pd.DataFrame, Any]:
    frame = pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) % 2})
    return frame, np.arange(20.0) * 2 + 1


def runs() -> list[Run]:
    return stageline.search_runs(output_format="list", order_by=["attributes.start_time ASC"])  # type: ignore[return-value]


def test_fit_logs_params_metrics_data_and_model(data: tuple[pd.DataFrame, Any]) -> None:
    stageline.autolog(log_input_examples=True)
    model = ElasticNet(alpha=0.25).fit(*data)
    (run,) = runs()
    assert str(run.info.status) == "FINISHED"
    assert run.data.params["alpha"] == "0.25"
    assert set(run.data.metrics) == {
        "training_score", "training_mean_squared_error", "training_mean_absolute_error", "training_r2_score",
        "training_root_mean_squared_error",
    }  # fmt: skip
    assert run.data.metrics["training_score"] == pytest.approx(model.score(*data))
    assert run.data.tags["estimator_name"] == "ElasticNet"
    (seen,) = run.inputs.dataset_inputs
    assert seen.tags == {"mlflow.data.context": "train"}
    loaded = stageline.load_model(f"runs:/{run.info.run_id}/model")
    np.testing.assert_allclose(loaded.predict(data[0]), model.predict(data[0]))
    assert loaded.input_example() is not None


def test_classifier_has_its_own_metrics(data: tuple[pd.DataFrame, Any]) -> None:
    stageline.autolog(log_models=False)
    LogisticRegression().fit(data[0], data[0].b.astype(int))
    (run,) = runs()
    assert set(run.data.metrics) == {
        f"training_{name}"
        for name in (
            "score",
            "precision_score",
            "recall_score",
            "f1_score",
            "accuracy_score",
            "log_loss",
            "roc_auc",
        )
    }


@pytest.mark.parametrize("jobs", [None, 2])
def test_only_the_outermost_fit_counts(jobs: int | None, data: tuple[pd.DataFrame, Any]) -> None:
    stageline.autolog(log_models=False)
    make_pipeline(StandardScaler(), ElasticNet()).fit(*data)
    BaggingRegressor(ElasticNet(), n_estimators=3, n_jobs=jobs).fit(data[0].to_numpy(), data[1])
    RandomForestClassifier(3, n_jobs=jobs).fit(data[0], data[0].b.astype(int))
    assert [run.data.tags["estimator_name"] for run in runs()] == [
        "Pipeline", "BaggingRegressor", "RandomForestClassifier",
    ]  # fmt: skip


def test_search_logs_its_best_candidates_as_child_runs(data: tuple[pd.DataFrame, Any]) -> None:
    stageline.autolog(max_tuning_runs=2)
    search = GridSearchCV(ElasticNet(), {"alpha": [0.1, 0.2, 5.0]}, cv=2).fit(*data)
    parent, *children = runs()
    assert parent.data.params["best_alpha"] == "0.1"
    assert parent.data.metrics["best_cv_score"] == pytest.approx(search.best_score_)
    assert sorted(child.data.params["alpha"] for child in children) == ["0.1", "0.2"]
    assert {child.parent_run_id for child in children} == {parent.info.run_id}
    assert all("mean_test_score" in child.data.metrics for child in children)
    assert stageline.load_model(f"runs:/{parent.info.run_id}/best_estimator").predict(
        data[0]
    ).shape == (20,)


def test_active_run_is_used_and_left_open(data: tuple[pd.DataFrame, Any]) -> None:
    stageline.autolog(log_models=False)
    with stageline.start_run() as run:
        ElasticNet().fit(*data)
        assert stageline.active_run() is run
    assert [found.info.run_id for found in runs()] == [run.run_id]


def test_failed_fit_raises_and_is_a_failed_run(data: tuple[pd.DataFrame, Any]) -> None:
    stageline.autolog()
    with pytest.raises(ValueError, match="inconsistent"):
        ElasticNet().fit(data[0], data[1][:3])
    with pytest.raises(TypeError):
        ElasticNet().fit()
    assert {str(run.info.status) for run in runs()} == {"FAILED"}


def test_what_can_not_be_logged_does_not_break_the_fit(
    data: tuple[pd.DataFrame, Any], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    stageline.set_store(tmp_path / "file" / "store")
    stageline.autolog()
    with caplog.at_level(logging.WARNING):
        assert ElasticNet().fit(*data).coef_.shape == (2,)
    assert "autolog could not begin a run of a ElasticNet" in caplog.text


def test_classes_made_later_are_logged_too_and_let_go(data: tuple[pd.DataFrame, Any]) -> None:
    stageline.autolog(log_models=False)

    class Later(ElasticNet):  # type: ignore[misc]  # sklearn has no types
        def fit(self, X: Any, y: Any) -> Any:
            return super().fit(X, y)

    Later().fit(*data)
    assert [run.data.tags["estimator_name"] for run in runs()] == ["Later"]
    stageline.autolog(disable=True)
    Later().fit(*data)
    StandardScaler().fit(data[0])
    assert len(runs()) == 1
    assert not hasattr(Later.fit, "__wrapped__")


def test_preparing_data_is_no_run_and_enabling_twice_logs_once(
    data: tuple[pd.DataFrame, Any],
) -> None:
    stageline.autolog(log_models=False)
    stageline.autolog(log_models=False)
    StandardScaler().fit_transform(data[0])
    ElasticNet().fit(*data)
    assert len(runs()) == 1


def test_thread_with_a_run_of_its_own_is_logged(data: tuple[pd.DataFrame, Any]) -> None:
    stageline.autolog(log_models=False)

    def train() -> None:
        with stageline.start_run():
            ElasticNet().fit(*data)

    threads = [threading.Thread(target=train) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(run.data.params) for run in runs()] == [11, 11, 11]


def test_wrong_option_is_refused() -> None:
    with pytest.raises(InvalidInput, match="max_tuning_runs"):
        stageline.autolog(max_tuning_runs="all")
