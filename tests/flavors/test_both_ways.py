"""Every flavor, both ways: the real MLflow loads what Stageline saved, and Stageline loads what MLflow saved.

Run by `make test-flavors`, in an environment that holds MLflow and the frameworks.
"""

from __future__ import annotations

import json
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from stageline.errors import Corrupt, NotAllowed
from stageline.models.loading import load_folder
from stageline.models.saving import Details, save_model
from stageline.models.signature import infer_signature
from stageline.models.trust import Trust

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import mlflow
    import mlflow.pyfunc

pytestmark = pytest.mark.filterwarnings(
    "ignore"
)  # of the frameworks and of MLflow, about each other

CODE = Trust(allow_pickle=True)
RNG = np.random.default_rng(0)
FRAME = pd.DataFrame({"a": RNG.normal(size=20), "b": RNG.normal(size=20)})
TARGET = 2 * FRAME.a + FRAME.b
FLAGS = (TARGET > 0).astype(int)
ARRAY = FRAME.to_numpy().astype("float32")


class Case(NamedTuple):
    """A framework's model, and how it is kept."""

    package: str
    flavor: str
    """As MLflow calls it."""
    make: Callable[[Any], Any]
    data: Any = FRAME
    is_code: bool = False
    ours: Mapping[str, Any] = MappingProxyType({})
    theirs: Mapping[str, Any] = MappingProxyType({})


def _torch(torch: Any) -> Any:
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(2, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))


def _xgboost(xgboost: Any) -> Any:
    return xgboost.train({}, xgboost.DMatrix(FRAME, TARGET), 3)


def _lightgbm(lightgbm: Any) -> Any:
    return lightgbm.train(
        {"verbose": -1, "min_data_in_leaf": 1}, lightgbm.Dataset(FRAME, TARGET), 3
    )


def _onnx(onnx: Any) -> Any:
    import skl2onnx

    return skl2onnx.to_onnx(LinearRegression().fit(ARRAY, TARGET), ARRAY[:1])


CASES = {
    "sklearn": Case("sklearn", "sklearn", lambda _: LogisticRegression().fit(FRAME, FLAGS)),
    "sklearn cloudpickle": Case(
        "sklearn", "sklearn", lambda _: LinearRegression().fit(FRAME, TARGET), FRAME, True,
        {"serialization": "cloudpickle"}, {"serialization_format": "cloudpickle"},
    ),
    "xgboost booster": Case("xgboost", "xgboost", _xgboost),
    "xgboost estimator": Case("xgboost", "xgboost", lambda x: x.XGBClassifier(n_estimators=3).fit(FRAME, FLAGS)),
    "lightgbm booster": Case("lightgbm", "lightgbm", _lightgbm),
    "lightgbm estimator": Case(
        "lightgbm", "lightgbm", lambda x: x.LGBMRegressor(n_estimators=3, verbose=-1).fit(FRAME, TARGET)
    ),
    "onnx": Case("onnx", "onnx", _onnx, ARRAY),
    "torch": Case("torch", "pytorch", _torch, ARRAY, theirs={"serialization_format": "pt2", "input_example": ARRAY}),
    "torch pickle": Case(
        "torch", "pytorch", _torch, ARRAY, True, {"serialization": "pickle"}, {"serialization_format": "pickle"}
    ),
    "statsmodels": Case("statsmodels.api", "statsmodels", lambda sm: sm.OLS(TARGET, FRAME).fit(), FRAME, True),
}  # fmt: skip


@pytest.fixture(params=[*CASES])
def case(request: pytest.FixtureRequest) -> Iterator[tuple[Case, Any]]:
    found = CASES[request.param]
    return found, found.make(pytest.importorskip(found.package))


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(np.allclose(np.asarray(one), np.asarray(other)))


def test_mlflow_loads_ours(case: tuple[Case, Any], tmp_path: Path) -> None:
    kept, model = case
    save_model(model, tmp_path / "m", details=Details(input_example=kept.data[:5]), **kept.ours)
    ours = load_folder(tmp_path / "m", trust=CODE)
    theirs = mlflow.pyfunc.load_model(str(tmp_path / "m"))
    expected = ours.predict(kept.data)
    assert _same(theirs.predict(kept.data), expected)
    assert getattr(mlflow, kept.flavor).load_model(str(tmp_path / "m")) is not None
    assert ours.signature is not None
    for part, text in theirs.metadata.signature.to_dict().items():
        assert json.loads(text or "null") == json.loads(ours.signature.to_dict()[part] or "null")


def test_ours_loads_mlflows(case: tuple[Case, Any], tmp_path: Path) -> None:
    kept, model = case
    getattr(mlflow, kept.flavor).save_model(
        model, str(tmp_path / "m"), pip_requirements=[], **kept.theirs
    )
    expected = mlflow.pyfunc.load_model(str(tmp_path / "m")).predict(kept.data)
    assert _same(load_folder(tmp_path / "m", trust=CODE).predict(kept.data), expected)


def test_only_code_takes_consent(case: tuple[Case, Any], tmp_path: Path) -> None:
    kept, model = case
    save_model(model, tmp_path / "m", details=Details(input_example=kept.data[:5]), **kept.ours)
    if kept.is_code:
        with pytest.raises(NotAllowed, match="STAGELINE_ALLOW_PICKLE"):
            load_folder(tmp_path / "m")
    else:
        load_folder(tmp_path / "m")


