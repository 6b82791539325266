"""What MLflow's entry points name. They are loaded while it is imported, in every process: nothing happens here."""

from __future__ import annotations

from typing import Any


def tracking_store(store_uri: str | None = None, artifact_uri: str | None = None) -> Any:
    """The tracking store at a URI such as `stageline+s3://bucket/path`."""
    from stageline.mlflow_plugin.tracking_store import StagelineTrackingStore

    return StagelineTrackingStore(store_uri, artifact_uri)


def registry_store(store_uri: str | None = None, tracking_uri: str | None = None) -> Any:
    """The model registry in the same store."""
    from stageline.mlflow_plugin.registry_store import StagelineRegistryStore

    return StagelineRegistryStore(store_uri, tracking_uri)


def artifact_repository(
    artifact_uri: str, tracking_uri: str | None = None, registry_uri: str | None = None
) -> Any:
    """The files of a run or a logged model."""
    from stageline.mlflow_plugin.artifact_repository import StagelineArtifacts

    return StagelineArtifacts(artifact_uri, tracking_uri, registry_uri)
