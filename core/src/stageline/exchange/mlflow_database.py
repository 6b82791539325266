"""An `mlflow.db`, read without MLflow: the tables of its SQLite store, as any version since 1.0 left them."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stageline.domain.experiment import Experiment
from stageline.domain.logged_model import LoggedModel, ModelMetric
from stageline.domain.run import DatasetInput, DatasetRef, LifecycleStage
from stageline.errors import InvalidInput, NotFound
from stageline.exchange.belongings import SourceModel, SourceRegistered, SourceRun, SourceVersion
from stageline.exchange.mlflow_words import (
    DELETED_VERSION,
    from_database,
    model_status,
    run_status,
)
from stageline.exchange.source_files import files_at
from stageline.storage.series import Series

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stageline.exchange.belongings import SourceFiles
    from stageline.storage.options import StorageOptions

Row = dict[str, Any]


class MlflowDatabase:
    """`Source` over a SQLite file. It is opened for reading alone: nothing is migrated, and no lock is held."""

    def __init__(self, file: Path, artifacts: Path | None, options: StorageOptions) -> None:
        self._file = file
        self._artifacts = artifacts or file.parent
        self._options = options
        self._db = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)
        self._db.row_factory = sqlite3.Row
        try:
            found = self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            self._tables = {row["name"] for row in found}
        except sqlite3.DatabaseError as error:
            raise InvalidInput(f"{file} is no SQLite database: {error}") from error
        if not {"experiments", "runs", "metrics"} <= self._tables:
            raise InvalidInput(f"{file} is no database of MLflow's: it has no experiments and runs")

    @property
    def label(self) -> str:
        """See `Source`."""
        return str(self._file)

    def experiments(self) -> list[Experiment]:
        """See `Source`."""
        return [
            Experiment(
                experiment_id=str(row["experiment_id"]),
                name=row["name"],
                lifecycle_stage=LifecycleStage(row.get("lifecycle_stage") or "active"),
                creation_time=row.get("creation_time") or 0,
                last_update_time=row.get("last_update_time") or 0,
                tags=self._pairs("experiment_tags", "experiment_id", row["experiment_id"]),
            )
            for row in self._rows("experiments")
        ]

    def run_ids(self, experiment_id: str) -> list[str]:
        """See `Source`."""
        rows = self._rows("runs", experiment_id=experiment_id)
        return sorted(row["run_uuid"] for row in rows)

    def run(self, run_id: str) -> SourceRun:
        """See `Source`."""
        row = next(self._rows("runs", run_uuid=run_id), None)
        if row is None:
            raise NotFound(f"{self._file} has no run {run_id}: it went while this was reading")
        inputs, model_inputs = self._inputs(run_id)
        outputs = self._rows("inputs", source_type="RUN_OUTPUT", source_id=run_id)
        return SourceRun(
            run_id=run_id,
            experiment_id=str(row["experiment_id"]),
            name=row.get("name") or "",
            user_id=row.get("user_id") or "",
            status=run_status(row["status"]),
            start_time=row["start_time"] or 0,
            end_time=row["end_time"],
            is_deleted=row["lifecycle_stage"] == "deleted",
            artifact_uri=row.get("artifact_uri") or "",
            params=self._pairs("params", "run_uuid", run_id),
            tags=self._pairs("tags", "run_uuid", run_id),
            metrics=self._metrics(run_id),
            inputs=inputs,
            model_inputs=model_inputs,
            model_outputs={one["destination_id"]: one.get("step") or 0 for one in outputs},
        )

    def models(self, experiment_id: str) -> Iterator[SourceModel]:
        """See `Source`."""
        for row in self._rows("logged_models", experiment_id=experiment_id):
            model_id = row["model_id"]
            metrics = self._rows("logged_model_metrics", model_id=model_id)
            model = LoggedModel(
                model_id=model_id,
                experiment_id=experiment_id,
                name=row["name"],
                creation_timestamp=row["creation_timestamp_ms"],
                last_updated_timestamp=row["last_updated_timestamp_ms"],
                source_run_id=row["source_run_id"],
                status=model_status(row["status"]),
                status_message=row["status_message"],
                model_type=row["model_type"],
                is_deleted=row["lifecycle_stage"] == "deleted",
                tags=self._pairs("logged_model_tags", "model_id", model_id, "tag_"),
                params=self._pairs("logged_model_params", "model_id", model_id, "param_"),
                metrics=tuple(
                    ModelMetric(
                        one["metric_name"],
                        from_database(one["metric_value"], False),
                        one["metric_step"],
                        one["metric_timestamp_ms"],
                        one["run_id"],
                        one["dataset_name"],
                        one["dataset_digest"],
                    )
                    for one in metrics
                    if one["metric_value"] is not None
                ),
            )
            yield SourceModel(model, row["artifact_location"])

    def registered(self) -> Iterator[SourceRegistered]:
        """See `Source`."""
        for row in self._rows("registered_models"):
            name = row["name"]
            aliases = self._rows("registered_model_aliases", name=name)
            versions = [
                self._version(one)
                for one in self._rows("model_versions", name=name)
                if one["current_stage"] != DELETED_VERSION
            ]
            yield SourceRegistered(
                name=name,
                description=row.get("description") or "",
                tags=self._pairs("registered_model_tags", "name", name),
                aliases={one["alias"]: int(one["version"]) for one in aliases},
                versions=sorted(versions, key=lambda one: one.version),
            )

    def files(self, artifact_uri: str) -> SourceFiles:
        """See `Source`."""
        return files_at(artifact_uri, self._artifacts, self._options)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _version(self, row: Row) -> SourceVersion:
        tags = self._rows("model_version_tags", name=row["name"], version=row["version"])
        source = row["source"] or ""
        named = source.removeprefix("models:/") if source.startswith("models:/m-") else None
        return SourceVersion(
            version=row["version"],
            source=source,
            storage_location=row.get("storage_location") or "",
            run_id=row["run_id"],
            model_id=named,
            stage=row["current_stage"] or "None",
            description=row["description"] or "",
            user_id=row["user_id"] or "",
            run_link=row.get("run_link") or "",
            creation_timestamp=row["creation_time"] or 0,
            last_updated_timestamp=row["last_updated_time"] or 0,
            tags={one["key"]: one["value"] or "" for one in tags},
        )

    def _metrics(self, run_id: str) -> dict[str, Series]:
        columns: dict[str, Series] = defaultdict(Series)
        found = self._db.execute(
            "SELECT * FROM metrics WHERE run_uuid = ? ORDER BY key, timestamp, value",
            (run_id,),
        )
        for row in map(dict, found):
            value = from_database(row["value"], bool(row.get("is_nan")))
            columns[row["key"]].append(row.get("step") or 0, row["timestamp"], value)
        return dict(columns)

    def _inputs(self, run_id: str) -> tuple[list[DatasetInput], list[str]]:
        datasets: list[DatasetInput] = []
        for row in self._rows("inputs", destination_type="RUN", destination_id=run_id):
            if row["source_type"] != "DATASET":
                continue
            tags = self._rows("input_tags", input_uuid=row["input_uuid"])
            found = next(self._rows("datasets", dataset_uuid=row["source_id"]), None)
            if found is not None:
                said = {one["name"]: one["value"] for one in tags}
                datasets.append(DatasetInput(_dataset(found), said))
        models = self._rows("inputs", source_type="RUN_INPUT", source_id=run_id)
        return datasets, [row["destination_id"] for row in models]

    def _rows(self, table: str, **where: Any) -> Iterator[Row]:
        """The rows of a table of ours (never a user's word); none if this version of MLflow had no such table."""
        if table not in self._tables:
            return
        condition = " AND ".join(f"{column} = ?" for column in where)
        query = f"SELECT * FROM {table}{' WHERE ' + condition if where else ''}"
        for row in self._db.execute(query, tuple(where.values())).fetchall():
            yield dict(row)

    def _pairs(self, table: str, column: str, of: Any, prefix: str = "") -> dict[str, str]:
        rows = self._rows(table, **{column: of})
        return {row[f"{prefix}key"]: row[f"{prefix}value"] or "" for row in rows}


def _dataset(row: Row) -> DatasetRef:
    return DatasetRef(
        name=row["name"],
        digest=row["digest"],
        source_type=row["dataset_source_type"],
        source=row["dataset_source"],
        schema=row["dataset_schema"],
        profile=row["dataset_profile"],
    )
