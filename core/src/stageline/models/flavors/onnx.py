"""ONNX: graphs, run by onnxruntime; a graph holds no code, but it may name files, which must lie beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
import onnxruntime
from onnx import external_data_helper

from stageline.errors import Corrupt, InvalidInput
from stageline.models.data_kinds import is_frame
from stageline.models.flavor import Predictor, Saved, check_options
from stageline.models.folder import inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stageline.models.trust import Trust

FILE = "model.onnx"
PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
_LARGEST_MESSAGE = 2**31 - 1
"""Bytes that protobuf can write; a larger model keeps its tensors in a file beside."""


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write the graph.

    Options:
        providers: Where to run it, by onnxruntime's names, the best first.
    """
    check_options(options, {"providers"}, "onnx")
    onnx.save_model(
        model, folder / FILE, save_as_external_data=model.ByteSize() >= _LARGEST_MESSAGE
    )
    return Saved(
        name="onnx",
        flavor={
            "data": FILE,
            "onnx_version": onnx.__version__,
            "providers": [*(options.get("providers") or PROVIDERS)],
        },
        python_function={"loader_module": "mlflow.onnx", "data": FILE},
        modules=("onnx", "onnxruntime"),
    )


def load(folder: Path, configuration: Mapping[str, Any], trust: Trust) -> Any:
    """A session of onnxruntime."""
    path = inside(folder, configuration.get("data", FILE), "the onnx model")
    _check_external_data(path, folder)
    try:
        return onnxruntime.InferenceSession(
            str(path), providers=_usable(configuration.get("providers"))
        )
    except Exception as error:  # onnxruntime's own classes derive from Exception alone
        raise Corrupt(f"the model {path} can not be run by onnxruntime: {error}") from error


def predictor(model: Any, configuration: Mapping[str, Any]) -> Predictor:
    """Takes a frame, an array for a graph of one input, or a dict of arrays; gives a frame or a dict by output."""
    session = model
    if isinstance(model, onnx.ModelProto):
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=_usable(None))
    inputs = {one.name: one.type for one in session.get_inputs()}
    outputs = [one.name for one in session.get_outputs()]

    def predict(data: Any, params: dict[str, Any]) -> Any:
        feed = {
            name: _narrowed(array, inputs.get(name))
            for name, array in _feed(data, [*inputs]).items()
        }
        found = session.run(outputs, feed)
        if not is_frame(data):
            return dict(zip(outputs, found, strict=True))
        flat = {name: np.asarray(one).reshape(-1) for name, one in zip(outputs, found, strict=True)}
        return type(data)(flat)

    return predict


def _feed(data: Any, inputs: list[str]) -> dict[str, Any]:
    if isinstance(data, dict):
        return {name: np.asarray(one) for name, one in data.items()}
    if is_frame(data) and len(inputs) > 1:
        return {name: data[name].to_numpy() for name in inputs}
    if len(inputs) > 1:
        raise InvalidInput(
            "Unable to map numpy array input to the expected model input. Numpy arrays can only be used as input for "
            f"ONNX models that have a single input. This model requires {len(inputs)} inputs: {inputs}"
        )
    return {inputs[0]: data.to_numpy() if is_frame(data) else np.asarray(data)}


def _narrowed(array: Any, kind: str | None) -> Any:
    """JSON and frames know only doubles; a graph of floats is given floats, as everywhere in the field."""
    return (
        array.astype(np.float32) if kind == "tensor(float)" and array.dtype == np.float64 else array
    )


def _usable(providers: Any) -> list[str]:
    there = {str(one) for one in onnxruntime.get_available_providers()}
    listed = providers if isinstance(providers, (list, tuple)) else PROVIDERS
    names = [str(one[0] if isinstance(one, (list, tuple)) and one else one) for one in listed]
    return [one for one in names if one in there] or ["CPUExecutionProvider"]


def _check_external_data(path: Path, folder: Path) -> None:
    """Refuse a graph that names a file out of its folder. Raises `Corrupt`."""
    try:
        graph = onnx.load(path, load_external_data=False)
        onnx.checker.check_model(graph, full_check=False)
        tensors = [
            external_data_helper.ExternalDataInfo(one)
            for one in external_data_helper._get_all_tensors(graph)
            if external_data_helper.uses_external_data(one)
        ]
    except (
        Exception
    ) as error:  # protobuf's class for this is not where one could name it in all its versions
        raise Corrupt(
            f"the model {path} is no graph of onnx, or it was cut short: {error}"
        ) from error
    for tensor in tensors:
        beside = (path.parent / str(tensor.location)).relative_to(folder).as_posix()
        inside(folder, beside, "a tensor's file")
