"""An `mlruns/` folder, read without MLflow: experiments, runs, models and the registry of its file store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.domain.experiment import Experiment
from stageline.domain.logged_model import LoggedModel
from stageline.domain.run import DatasetInput, DatasetRef, LifecycleStage
from stageline.errors import InvalidInput
from stageline.exchange.belongings import SourceModel, SourceRegistered, SourceRun, SourceVersion
from stageline.exchange.mlflow_lines import (
    folders_in,
    read_files,
    read_meta,
    read_model_metrics,
    read_series,
    read_texts,
)
from stageline.exchange.mlflow_words import DELETED_VERSION, model_status, run_status
from stageline.exchange.source_files import files_at, local_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stageline.exchange.belongings import SourceFiles
    from stageline.storage.options import StorageOptions

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
        runs = {name: folder for name, folder in found.items() if "run_id" in read_meta(folder)}
        self._runs.update(runs)
        return sorted(runs)

    def run(self, run_id: str) -> SourceRun:
        """See `Source`."""
        folder = self._runs[run_id]
        meta = read_meta(folder)
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
            params=read_texts(folder / "params"),
            tags=read_texts(folder / "tags"),
            metrics={
                key: read_series(file, text)
                for key, (file, text) in read_files(folder / "metrics").items()
            },
            inputs=inputs,
            model_inputs=model_inputs,
            model_outputs={
                each.name: int(read_meta(each).get("step") or 0)
                for each in folders_in(folder / "outputs")
            },
        )

    def models(self, experiment_id: str) -> Iterator[SourceModel]:
        """See `Source`."""
        for folder in folders_in(self._homes[experiment_id] / "models"):
            meta = read_meta(folder)
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
                tags=read_texts(folder / "tags"),
                params=read_texts(folder / "params"),
                is_deleted=meta.get("lifecycle_stage") == "deleted",
                metrics=tuple(
                    metric
                    for key, (file, text) in read_files(folder / "metrics").items()
                    for metric in read_model_metrics(key, file, text)
                ),
            )
            yield SourceModel(model, _place(meta.get("artifact_location"), folder))

    def registered(self) -> Iterator[SourceRegistered]:
        """See `Source`."""
        for folder in folders_in(self._root / _REGISTRY):
            meta = read_meta(folder)
            versions = (
                _version(each) for each in folders_in(folder) if each.name.startswith("version-")
            )
            kept = [one for one in versions if one.stage != DELETED_VERSION]
            yield SourceRegistered(
                name=meta["name"],
                description=meta.get("description") or "",
                tags=read_texts(folder / "tags"),
                aliases={
                    alias: int(text) for alias, text in read_texts(folder / "aliases").items()
                },
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
        for each in folders_in(folder / "inputs"):
            meta = read_meta(each)
            if meta.get("source_type") == "DATASET":
                data = read_meta(folder.parent / "datasets" / meta["source_id"])
                datasets.append(DatasetInput(_dataset(data), dict(meta.get("tags") or {})))
            else:
                models.append(each.name)
        return datasets, models


def _experiment(folder: Path) -> Experiment:
    meta = read_meta(folder)
    return Experiment(
        experiment_id=str(meta.get("experiment_id", folder.name)),
        name=str(meta["name"]),
        lifecycle_stage=LifecycleStage(meta.get("lifecycle_stage") or "active"),
        creation_time=int(meta.get("creation_time") or 0),
        last_update_time=int(meta.get("last_update_time") or 0),
        tags=read_texts(folder / "tags"),
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
    meta = read_meta(folder)
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
        tags=read_texts(folder / "tags"),
    )


def _place(uri: str | None, folder: Path) -> str:
    """Where files are: beside what is said of them, unless that says another store or a folder that is there."""
    own = folder / "artifacts"
    path = local_path(uri) if uri else own
    if path is not None and (own.is_dir() or not path.is_dir()):
        return str(own)
    return uri or str(own)
