"""A server that speaks MLflow's protocol, read without MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.domain.experiment import Experiment
from stageline.domain.logged_model import LoggedModel, ModelMetric
from stageline.domain.run import DatasetInput, DatasetRef, LifecycleStage
from stageline.errors import NotFound
from stageline.exchange.belongings import SourceModel, SourceRegistered, SourceRun, SourceVersion
from stageline.exchange.mlflow_calls import MlflowCalls
from stageline.exchange.mlflow_words import model_status, run_status
from stageline.exchange.source_files import files_at
from stageline.storage.series import Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stageline.exchange.belongings import SourceFiles
    from stageline.storage.options import StorageOptions

_PROXY = "mlflow-artifacts:"


class MlflowServer:
    """`Source` over HTTP."""

    def __init__(self, url: str, artifacts: Path | None, options: StorageOptions) -> None:
        self._calls = MlflowCalls(url)
        self._artifacts = artifacts
        self._options = options
        self._found: dict[str, dict[str, Any]] = {}

    @property
    def label(self) -> str:
        """See `Source`."""
        return self._calls.label

    def experiments(self) -> list[Experiment]:
        """See `Source`."""
        asked = {"max_results": 1000, "view_type": "ALL"}
        return [
            Experiment(
                experiment_id=str(one["experiment_id"]),
                name=one["name"],
                lifecycle_stage=LifecycleStage(one.get("lifecycle_stage", "active")),
                creation_time=int(one.get("creation_time", 0)),
                last_update_time=int(one.get("last_update_time", 0)),
                tags=_pairs(one.get("tags")),
            )
            for one in self._calls.pages("experiments/search", asked, "experiments")
        ]

    def run_ids(self, experiment_id: str) -> list[str]:
        """See `Source`."""
        asked = {"experiment_ids": [experiment_id], "max_results": 1000, "run_view_type": "ALL"}
        ids = []
        for run in self._calls.pages("runs/search", asked, "runs"):
            run_id = run["info"].get("run_id") or run["info"]["run_uuid"]
            self._found[run_id] = run
            ids.append(run_id)
        return sorted(ids)

    def run(self, run_id: str) -> SourceRun:
        """See `Source`."""
        found = self._found.pop(run_id, None)
        run = found or self._calls.get("runs/get", {"run_id": run_id})["run"]
        info, data, inputs = run["info"], run.get("data", {}), run.get("inputs", {})
        outputs = run.get("outputs", {})
        return SourceRun(
            run_id=run_id,
            experiment_id=str(info["experiment_id"]),
            name=info.get("run_name", ""),
            user_id=info.get("user_id", ""),
            status=run_status(info.get("status", "FINISHED")),
            start_time=int(info.get("start_time", 0)),
            end_time=int(info["end_time"]) if info.get("end_time") else None,
            is_deleted=info.get("lifecycle_stage") == "deleted",
            artifact_uri=info.get("artifact_uri", ""),
            params=_pairs(data.get("params")),
            tags=_pairs(data.get("tags")),
            metrics={
                one["key"]: self._history(run_id, one["key"]) for one in data.get("metrics", ())
            },
            inputs=[_dataset_input(one) for one in inputs.get("dataset_inputs", ())],
            model_inputs=[one["model_id"] for one in inputs.get("model_inputs", ())],
            model_outputs={
                one["model_id"]: int(one.get("step", 0)) for one in outputs.get("model_outputs", ())
            },
        )

    def models(self, experiment_id: str) -> Iterator[SourceModel]:
        """See `Source`."""
        asked = {"experiment_ids": [experiment_id], "max_results": 50}
        try:
            found = list(self._calls.pages("logged-models/search", asked, "models"))
        except NotFound:  # a server of before MLflow 3
            return
        for one in found:
            info, data = one["info"], one.get("data", {})
            model = LoggedModel(
                model_id=info["model_id"],
                experiment_id=experiment_id,
                name=info["name"],
                creation_timestamp=int(info.get("creation_timestamp_ms", 0)),
                last_updated_timestamp=int(info.get("last_updated_timestamp_ms", 0)),
                source_run_id=info.get("source_run_id") or None,
                status=model_status(info.get("status")),
                model_type=info.get("model_type"),
                tags=_pairs(info.get("tags")),
                params=_pairs(data.get("params")),
                metrics=tuple(_model_metric(metric) for metric in data.get("metrics", ())),
            )
            yield SourceModel(model, info.get("artifact_uri", ""))

    def registered(self) -> Iterator[SourceRegistered]:
        """See `Source`."""
        for one in self._calls.pages(
            "registered-models/search", {"max_results": 100}, "registered_models", get=True
        ):
            name = one["name"]
            whole = self._calls.get("registered-models/get", {"name": name})["registered_model"]
            quoted = name.replace("'", "''")
            asked = {"filter": f"name = '{quoted}'", "max_results": 1000}
            versions = self._calls.pages("model-versions/search", asked, "model_versions", get=True)
            yield SourceRegistered(
                name=name,
                description=one.get("description", ""),
                tags=_pairs(one.get("tags")),
                aliases={a["alias"]: int(a["version"]) for a in whole.get("aliases", ())},
                versions=sorted(map(_version, versions), key=lambda each: each.version),
            )

    def files(self, artifact_uri: str) -> SourceFiles:
        """See `Source`."""
        if artifact_uri.startswith(_PROXY):
            return ProxyFiles(self._calls, artifact_uri.removeprefix(_PROXY).lstrip("/"))
        return files_at(artifact_uri, self._artifacts, self._options)

    def close(self) -> None:
        """Nothing is held."""

    def _history(self, run_id: str, key: str) -> Series:
        series = Series()
        asked = {"run_id": run_id, "metric_key": key, "max_results": 25_000}
        for point in self._calls.pages("metrics/get-history", asked, "metrics", get=True):
            series.append(int(point.get("step", 0)), int(point["timestamp"]), float(point["value"]))
        return series


class ProxyFiles:
    """Files that the server hands out itself."""

    def __init__(self, calls: MlflowCalls, root: str) -> None:
        self._calls = calls
        self._root = root

    def sizes(self) -> Mapping[str, int]:
        """See `SourceFiles`. One request a folder."""
        found: dict[str, int] = {}
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            for one in self._calls.list_artifacts(f"{self._root}/{folder}".rstrip("/")):
                path = f"{folder}/{one['path']}" if folder else one["path"]
                if one.get("is_dir"):
                    waiting.append(path)
                else:
                    found[path] = int(one.get("file_size", 0))
        return found

    def on_disk(self, path: str, folder: Path) -> Path:
        """See `SourceFiles`."""
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._calls.fetch_artifact(f"{self._root}/{path}", target)
        return target


def _version(one: dict[str, Any]) -> SourceVersion:
    return SourceVersion(
        version=int(one["version"]),
        source=one.get("source", ""),
        run_id=one.get("run_id") or None,
        model_id=one.get("model_id") or None,
        stage=one.get("current_stage", "None"),
        description=one.get("description", ""),
        user_id=one.get("user_id", ""),
        run_link=one.get("run_link", ""),
        creation_timestamp=int(one.get("creation_timestamp", 0)),
        last_updated_timestamp=int(one.get("last_updated_timestamp", 0)),
        tags=_pairs(one.get("tags")),
    )


def _model_metric(one: dict[str, Any]) -> ModelMetric:
    return ModelMetric(
        one["key"],
        float(one["value"]),
        int(one.get("step", 0)),
        int(one["timestamp"]),
        one["run_id"],
        one.get("dataset_name"),
        one.get("dataset_digest"),
    )


def _dataset_input(one: dict[str, Any]) -> DatasetInput:
    data = one["dataset"]
    dataset = DatasetRef(
        name=data["name"],
        digest=data["digest"],
        source_type=data.get("source_type", "local"),
        source=data.get("source", ""),
        schema=data.get("schema"),
        profile=data.get("profile"),
    )
    return DatasetInput(dataset, _pairs(one.get("tags")))


def _pairs(listed: list[dict[str, str]] | None) -> dict[str, str]:
    return {one["key"]: one.get("value", "") for one in listed or ()}