def test_truncated_file_is_corrupt(case: tuple[Case, Any], tmp_path: Path) -> None:
    kept, model = case
    getattr(mlflow, kept.flavor).save_model(
        model, str(tmp_path / "m"), pip_requirements=[], **kept.theirs
    )
    names = (
        "model.skops",
        "model.pkl",
        "model.xgb",
        "model.ubj",
        "model.lgb",
        "model.onnx",
        "model.pt2",
        "model.pth",
        "model.statsmodels",
    )
    file = max(
        (one for one in (tmp_path / "m").rglob("*") if one.name in names),
        key=lambda one: one.stat().st_size,
    )
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 3])
    with pytest.raises(Corrupt):
        load_folder(tmp_path / "m", trust=CODE)


class Shifted(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]  # has no types
    def load_context(self, context: Any) -> None:
        self.by = float(Path(context.artifacts["by"]).read_text())

    def predict(self, context: Any, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        return model_input["a"] + self.by + (params or {}).get("q", 0)


def test_python_models_of_either_load_in_both(tmp_path: Path) -> None:
    (tmp_path / "by.txt").write_text("5")
    files = {"by": str(tmp_path / "by.txt")}
    save_model(
        Shifted(),
        tmp_path / "ours",
        "pyfunc",
        artifacts=files,
        details=Details(input_example=(FRAME, {"q": 0.5})),
    )
    mlflow.pyfunc.save_model(
        str(tmp_path / "theirs"), python_model=Shifted(), artifacts=files, pip_requirements=[],
        input_example=(FRAME, {"q": 0.5}),
    )  # fmt: skip
    save_model(lambda data: data["a"] + 5.5, tmp_path / "function")
    for name in ("ours", "theirs", "function"):
        ours = load_folder(tmp_path / name, trust=CODE).predict(FRAME)
        theirs = mlflow.pyfunc.load_model(str(tmp_path / name)).predict(FRAME)
        assert _same(ours, FRAME.a + 5.5)
        assert _same(theirs, ours), name


@pytest.mark.parametrize(
    "data",
    [
        FRAME, ARRAY, {"x": ARRAY}, FRAME.a, ["a", "b"], [1, 2], [{"x": 1, "z": ["s"]}, {"x": 2}], {"a": 1, "b": ["s"]},
        pd.DataFrame({"t": pd.to_datetime(["2020-01-01"]), "o": [{"k": [1.5]}], "b": [b"x"], "n": [None]}),
        pd.DataFrame({0: [1.0], 1: [2]}),
    ],
    ids=str,
)  # fmt: skip
def test_signatures_are_inferred_alike(data: Any) -> None:
    ours = infer_signature(data, params={"q": 0.5, "ks": [1, 2]}).to_dict()
    theirs = mlflow.models.infer_signature(data, params={"q": 0.5, "ks": [1, 2]}).to_dict()
    for part in ("inputs", "params"):
        assert json.loads(ours[part] or "null") == json.loads(theirs[part])


def test_graph_that_calls_more_than_tensor_operations_takes_consent(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from stageline.models.flavors.torch_archive import why_unsafe  # late: it takes torch

    save_model(_torch(torch), tmp_path / "m", details=Details(input_example=ARRAY))
    graph = tmp_path / "m" / "data" / "model.pt2"
    assert why_unsafe(graph) is None
    for old, new in {
        b"torch.ops.aten.linear.default": b"torch.os.system",
        b"torch.ops.aten.relu.default": b"torch.ops.aten.from_file.default",
        b"Symbol('s": b"__import__('os').system('touch pwned') or Symbol('s",
        b'"guards_code": []': b'"guards_code": ["print(1)"]',
    }.items():
        with (
            zipfile.ZipFile(graph) as source,
            zipfile.ZipFile(tmp_path / "changed.pt2", "w") as target,
        ):
            for name in source.namelist():
                content = source.read(name)
                target.writestr(
                    name,
                    content.replace(old, new) if name.endswith("models/model.json") else content,
                )
        assert why_unsafe(tmp_path / "changed.pt2") is not None, old


def test_onnx_graph_with_a_file_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    big = onnx.helper.make_tensor("w", 1, [2, 512], np.ones(1024, "float32").tobytes(), raw=True)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])], "g",
        [onnx.helper.make_tensor_value_info("x", 1, [None, 2])],
        [onnx.helper.make_tensor_value_info("y", 1, [None, 512])],
        [big],
    )  # fmt: skip
    save_model(onnx.helper.make_model(graph), tmp_path / "m", "onnx")
    onnx.external_data_helper.set_external_data(big, "../../secret")
    graph.initializer[0].CopyFrom(big)
    graph.initializer[0].ClearField("raw_data")
    (tmp_path / "m" / "model.onnx").write_bytes(onnx.helper.make_model(graph).SerializeToString())
    raw = (tmp_path / "m" / "MLmodel").read_text()
    (tmp_path / "m" / "MLmodel").write_text(raw.partition("metadata:")[0])
    with pytest.raises(Corrupt):
        load_folder(tmp_path / "m")
