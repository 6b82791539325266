"""MLflow's model registry on a Stageline store: gates are obeyed, and every change is in the model's history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlflow.store.entities import PagedList
from mlflow.store.model_registry.abstract_store import AbstractStore

from stageline.domain.logged_model import TAG_MODEL_ID, TAG_SOURCE
from stageline.errors import InvalidInput
from stageline.mlflow_plugin.addresses import PLAIN, parse_files
from stageline.mlflow_plugin.failures import tells_as_mlflow, unsupported
from stageline.mlflow_plugin.opened import opened, workspace_at
from stageline.mlflow_plugin.registry_entities import files_of, model_entity, version_entity
from stageline.mlflow_plugin.sources import Owned, Source, located, read_source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.domain.model import ModelVersion


@tells_as_mlflow
class StagelineRegistryStore(AbstractStore):  # type: ignore[misc]  # mlflow has no types
    """Registered models, versions, stages, aliases."""

    def __init__(self, store_uri: str | None = None, tracking_uri: str | None = None) -> None:
        super().__init__(store_uri, tracking_uri)
        self._workspace = workspace_at(store_uri or "stageline:")
        self._registry = self._workspace.registry

    # -- models -----------------------------------------------------------------------------------

    def create_registered_model(
        self,
        name: str,
        tags: Sequence[Any] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> Any:
        """A new model, with no versions."""
        _refuse_job(deployment_job_id)
        given = {tag.key: tag.value for tag in tags or ()}
        return model_entity(self._registry.create_registered_model(name, given, description))

    def update_registered_model(
        self, name: str, description: str | None, deployment_job_id: str | None = None
    ) -> Any:
        """Describe the model."""
        _refuse_job(deployment_job_id)
        return model_entity(self._registry.set_description(name, description))

    def rename_registered_model(self, name: str, new_name: str) -> Any:
        """Give the model another name."""
        return model_entity(self._registry.rename(name, new_name))

    def delete_registered_model(self, name: str) -> None:
        """Delete the model and its versions."""
        self._registry.delete(name)

    def search_registered_models(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> Any:
        """One page of models."""
        limit = {} if max_results is None else {"max_results": max_results}
        page = self._registry.search_registered_models(
            filter_string or "", order_by=order_by or (), page_token=page_token, **limit
        )
        return PagedList([model_entity(one) for one in page], page.token)

    def get_registered_model(self, name: str) -> Any:
        """The model."""
        return model_entity(self._registry.get(name))

    def get_latest_versions(self, name: str, stages: Sequence[str] | None = None) -> list[Any]:
        """The highest version of each stage."""
        found = self._registry.latest_versions(name, stages or None)
        return [version_entity(one, with_aliases=False) for one in found]

    def set_registered_model_tag(self, name: str, tag: Any) -> None:
        """Set a tag."""
        self._registry.set_tag(name, tag.key, tag.value)

    def delete_registered_model_tag(self, name: str, key: str) -> None:
        """Remove a tag."""
        self._registry.delete_tag(name, key)

    # -- versions ---------------------------------------------------------------------------------

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Sequence[Any] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        local_model_path: str | None = None,
        model_id: str | None = None,
    ) -> Any:
        """A new version of a model that is there, each time that this is called."""
        named = read_source(source, self._owned)
        place = located(self._workspace, source, named, run_id, model_id)
        given = {tag.key: tag.value for tag in tags or ()}
        if place.model_id:
            given[TAG_MODEL_ID] = place.model_id
        if place.is_elsewhere_named:
            given[TAG_SOURCE] = source
        return version_entity(self._register(name, place, given, description, run_link))

    def _owned(self, source: str) -> Owned | None:
        if source.split(":")[0].split("+")[0] != PLAIN:
            return None
        files = parse_files(source)
        if opened(files.store_url) is not self._workspace:
            raise InvalidInput(
                f"Invalid model version source: '{source}'. It lies in another Stageline store: copy the version with "
                "`stageline registry copy`, or log the model in this store"
            )
        return Owned(files.run_id, files.model_id, files.path)

    def _register(
        self,
        name: str,
        place: Source,
        tags: dict[str, str],
        description: str | None,
        run_link: str | None,
    ) -> ModelVersion:
        return self._registry.register(
            name,
            run_id=place.run_id,
            artifact_path=place.path,
            source=place.url,
            tags=tags,
            description=description,
            run_link=run_link or "",
            create_model=False,
            again=True,
        )

    def update_model_version(self, name: str, version: str, description: str | None = None) -> Any:
        """Describe a version."""
        return version_entity(self._registry.set_version_description(name, version, description))

    def transition_model_version_stage(
        self, name: str, version: str, stage: str, archive_existing_versions: bool
    ) -> Any:
        """Bring a version into a stage, if its gate lets it in; else PERMISSION_DENIED, with the request's number."""
        return version_entity(
            self._registry.transition(
                name, version, stage, archive_existing=bool(archive_existing_versions)
            )
        )

    def delete_model_version(self, name: str, version: str) -> None:
        """Delete a version."""
        self._registry.delete_version(name, version)

    def get_model_version(self, name: str, version: str) -> Any:
        """One version."""
        return version_entity(self._registry.get_version(name, version))

    def get_model_version_download_uri(self, name: str, version: str) -> str:
        """Where a version's files are."""
        return files_of(self._registry.get_version(name, version))

    def search_model_versions(
        self,
        filter_string: str | None = None,
        max_results: int | None = None,
        order_by: Sequence[str] | None = None,
        page_token: str | None = None,
    ) -> Any:
        """One page of versions."""
        limit = {} if max_results is None else {"max_results": max_results}
        page = self._registry.search_model_versions(
            filter_string or "", order_by=order_by or (), page_token=page_token, **limit
        )
        return PagedList([version_entity(one, with_aliases=False) for one in page], page.token)

    def set_model_version_tag(self, name: str, version: str, tag: Any) -> None:
        """Set a tag."""
        self._registry.set_version_tag(name, version, tag.key, tag.value)

    def delete_model_version_tag(self, name: str, version: str, key: str) -> None:
        """Remove a tag."""
        self._registry.delete_version_tag(name, version, key)

    # -- aliases ----------------------------------------------------------------------------------

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Point an alias to a version."""
        self._registry.set_alias(name, alias, version)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Point it nowhere."""
        self._registry.delete_alias(name, alias)

    def get_model_version_by_alias(self, name: str, alias: str) -> Any:
        """The version that an alias points to."""
        return version_entity(self._registry.get_by_alias(name, alias))

    def _await_model_version_creation(self, mv: Any, await_creation_for: int | None) -> None:
        """Nothing to wait for: a version is ready when it is there."""


def _refuse_job(deployment_job_id: str | None) -> None:
    if deployment_job_id:
        raise unsupported("A deployment job of a registered model")
