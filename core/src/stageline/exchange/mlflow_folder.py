"""An `mlruns/` folder, read without MLflow: experiments, runs, models and the registry of its file store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from stageline.domain.experiment import Experiment
from stageline.domain.logged_model import LoggedModel, ModelMetric
from stageline.domain.run import DatasetInput, DatasetRef, LifecycleStage
from stageline.errors import Corrupt, InvalidInput
from stageline.exchange.belongings import SourceModel, SourceRegistered, SourceRun, SourceVersion
from stageline.exchange.mlflow_words import DELETED_VERSION, model_status, run_status
from stageline.exchange.source_files import files_at, local_path
from stageline.storage.series import Series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stageline.exchange.belongings import SourceFiles
    from stageline.storage.open import StorageOptions

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_REGISTRY, _TRASH = "models", ".trash"


class MlflowFolder:
    """`Source` over a folder that MLflow's file store wrote."""

    def __init__(self, root: Path, artifacts: Path | None, options: StorageOptions) -> None:
        self._root = root
        self._artifacts = artifacts
        self._options = options
        self._homes = {
            folder.name: folder
            for parent in (root, root / _TRASH)
            if parent.is_dir()
            for folder in sorted(parent.iterdir())
            if (folder / "meta.yaml").is_file() and folder.name != _REGISTRY
        }
        if not self._homes:
            raise InvalidInput(
                f"{root} is no folder of MLflow's: it has no experiments (<id>/meta.yaml). Give the folder that "
                "holds them, usually called mlruns"
            )
        self._runs: dict[str, Path] = {}

    @property
    def label(self) -> str:
        """See `Source`."""
        return str(self._root)

    def experiments(self) -> list[Experiment]:
        """See `Source`."""
        return [_experiment(folder) for folder in self._homes.values()]

    def run_ids(self, experiment_id: str) -> list[str]:
        """See `Source`."""
        home = self._homes[experiment_id]
        found = {
            folder.name: folder for folder in home.iterdir() if (folder / "meta.yaml").is_file()
        }
        runs = {name: folder for name, folder in found.items() if "run_id" in _meta(folder)}
        self._runs.update(runs)
        return sorted(runs)

    def run(self, run_id: str) -> SourceRun:
        """See `Source`."""
        folder = self._runs[run_id]
        meta = _meta(folder)
        inputs, model_inputs = self._inputs(folder)
        return SourceRun(
            run_id=run_id,
            experiment_id=str(meta["experiment_id"]),
            name=meta.get("run_name") or meta.get("name") or "",
            user_id=meta.get("user_id") or "",
            status=run_status(meta["status"]),
            start_time=int(meta.get("start_time") or 0),
            end_time=meta.get("end_time"),
            is_deleted=meta.get("lifecycle_stage") == "deleted",
            artifact_uri=_place(meta.get("artifact_uri"), folder),
            params=_texts(folder / "params"),
            tags=_texts(folder / "tags"),
            metrics={
                key: _series(file, text) for key, (file, text) in _files(folder / "metrics").items()
            },
            inputs=inputs,
            model_inputs=model_inputs,
            model_outputs={
                each.name: int(_meta(each).get("step") or 0)
                for each in _folders(folder / "outputs")
            },
        )

    def models(self, experiment_id: str) -> Iterator[SourceModel]:
        """See `Source`."""
        for folder in _folders(self._homes[experiment_id] / "models"):
            meta = _meta(folder)
            model = LoggedModel(
                model_id=meta["model_id"],
                experiment_id=experiment_id,
                name=meta.get("name") or "model",
                creation_timestamp=int(meta.get("creation_timestamp") or 0),
                last_updated_timestamp=int(meta.get("last_updated_timestamp") or 0),
                source_run_id=meta.get("source_run_id"),
                status=model_status(meta.get("status")),
                status_message=meta.get("status_message"),
                model_type=meta.get("model_type"),
                tags=_texts(folder / "tags"),
                params=_texts(folder / "params"),
                is_deleted=meta.get("lifecycle_stage") == "deleted",
                metrics=tuple(
                    metric
                    for key, (file, text) in _files(folder / "metrics").items()
                    for metric in _model_metrics(key, file, text)
                ),
            )
            yield SourceModel(model, _place(meta.get("artifact_location"), folder))

    def registered(self) -> Iterator[SourceRegistered]:
        """See `Source`."""
        for folder in _folders(self._root / _REGISTRY):
            meta = _meta(folder)
            versions = (
                _version(each) for each in _folders(folder) if each.name.startswith("version-")
            )
            kept = [one for one in versions if one.stage != DELETED_VERSION]
            yield SourceRegistered(
                name=meta["name"],
                description=meta.get("description") or "",
                tags=_texts(folder / "tags"),
                aliases={alias: int(text) for alias, text in _texts(folder / "aliases").items()},
                versions=sorted(kept, key=lambda one: one.version),
            )

    def files(self, artifact_uri: str) -> SourceFiles:
        """See `Source`."""
        return files_at(artifact_uri, self._artifacts, self._options)

    def close(self) -> None:
        """Nothing is held."""

    def _inputs(self, folder: Path) -> tuple[list[DatasetInput], list[str]]:
        datasets: list[DatasetInput] = []
        models: list[str] = []
        for each in _folders(folder / "inputs"):
            meta = _meta(each)
            if meta.get("source_type") == "DATASET":
                data = _meta(folder.parent / "datasets" / meta["source_id"])
                datasets.append(DatasetInput(_dataset(data), dict(meta.get("tags") or {})))
            else:
                models.append(each.name)
        return datasets, models


