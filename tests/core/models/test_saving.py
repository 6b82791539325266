"""Models into folders and out again: what comes back predicts alike, and what can not be saved leaves nothing."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from stageline.errors import AlreadyExists, InvalidInput, NotAllowed, NotFound
from stageline.models import saving
from stageline.models.flavor import Predictor, Saved
from stageline.models.flavors.pyfunc import ModelContext, PythonModel
from stageline.models.loading import load_folder
from stageline.models.saving import Details, save_model
from stageline.models.trust import Trust

CODE = Trust(allow_pickle=True)


class Doubled(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # sklearn has no types
    """Somebody's own transformer."""

    def fit(self, X: Any, y: Any = None) -> Doubled:
        self.n_ = 2
        return self

    def transform(self, X: Any) -> Any:
        return X * self.n_


@pytest.mark.parametrize(
    "model",
    [
        LinearRegression(), LogisticRegression(), RandomForestClassifier(3), GradientBoostingRegressor(n_estimators=2),
        HistGradientBoostingClassifier(max_iter=2), KNeighborsClassifier(1),
        make_pipeline(StandardScaler(), LogisticRegression()),
        GridSearchCV(LogisticRegression(), {"C": [1.0, 2.0]}, cv=2),
    ],
    ids=lambda model: type(model).__name__,
)  # fmt: skip
def test_estimators_of_sklearn_need_no_trust(
    model: Any, frame: pd.DataFrame, tmp_path: Path
) -> None:
    model.fit(frame, [0, 1, 0, 1])
    saved = save_model(model, tmp_path / "model", details=Details(input_example=frame))
    loaded = load_folder(tmp_path / "model")
    assert loaded.predict(frame).tolist() == model.predict(frame).tolist()
    assert type(loaded.native) is type(model)
    assert loaded.signature == saved.signature is not None
    example = loaded.input_example()
    assert example is not None
    pd.testing.assert_frame_equal(example[0], frame)


