"""Registered models and versions as MLflow's entities, and where a version came from in MLflow's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow.entities import model_registry as mlflow

from stageline.domain.logged_model import TAG_MODEL_ID, TAG_SOURCE, VERSION_TAGS
from stageline.mlflow_plugin.addresses import plugin_uri

if TYPE_CHECKING:
    from stageline.domain.model import ModelVersion, RegisteredModel


def version_entity(version: ModelVersion, *, with_aliases: bool = True) -> Any:
    """One version; MLflow's searches and lists of latest versions tell no aliases."""
    return mlflow.ModelVersion(
        name=version.name,
        version=str(version.version),
        creation_timestamp=version.creation_timestamp,
        last_updated_timestamp=version.last_updated_timestamp,
        description=version.description or None,
        user_id=version.user_id or None,
        current_stage=version.current_stage,
        source=version.tags.get(TAG_SOURCE) or files_of(version),
        run_id=version.run_id or "",
        status=version.status,
        tags=[
            mlflow.ModelVersionTag(key, value)
            for key, value in version.tags.items()
            if key not in VERSION_TAGS
        ],
        run_link=version.run_link or None,
        aliases=list(version.aliases) if with_aliases else [],
        model_id=version.tags.get(TAG_MODEL_ID),
    )


def model_entity(model: RegisteredModel) -> Any:
    """One registered model."""
    return mlflow.RegisteredModel(
        name=model.name,
        creation_timestamp=model.creation_timestamp,
        last_updated_timestamp=model.last_updated_timestamp,
        description=model.description or None,
        latest_versions=[version_entity(one, with_aliases=False) for one in model.latest_versions],
        tags=[mlflow.RegisteredModelTag(key, value) for key, value in model.tags.items()],
        aliases=[
            mlflow.RegisteredModelAlias(alias, str(number))
            for alias, number in model.aliases.items()
        ],
    )


def files_of(version: ModelVersion) -> str:
    """Where MLflow finds the version's files."""
    return (
        plugin_uri(version.source) if version.run_id and version.artifact_path else version.source
    )
