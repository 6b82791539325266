"""Registered models and versions in the shapes of MLflow's JSON, and where their files are told to lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.logged_model import TAG_MODEL_ID, TAG_SOURCE, VERSION_TAGS
from stageline.server.mlflow_shapes import Shape, model_files_uri, pairs, run_files_uri

if TYPE_CHECKING:
    from stageline.domain.model import ModelVersion, RegisteredModel
    from stageline.server.replica import Replica


def version_shape(version: ModelVersion, *, with_aliases: bool = True) -> Shape:
    """One version; MLflow's searches and lists of latest versions tell no aliases."""
    shape: Shape = {
        "name": version.name,
        "version": str(version.version),
        "creation_timestamp": version.creation_timestamp,
        "last_updated_timestamp": version.last_updated_timestamp,
        "current_stage": version.current_stage,
        "description": version.description,
        "source": version.tags.get(TAG_SOURCE) or version_source(version),
        "run_id": version.run_id or "",
        "status": version.status,
        "run_link": version.run_link,
    }
    if version.user_id:
        shape["user_id"] = version.user_id
    tags = {key: value for key, value in version.tags.items() if key not in VERSION_TAGS}
    if tags:
        shape["tags"] = pairs(tags)
    if with_aliases and version.aliases:
        shape["aliases"] = list(version.aliases)
    if TAG_MODEL_ID in version.tags:
        shape["model_id"] = version.tags[TAG_MODEL_ID]
    return shape


def model_shape(model: RegisteredModel) -> Shape:
    """One registered model."""
    shape: Shape = {
        "name": model.name,
        "creation_timestamp": model.creation_timestamp,
        "last_updated_timestamp": model.last_updated_timestamp,
        "description": model.description,
    }
    if model.latest_versions:
        latest = model.latest_versions
        shape["latest_versions"] = [version_shape(v, with_aliases=False) for v in latest]
    if model.tags:
        shape["tags"] = pairs(model.tags)
    if model.aliases:
        shape["aliases"] = [
            {"alias": alias, "version": str(number)} for alias, number in model.aliases.items()
        ]
    return shape


def version_source(version: ModelVersion) -> str:
    """Where a version came from, by names that need no look at the store."""
    if version.run_id and version.artifact_path:
        return f"runs:/{version.run_id}/{version.artifact_path}"
    model_id = version.tags.get(TAG_MODEL_ID)
    return f"models:/{model_id}" if model_id else version.source


def version_files(replica: Replica, version: ModelVersion) -> str:
    """Where a client finds the version's files: through this server, or where they lie. Raises `NotFound`."""
    if replica.options.artifacts == "direct":
        return version.source
    if version.run_id and version.artifact_path:
        experiment_id = replica.experiment_of(version.run_id)
        return run_files_uri(experiment_id, version.run_id, version.artifact_path)
    model_id = version.tags.get(TAG_MODEL_ID)
    if model_id:
        return model_files_uri(replica.model_home(model_id).experiment_id, model_id)
    return version.source