def _experiment(folder: Path) -> Experiment:
    meta = _meta(folder)
    return Experiment(
        experiment_id=str(meta.get("experiment_id", folder.name)),
        name=str(meta["name"]),
        lifecycle_stage=LifecycleStage(meta.get("lifecycle_stage") or "active"),
        creation_time=int(meta.get("creation_time") or 0),
        last_update_time=int(meta.get("last_update_time") or 0),
        tags=_texts(folder / "tags"),
    )


def _dataset(meta: dict[str, Any]) -> DatasetRef:
    return DatasetRef(
        name=meta["name"],
        digest=meta["digest"],
        source_type=meta.get("source_type") or "local",
        source=meta.get("source") or "",
        schema=meta.get("schema"),
        profile=meta.get("profile"),
    )


def _version(folder: Path) -> SourceVersion:
    meta = _meta(folder)
    return SourceVersion(
        version=int(meta["version"]),
        source=meta.get("source") or "",
        storage_location=meta.get("storage_location") or "",
        run_id=meta.get("run_id"),
        model_id=meta.get("model_id"),
        stage=meta.get("current_stage") or "None",
        description=meta.get("description") or "",
        user_id=meta.get("user_id") or "",
        run_link=meta.get("run_link") or "",
        creation_timestamp=int(meta.get("creation_timestamp") or 0),
        last_updated_timestamp=int(meta.get("last_updated_timestamp") or 0),
        tags=_texts(folder / "tags"),
    )


def _series(file: Path, text: str) -> Series:
    """Lines of timestamp, value and step; the oldest versions wrote no step.

    The same point twice is one, as in MLflow's database: a client says so which model its points belong to, and the
    dataset that a line may go on with is told with the model.
    """
    series = Series()
    seen: set[tuple[str, ...]] = set()
    for line in text.splitlines():
        fields = tuple(line.split()[:3])
        try:
            if fields not in seen:
                seen.add(fields)
                step = int(fields[2]) if len(fields) > 2 else 0
                series.append(step, int(fields[0]), float(fields[1]))
        except (ValueError, IndexError, OverflowError) as error:
            raise Corrupt(
                f"{file} is no history of a metric: {line[:100]!r} should be a timestamp, a value and a step"
            ) from error
    return series


def _model_metrics(key: str, file: Path, text: str) -> Iterator[ModelMetric]:
    """Lines of timestamp, value, step and run, then perhaps the dataset's name and digest."""
    for line in text.splitlines():
        fields = line.split(" ")
        if len(fields) < 4:
            raise Corrupt(f"{file} is no history of a model's metric: {line[:100]!r}")
        name, digest = (" ".join(fields[4:-1]), fields[-1]) if len(fields) > 5 else (None, None)
        yield ModelMetric(
            key, float(fields[1]), int(fields[2]), int(fields[0]), fields[3], name, digest
        )


def _place(uri: str | None, folder: Path) -> str:
    """Where files are: beside what is said of them, unless that says another store or a folder that is there."""
    own = folder / "artifacts"
    path = local_path(uri) if uri else own
    if path is not None and (own.is_dir() or not path.is_dir()):
        return str(own)
    return uri or str(own)


def _folders(parent: Path) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(each for each in parent.iterdir() if (each / "meta.yaml").is_file())


def _meta(folder: Path) -> dict[str, Any]:
    file = folder / "meta.yaml"
    try:
        read = yaml.load(
            file.read_bytes(), Loader=_LOADER
        )  # a safe loader: it makes plain values alone
    except (yaml.YAMLError, OSError) as error:
        raise Corrupt(f"{file} can not be read: {error}") from error
    if not isinstance(read, dict):
        raise Corrupt(f"{file} should hold names and values, but holds {str(read)[:60]!r}")
    return read


def _files(folder: Path) -> dict[str, tuple[Path, str]]:
    """Key -> file and text: a key with slashes is a file in folders."""
    if not folder.is_dir():
        return {}
    files = sorted(each for each in folder.rglob("*") if each.is_file())
    return {
        each.relative_to(folder).as_posix(): (each, each.read_bytes().decode(errors="replace"))
        for each in files
    }


def _texts(folder: Path) -> dict[str, str]:
    return {key: text for key, (_, text) in _files(folder).items()}