def test_types_of_ones_own_are_named_on_both_sides(frame: pd.DataFrame, tmp_path: Path) -> None:
    model = make_pipeline(Doubled(), LinearRegression()).fit(frame, [0, 1, 2, 3])
    name = f"{Doubled.__module__}.Doubled"
    with pytest.raises(InvalidInput, match=name):
        save_model(model, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    save_model(model, tmp_path / "model", trusted_types=[name])
    with pytest.raises(NotAllowed, match=rf"trusted_types=\['{name}'\]"):
        load_folder(tmp_path / "model")
    loaded = load_folder(tmp_path / "model", trust=Trust(trusted_types=(name,)))
    assert loaded.predict(frame).tolist() == model.predict(frame).tolist()


def test_cloudpickle_only_on_request_and_only_with_consent(
    linear: LinearRegression, frame: pd.DataFrame, tmp_path: Path
) -> None:
    save_model(linear, tmp_path / "model", serialization="cloudpickle")
    with pytest.raises(NotAllowed, match=r"is a pickle.*STAGELINE_ALLOW_PICKLE=1.*skops"):
        load_folder(tmp_path / "model")
    assert load_folder(tmp_path / "model", trust=CODE).predict(frame).shape == (4,)


def test_an_estimator_may_predict_by_another_method(frame: pd.DataFrame, tmp_path: Path) -> None:
    model = LogisticRegression().fit(frame, [0, 1, 0, 1])
    save_model(model, tmp_path / "model", predict_fn="predict_proba")
    assert load_folder(tmp_path / "model").predict(frame).shape == (4, 2)


def test_what_only_transforms_is_loaded_but_does_not_predict(
    frame: pd.DataFrame, tmp_path: Path
) -> None:
    save_model(StandardScaler().fit(frame), tmp_path / "model")
    loaded = load_folder(tmp_path / "model")
    assert loaded.native.transform(frame).shape == (4, 2)
    with pytest.raises(InvalidInput, match="without a way to predict"):
        loaded.predict(frame)


class Shifted:
    """An object with `predict`."""

    def predict(self, model_input: Any, params: dict[str, Any]) -> Any:
        return model_input["a"] + params["by"]


class FromFile(PythonModel):
    """A model in the field's style."""

    def load_context(self, context: ModelContext) -> None:
        self.by = float(Path(context.artifacts["offset"]).read_text())

    def predict(
        self, context: ModelContext, model_input: Any, params: dict[str, Any] | None = None
    ) -> Any:
        return model_input["a"] + self.by * context.model_config["factor"]


def test_any_object_class_or_function_is_a_model(frame: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "offset.txt").write_text("5")
    save_model(Shifted(), tmp_path / "object", details=Details(input_example=(frame, {"by": 0.5})))
    save_model(lambda data: data["a"] + 3, tmp_path / "function")
    save_model(
        FromFile, tmp_path / "class", flavor="pyfunc",
        artifacts={"offset": tmp_path / "offset.txt"}, model_config={"factor": 2},
    )  # fmt: skip
    for name, expected in {
        "object": [1.5, 2.5],
        "function": [4.0, 5.0],
        "class": [11.0, 12.0],
    }.items():
        loaded = load_folder(tmp_path / name, trust=CODE)
        assert loaded.predict(frame).tolist()[:2] == expected
    assert load_folder(tmp_path / "object", trust=CODE).predict(frame, {"by": 2}).tolist()[0] == 3.0


def test_code_beside_a_model_is_imported_with_consent_only(
    tmp_path: Path, frame: pd.DataFrame
) -> None:
    (tmp_path / "beside_the_model.py").write_text("FACTOR = 7\n")

    def predict(data: Any) -> Any:
        import beside_the_model

        return data["a"] * beside_the_model.FACTOR

    save_model(
        predict, tmp_path / "model", details=Details(code_paths=[tmp_path / "beside_the_model.py"])
    )
    with pytest.raises(NotAllowed, match="brings code of its own"):
        load_folder(tmp_path / "model")
    assert load_folder(tmp_path / "model", trust=CODE).predict(frame).tolist()[0] == 7.0


@pytest.mark.parametrize(
    ("model", "options", "says"),
    [
        (object(), {}, "has no `predict`"),
        (LinearRegression(), {"serialization": "marshal"}, "marshal"),
        (LinearRegression(), {"colour": "red"}, "no option"),
        (LinearRegression(), {"flavor": "catboost"}, "no flavor 'catboost'"),
        (LinearRegression(), {"predict_fn": "guess"}, "guess"),
        (lambda data, lock=threading.Lock(): data, {}, "can not be pickled"),  # noqa: B008
    ],
)
def test_what_can_not_be_saved_leaves_nothing(
    model: Any, options: dict[str, Any], says: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInput, match=says):
        save_model(model, tmp_path / "model", **options)
    assert not (tmp_path / "model").exists()


def test_a_folder_with_something_in_it_is_not_written_to(
    linear: LinearRegression, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(AlreadyExists):
        save_model(linear, tmp_path)
    with pytest.raises(NotFound):
        save_model(linear, tmp_path / "model", details=Details(code_paths=["no-such-code"]))
    assert [one.name for one in tmp_path.iterdir()] == ["mine.txt"]


def test_examples_of_all_kinds_come_back(linear: LinearRegression, tmp_path: Path) -> None:
    examples = [np.ones((2, 2)), {"x": np.zeros(3)}, [{"a": 1, "b": "c"}], {"a": [1.5, None]}, 3.5]
    for number, example in enumerate(examples):
        save_model(
            linear, tmp_path / str(number), details=Details(input_example=(example, {"q": 1}))
        )
        found, params = load_folder(tmp_path / str(number)).input_example() or (None, None)
        np.testing.assert_equal(found, example)
        assert params == {"q": 1}


class Misnamed:
    """A flavor whose entry in the MLmodel file nobody could load it by."""

    @staticmethod
    def save(model: object, folder: Path, options: Mapping[str, Any]) -> Saved:
        (folder / "table.json").write_text("{}")
        return Saved(name="tables", flavor={"data": "table.json"})

    @staticmethod
    def load(folder: Path, configuration: Mapping[str, Any], trust: Trust) -> Any: ...

    @staticmethod
    def predictor(model: Any, configuration: Mapping[str, Any]) -> Predictor: ...


def test_flavor_that_calls_itself_otherwise_than_its_entry_point_is_refused_when_it_saves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "get_flavor", lambda name: Misnamed)
    folder = tmp_path / "model"
    with pytest.raises(InvalidInput, match=r"'lookup' calls itself 'tables'.*its entry point"):
        save_model(object(), folder, flavor="lookup")
    assert not folder.exists()
