"""PyTorch: modules as exported graphs, which load without their class; as pickles on request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from stageline.errors import Corrupt, InvalidInput
from stageline.models.data_kinds import is_array, is_frame
from stageline.models.flavor import Predictor, Saved, check_options
from stageline.models.flavors.torch_archive import why_unsafe
from stageline.models.folder import inside

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from stageline.models.trust import Trust

FOLDER = "data"
GRAPH_FILE = "model.pt2"
PICKLE_FILE = "model.pth"
PICKLE_MODULE_FILE = "pickle_module_info.txt"
EXPORT = "pt2"


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write the module.

    Options:
        serialization: `pt2`, a graph exported by running the module on `input_example`, which it takes; or `pickle`.
    """
    check_options(options, {"serialization"}, "torch")
    serialization = options.get("serialization") or EXPORT
    (folder / FOLDER).mkdir()
    if serialization == EXPORT:
        _export(model, folder / FOLDER / GRAPH_FILE, options.get("input_example"))
    elif serialization == "pickle":
        import cloudpickle  # late: an exported graph is not pickled

        torch.save(model, folder / FOLDER / PICKLE_FILE, pickle_module=cloudpickle)
        # MLflow unpickles by the module that this names, and has made this one for what cloudpickle writes.
        (folder / FOLDER / PICKLE_MODULE_FILE).write_text("mlflow.pytorch.pickle_module")
    else:
        raise InvalidInput(f"serialization should be 'pt2' or 'pickle', not {serialization!r}")
    version = str(torch.__version__)
    return Saved(
        name="pytorch",
        flavor={"model_data": FOLDER, "pytorch_version": version},
        python_function={
            "loader_module": "mlflow.pytorch",
            "data": FOLDER,
            "pickle_module_name": "mlflow.pytorch.pickle_module",
            "config": {"device": None},
        },
        modules=("torch",) if serialization == EXPORT else ("torch", "cloudpickle"),
    )


def load(folder: Path, configuration: Mapping[str, Any], trust: Trust) -> Any:
    """The module, on the CPU and set to evaluate."""
    data = inside(folder, configuration.get("model_data", FOLDER), "the torch model")
    pickled = data / PICKLE_FILE if data.is_dir() else data
    if pickled.exists():
        trust.require_code(
            f"the model {pickled} is a pickle",
            "Save it by serialization='pt2', which is the default.",
        )
        return _read(
            lambda: torch.load(pickled, map_location="cpu", weights_only=False).eval(), pickled
        )
    graph = inside(
        folder, f"{configuration.get('model_data', FOLDER)}/{GRAPH_FILE}", "the exported graph"
    )
    reason = why_unsafe(graph)
    if reason is not None:
        trust.require_code(
            f"the graph {graph} is not only one of tensor operations ({reason})",
            "Export a module that calls no operators of its own and takes plain tensors.",
        )
    return _read(lambda: torch.export.load(graph).module(), graph)


def predictor(model: Any, configuration: Mapping[str, Any]) -> Predictor:
    """Takes a frame, as floats, or an array; gives the same."""

    def predict(data: Any, params: dict[str, Any]) -> Any:
        if not is_frame(data) and not is_array(data):
            raise InvalidInput(
                f"a torch model is given a frame or an array, not a {type(data).__name__}"
            )
        with torch.no_grad():
            found = model(_tensor(data), **params)
        if not isinstance(found, torch.Tensor):
            raise InvalidInput(
                f"the torch model gave a {type(found).__name__}: expected a single tensor"
            )
        array = found.cpu().numpy()
        return type(data)(array, index=data.index) if is_frame(data) else array

    return predict


def _export(model: Any, path: Path, example: Any) -> None:
    """Write the graph; the length of the first dimension is left open, if the example has several rows."""
    if isinstance(model, torch.jit.ScriptModule):
        raise InvalidInput(
            "a scripted module can not be exported: export the module that it was made of"
        )
    if not is_frame(example) and not is_array(example):
        raise InvalidInput(
            "a torch module is saved as a graph, which is found by running it: give input_example, an array or a frame "
            "of two rows or more; or save by serialization='pickle', which those who load it have to allow"
        )
    was_training = model.training
    try:
        exported = torch.export.export(
            model.eval(), (_tensor(example),), dynamic_shapes=[{0: torch.export.Dim.AUTO}]
        )
        torch.export.save(exported, path)
    except Exception as error:  # of any kind: it runs the module, and torch has dozens of its own
        raise InvalidInput(
            f"this {type(model).__name__} can not be exported: {error}. If those who load it will trust you, save it "
            "by serialization='pickle'"
        ) from error
    finally:
        model.train(was_training)


def _tensor(data: Any) -> Any:
    return torch.from_numpy(data.to_numpy(dtype="float32") if is_frame(data) else data)


def _read(reader: Any, path: Path) -> Any:
    try:
        return reader()
    except Exception as error:  # of any kind: torch follows what a damaged file says
        raise Corrupt(
            f"the model {path} can not be read by torch {torch.__version__}: {error}"
        ) from error
