"""Any Python object with `predict`, any function, and a class in the field's style with a context: always code.

What is written is what `mlflow.pyfunc` reads, so it loads there without Stageline; and what that wrote loads here.
"""

from __future__ import annotations

import importlib
import inspect
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.errors import Corrupt, InvalidInput, NotFound
from stageline.models.flavor import Predictor, Saved, check_options, needing
from stageline.models.flavors import python_model
from stageline.models.flavors.pickles import dump, load_pickle
from stageline.models.flavors.python_model import ModelContext, PythonModel
from stageline.models.folder import inside, model_files

if TYPE_CHECKING:
    from stageline.models.trust import Trust

PICKLE_FILE = "python_model.pkl"
ARTIFACTS = "artifacts"
LOADERS = ("mlflow.pyfunc.model", "mlflow.pyfunc.loaders.code_model")
_INSTEAD = "A model of plain Python is always code; one of a framework need not be (flavors sklearn, onnx, xgboost)."


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write the object.

    Options:
        serialization: Only `cloudpickle`, which is also the default: there is no other way to keep an object.
        artifacts: Name -> path of a file or folder that is kept with the model, and given to `load_context`.
        model_config: Settings given to `load_context` too.
    """
    check_options(options, {"serialization", "artifacts", "model_config"}, "pyfunc")
    if (options.get("serialization") or "cloudpickle") != "cloudpickle":
        raise InvalidInput(
            f"a Python object is saved by cloudpickle only, not {options['serialization']!r}"
        )
    with needing("pyfunc"):
        import cloudpickle  # late: a model is loaded without it more often than not

    kept = _keep_artifacts(options.get("artifacts") or {}, folder)
    made = python_model.wrapped(model)
    # By value, so that loading it takes no Stageline.
    cloudpickle.register_pickle_by_value(python_model)
    try:
        dump(made, folder / PICKLE_FILE)
    finally:
        cloudpickle.unregister_pickle_by_value(python_model)
    config = options.get("model_config")
    function = {
        "loader_module": LOADERS[0],
        "python_model": PICKLE_FILE,
        "cloudpickle_version": cloudpickle.__version__,
        **({"artifacts": kept} if kept else {}),
        **({"config": dict(config)} if config else {}),
    }
    return Saved(name="pyfunc", python_function=function, modules=("cloudpickle",))


def load(folder: Path, configuration: Mapping[str, Any], trust: Trust) -> Any:
    """The object, with its context loaded. For a model of a loader that is not known here, what that returns."""
    loader = configuration.get("loader_module")
    if loader not in LOADERS:
        return _load_by(str(loader), folder, configuration, trust)
    if "model_code_path" in configuration:
        made = _run_code(folder, configuration, trust)
    else:
        path = inside(folder, configuration.get("python_model"), "the Python model")
        made = load_pickle(path, trust, _INSTEAD)
    context = ModelContext(
        _artifacts(folder, configuration), dict(configuration.get("config") or {})
    )
    if hasattr(made, "load_context"):
        made.load_context(context)
    return _Loaded(made, context)


def predictor(model: Any, configuration: Mapping[str, Any]) -> Predictor:
    """Calls `predict` with as many of context, input and params as it asks for."""
    if isinstance(model, _Loaded):
        return model
    return lambda data, params: model.predict(data, **({"params": params} if params else {}))


class _Loaded:
    """A Python model and its context."""

    def __init__(self, python_model: Any, context: ModelContext) -> None:
        self.python_model = python_model
        self._context = context
        self._predict = getattr(python_model, "predict", python_model)
        self._parameters = inspect.signature(self._predict).parameters

    def __call__(self, data: Any, params: dict[str, Any]) -> Any:
        named = {"params": params} if "params" in self._parameters else {}
        positional = [name for name in self._parameters if name != "params"]
        takes_context = "context" in positional or (
            len(positional) > 1 and positional[0] in ("_", "ctx")
        )
        if takes_context:
            return self._predict(self._context, data, **named)
        return self._predict(data, **named)


def _keep_artifacts(artifacts: Mapping[str, Any], folder: Path) -> dict[str, dict[str, str]]:
    kept = {}
    for name, given in artifacts.items():
        source = Path(given)
        target = folder / ARTIFACTS / source.name
        if target.exists():
            target = folder / ARTIFACTS / str(name) / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.is_file():
            shutil.copyfile(source, target)
        else:
            raise NotFound(f"no file or folder {source}, which artifacts[{name!r}] names")
        kept[str(name)] = {"path": target.relative_to(folder).as_posix(), "uri": source.name}
    return kept


def _artifacts(folder: Path, configuration: Mapping[str, Any]) -> dict[str, str]:
    listed = configuration.get("artifacts") or {}
    if not isinstance(listed, dict) or not all(isinstance(one, dict) for one in listed.values()):
        raise Corrupt(f"the artifacts of the model {folder} should be a mapping of mappings")
    return {
        str(name): str(inside(folder, one.get("path"), f"the artifact {name!r}"))
        for name, one in listed.items()
    }


def _run_code(folder: Path, configuration: Mapping[str, Any], trust: Trust) -> Any:
    """A model that is kept as code: its file says `mlflow.models.set_model(...)`."""
    path = inside(folder, Path(str(configuration["model_code_path"])).name, "the model's code")
    trust.require_code(f"the model {path} is Python code", _INSTEAD)
    try:
        module = importlib.import_module("mlflow.pyfunc.model")
    except ImportError as error:
        raise InvalidInput(
            f"the model {path} is code that hands itself over by mlflow.models.set_model: install mlflow to load it"
        ) from error
    _, made, _ = module._load_context_model_and_signature(str(folder), configuration.get("config"))
    return made


def _load_by(loader: str, folder: Path, configuration: Mapping[str, Any], trust: Trust) -> Any:
    """What a module named by the model returns: any module that can be imported, so it is code."""
    trust.require_code(
        f"the model {folder} is loaded by the module {loader!r}, which is of no flavor that is installed",
        "Where a package brings a flavor for it, install that instead: `stageline.flavors` is the entry point.",
    )
    place = configuration.get("data") or configuration.get("model_path")
    path = inside(folder, place, "the model's data") if place else folder
    try:
        module = importlib.import_module(loader)
        return module._load_pyfunc(str(path))
    except (ImportError, AttributeError) as error:
        raise InvalidInput(
            f"the model {folder} is loaded by {loader!r}: {error}. Install what its requirements.txt names"
        ) from error


def put_code_first(folder: Path, configuration: Mapping[str, Any], trust: Trust) -> bool:
    """Let what is beside the model be imported, if it brings code. Raises `NotAllowed`; whether it does."""
    code = configuration.get("code")
    if not code:
        return False
    path = inside(folder, code, "the model's code")
    trust.require_code(f"the model {folder} brings code of its own in {path.name}/", _INSTEAD)
    if any(name.startswith(f"{code}/") for name in model_files(folder)):
        sys.path.insert(0, str(path))
        importlib.invalidate_caches()
        return True
    return False


__all__ = ["ModelContext", "PythonModel", "load", "predictor", "put_code_first", "save"]
