"""A model into a folder: its own files by its flavor, then the example, the environment, and last the MLmodel file."""

from __future__ import annotations

import datetime
import os
import platform
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from stageline.errors import AlreadyExists, InvalidInput, NotFound
from stageline.models import environment
from stageline.models.example import split_example, write_example
from stageline.models.flavor import Flavor, Saved, flavor_of, get_flavor, known_flavors
from stageline.models.folder import model_files
from stageline.models.mlmodel import DIGESTS, MLMODEL, PYTHON_FUNCTION, MLmodel, format_mlmodel
from stageline.models.signature import ModelSignature, infer_signature
from stageline.storage.parallel import together
from stageline.storage.transfer import hash_file

CODE = "code"


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """What is saved beside a model. `None` for what is to be found out."""

    signature: ModelSignature | None = None
    """What the model takes and gives; inferred from `input_example` if there is one."""
    input_example: Any = None
    """A frame, an array, a dict or list; or a pair of that and the params."""
    pip_requirements: Sequence[str] | str | Path | None = None
    extra_pip_requirements: Sequence[str] | None = None
    code_paths: Sequence[str | Path] = ()
    """Files and folders of Python code that the model needs and no package has; they make loading it need trust."""
    metadata: Mapping[str, Any] = {}
    """What else the MLmodel file should say."""


def save_model(
    model: Any,
    path: str | Path,
    flavor: str | None = None,
    *,
    details: Details | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    **options: Any,
) -> MLmodel:
    """Save a model as a folder that Stageline and MLflow load.

    Args:
        model: The framework's own object, an object with `predict`, or a function.
        path: The folder, which must not exist or be empty.
        flavor: Which adapter saves it; by default that of the package that its class comes from.
        details: Signature, example, requirements, code and metadata.
        run_id: The run that made it.
        artifact_path: Where it will lie among the run's artifacts.
        options: The flavor's own, such as `serialization="cloudpickle"` or `trusted_types=[...]`.

    Raises:
        AlreadyExists: there is something at `path`.
        InvalidInput: the model can not be saved that way; the folder is as it was.
    """
    folder = Path(path)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise AlreadyExists(
            f"there is something at {folder}: save the model to a folder that does not exist"
        )
    was_there = folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return _fill(folder, model, flavor, details or Details(), run_id, artifact_path, options)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if was_there:
            folder.mkdir()
        raise


def _fill(
    folder: Path,
    model: Any,
    name: str | None,
    details: Details,
    run_id: str | None,
    artifact_path: str | None,
    options: dict[str, Any],
) -> MLmodel:
    chosen = name or flavor_of(model)
    flavor = get_flavor(chosen)
    context = {"input_example": details.input_example, "signature": details.signature}
    saved = flavor.save(
        model, folder, {**options, **{k: v for k, v in context.items() if v is not None}}
    )
    if saved.flavor is not None and saved.name not in known_flavors():
        raise InvalidInput(
            f"the flavor {chosen!r} calls itself {saved.name!r} in the MLmodel file, and nothing is installed by that "
            "name that could load it: let both be the name of its entry point"
        )
    signature = details.signature or _inferred(flavor, model, saved, details.input_example)
    info = None if details.input_example is None else write_example(folder, details.input_example)
    code = _copy_code(details.code_paths, folder)
    inferred = environment.infer_requirements(saved.modules, _sources(model, details.input_example))
    requirements = environment.chosen_requirements(
        inferred, details.pip_requirements, details.extra_pip_requirements
    )
    environment.write_environment(folder, requirements)
    files = _files_so_far(folder)
    digests = dict(zip(files, together(hash_file, files.values()), strict=True))
    made = MLmodel(
        flavors=_flavors(saved, code),
        signature=signature,
        artifact_path=artifact_path,
        run_id=run_id,
        model_uuid=uuid.uuid4().hex,
        model_size_bytes=sum(size for _, size in digests.values()),
        utc_time_created=datetime.datetime.now(datetime.timezone.utc).strftime(
            "%Y-%m-%d %H:%M:%S.%f"
        ),
        saved_input_example_info=info,
        metadata={
            **details.metadata,
            DIGESTS: {path: sha256 for path, (sha256, _) in digests.items()},
        },
    )
    (folder / MLMODEL).write_bytes(format_mlmodel(made))
    return made


def _files_so_far(folder: Path) -> dict[str, Path]:
    (folder / MLMODEL).touch()
    return {path: file for path, file in model_files(folder).items() if path != MLMODEL}


def _flavors(saved: Saved, code: str | None) -> dict[str, dict[str, Any]]:
    brings = {"code": code} if code else {}
    found: dict[str, dict[str, Any]] = {}
    if saved.flavor is not None:
        found[saved.name] = {**saved.flavor, **brings}
    if saved.python_function is not None:
        found[PYTHON_FUNCTION] = {
            **saved.python_function,
            "env": {"conda": environment.CONDA, "virtualenv": environment.PYTHON_ENV},
            "python_version": platform.python_version(),
            **brings,
        }
    return found


def _inferred(flavor: Flavor, model: Any, saved: Saved, example: Any) -> ModelSignature | None:
    """From the example and what the model predicts for it, where it does."""
    if example is None:
        return None
    data, params = split_example(example)
    output = None
    if saved.python_function is not None and saved.flavor is not None:
        try:
            output = flavor.predictor(model, saved.python_function)(data, params or {})
            return infer_signature(data, output, params)
        except (
            Exception
        ):  # of any kind: it is the user's model, and may take its input in another form
            output = None
    try:
        return infer_signature(data, None, params)
    except InvalidInput:
        return None  # an example may be of a kind that no schema describes


def _sources(model: Any, example: Any) -> list[Any]:
    data, _ = split_example(example)
    inner = [getattr(model, "model", None), getattr(model, "predict", None)]
    return [
        one
        for one in (model, data, *inner)
        if one is not None and not isinstance(one, (str, dict, list))
    ]


def _copy_code(paths: Sequence[str | Path], folder: Path) -> str | None:
    for given in paths:
        source = Path(given).resolve()
        target = folder / CODE / source.name
        target.parent.mkdir(exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        elif source.is_file():
            shutil.copyfile(source, target)
        else:
            raise NotFound(f"no file or folder {os.fspath(given)}, which code_paths names")
    return CODE if paths else None
