"""scikit-learn, and what has its interface: saved by skops, which makes objects of known types and runs no code."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sklearn

from stageline.errors import Corrupt, InvalidInput, NotAllowed
from stageline.models.flavor import Predictor, Saved, check_options, needing
from stageline.models.flavors.calling import called
from stageline.models.flavors.pickles import dump, load_pickle
from stageline.models.flavors.sklearn_types import KNOWN_TYPES
from stageline.models.folder import inside

if TYPE_CHECKING:
    from stageline.models.trust import Trust

SKOPS = "skops"
SKOPS_FILE = "model.skops"
PICKLE_FILE = "model.pkl"
PREDICT = "predict"
PREDICT_FNS = (PREDICT, "predict_proba", "predict_log_proba", "predict_joint_log_proba", "score")
MAX_INFLATION = 200
"""Times that a file may grow when it is unpacked; deflate alone reaches 1000 on zeros."""
MAX_SMALL = 256 << 20
"""Bytes up to which that is no matter."""


def save(model: Any, folder: Path, options: Mapping[str, Any]) -> Saved:
    """Write the model.

    Options:
        serialization: `skops`, or on request `cloudpickle` or `pickle`.
        trusted_types: Names of types besides the known ones that the model may be made of.
        predict_fn: What predicting calls: `predict` or another such as `predict_proba`.
    """
    check_options(options, {"serialization", "trusted_types", "predict_fn"}, "sklearn")
    serialization = options.get("serialization") or SKOPS
    predict_fn = options.get("predict_fn") or PREDICT
    if predict_fn != PREDICT and (predict_fn not in PREDICT_FNS or not hasattr(model, predict_fn)):
        raise InvalidInput(
            f"a {type(model).__name__} does not predict by {predict_fn!r}: expected one of {', '.join(PREDICT_FNS)} "
            "that it has"
        )
    types = write_sklearn(model, folder, serialization, options.get("trusted_types") or ())
    file = SKOPS_FILE if serialization == SKOPS else PICKLE_FILE
    function = {
        "loader_module": "mlflow.sklearn",
        "model_path": file,
        "predict_fn": predict_fn,
    }
    return Saved(
        name="sklearn",
        flavor={
            "pickled_model": file,
            "serialization_format": serialization,
            "sklearn_version": sklearn.__version__,
            **({"skops_trusted_types": types} if types else {}),
        },
        python_function=function if hasattr(model, predict_fn) else None,
        modules=("sklearn", serialization),
    )


def load(folder: Path, configuration: Mapping[str, Any], trust: Trust) -> Any:
    """The estimator."""
    path = inside(folder, configuration.get("pickled_model", PICKLE_FILE), "the sklearn model")
    return read_sklearn(path, configuration, trust)


def predictor(model: Any, configuration: Mapping[str, Any]) -> Predictor:
    """Calls the method that was chosen on saving."""
    name = configuration.get("predict_fn", PREDICT)
    if name not in PREDICT_FNS or not hasattr(model, name):
        raise Corrupt(
            f"the model names {name!r} as what predicts, but the {type(model).__name__} that was loaded has no method "
            f"{str(name)!r} for it; an estimator predicts by one of {', '.join(PREDICT_FNS)}"
        )
    return called(getattr(model, name))


def write_sklearn(
    model: Any,
    folder: Path,
    serialization: str,
    trusted: Iterable[str],
    harmless: Iterable[str] = (),
) -> list[str]:
    """Write an estimator; the types besides skops' own that loading it takes trust in. Raises `InvalidInput`."""
    if serialization in ("cloudpickle", "pickle"):
        dump(model, folder / PICKLE_FILE, serialization)
        return []
    if serialization != SKOPS:
        raise InvalidInput(
            f"serialization should be 'skops', 'cloudpickle' or 'pickle', not {serialization!r}"
        )
    with needing("sklearn"):
        import skops.io as skops  # late: a pickle of MLflow's can be loaded without it

    path = folder / SKOPS_FILE
    try:
        skops.dump(model, path)
    except Exception as error:  # of any kind: skops calls the reducers of foreign objects
        raise InvalidInput(
            f"skops can not write this {type(model).__name__}: {error}. If those who load it will trust you, "
            "save it by serialization='cloudpickle'"
        ) from error
    needed = set(skops.get_untrusted_types(file=path))
    unnamed = sorted(needed - {*trusted, *harmless, *KNOWN_TYPES})
    if unnamed:
        path.unlink()
        raise InvalidInput(
            f"the model is made of types that skops does not know to be harmless: {unnamed}. If you trust them, name "
            f"them: trusted_types={unnamed}; or save by serialization='cloudpickle'"
        )
    return sorted(needed)


def read_sklearn(
    path: Path, configuration: Mapping[str, Any], trust: Trust, harmless: Iterable[str] = ()
) -> Any:
    """Read an estimator. Raises `NotAllowed`, naming the types that would have to be trusted; `Corrupt`."""
    if configuration.get("serialization_format", "pickle") != SKOPS:
        return load_pickle(path, trust, "Save it by skops, which is the default: it runs no code.")
    with needing("sklearn"):
        import skops.io as skops

    _check_archive(path)
    try:
        needed = set(skops.get_untrusted_types(file=path))
        named = {*trust.trusted_types, *harmless, *KNOWN_TYPES}
        if trust.allow_pickle:  # then the model's own list will do, or none
            named |= needed
        unnamed = sorted(needed - named)
        if unnamed:
            raise NotAllowed(
                f"the model {path} is made of types that are not known to be harmless: {unnamed}. If you trust them, "
                f"name them: load_model(..., trusted_types={unnamed})"
            )
        return skops.load(path, trusted=sorted(needed))
    except NotAllowed:
        raise
    except (
        Exception
    ) as error:  # of any kind: skops follows what a damaged file says into numpy and sklearn
        raise Corrupt(f"the model {path} can not be read by skops: {error!r}") from error


def _check_archive(path: Path) -> None:
    """Refuse what is no archive of skops, and one that grows without measure. Raises `Corrupt`."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            size = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise Corrupt(
            f"the model {path} is no file of skops, though its MLmodel file says so, or it was cut short: {error}"
        ) from error
    if "schema.json" not in names:
        raise Corrupt(f"the model {path} is no file of skops: it has no schema.json")
    if size > MAX_SMALL and size > MAX_INFLATION * path.stat().st_size:
        raise Corrupt(
            f"the model {path} would unpack to {size} bytes, {MAX_INFLATION} times its size: refused"
        )
