"""Artifacts of runs and logged models by our own transfer: streamed, in parallel, checked against their digests."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.entities import FileInfo
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST
from mlflow.store.artifact.artifact_repo import ArtifactRepository
from mlflow.utils.file_utils import create_tmp_dir

from stageline.mlflow_plugin.addresses import Files, parse_files
from stageline.mlflow_plugin.failures import tells_as_mlflow
from stageline.mlflow_plugin.opened import opened
from stageline.tracking.model_files import ModelFiles

if TYPE_CHECKING:
    from stageline.tracking.artifacts import RunArtifacts


@tells_as_mlflow
class StagelineArtifacts(ArtifactRepository):  # type: ignore[misc]  # mlflow has no types
    """What MLflow asks for the files at one artifact URI."""

    def __init__(
        self, artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
    ) -> None:
        super().__init__(artifact_uri, tracking_uri, registry_uri)
        place = parse_files(artifact_uri)
        self._root = place.path
        self._files = _files_of(place)

    def log_artifact(self, local_file: str, artifact_path: str | None = None) -> None:
        """Store a file under its own name in the folder `artifact_path`."""
        self._files.log_file(local_file, self._at(artifact_path) or None)

    def log_artifacts(self, local_dir: str, artifact_path: str | None = None) -> None:
        """Store a folder's content."""
        self._files.log_folder(local_dir, self._at(artifact_path) or None)

    def list_artifacts(self, path: str | None = None) -> list[Any]:
        """What lies directly in a folder; nothing for a file."""
        return [
            FileInfo(self._relative(one.path), one.is_dir, one.file_size)
            for one in self._files.list(self._at(path) or None)
        ]

    def download_artifacts(self, artifact_path: str, dst_path: str | None = None) -> str:
        """Fetch a file or a folder, checked; where it lies now."""
        target = Path(dst_path or create_tmp_dir()).absolute()
        if not target.is_dir():
            raise MlflowException(
                f"The destination path for downloaded artifacts does not exist! Destination path: {target}",
                error_code=RESOURCE_DOES_NOT_EXIST,
            )
        wanted, landed = self._at(artifact_path), target / (artifact_path or "")
        # Beside its goal, so that moving it there copies nothing.
        with tempfile.TemporaryDirectory(prefix=".stageline-", dir=target) as made:
            found = self._files.download(wanted, made)
            landed.parent.mkdir(parents=True, exist_ok=True)
            if found.is_dir():
                shutil.copytree(found, landed, copy_function=os.replace, dirs_exist_ok=True)
            else:
                os.replace(found, landed)
        return str(landed)

    def _download_file(self, remote_file_path: str, local_path: str) -> None:
        Path(local_path).write_bytes(self._files.read(self._at(remote_file_path)))

    def delete_artifacts(self, artifact_path: str | None = None) -> None:
        """Remove a file or a folder."""
        self._files.delete(self._at(artifact_path))

    def _at(self, path: str | None) -> str:
        return "/".join(part for part in (self._root, (path or "").strip("/")) if part)

    def _relative(self, path: str) -> str:
        return path[len(self._root) + 1 :] if self._root else path


def _files_of(place: Files) -> RunArtifacts | ModelFiles:
    workspace = opened(place.store_url)
    if place.run_id is not None:
        return workspace.artifacts(place.run_id)
    assert place.model_id is not None
    return ModelFiles(workspace.store, place.model_id)
