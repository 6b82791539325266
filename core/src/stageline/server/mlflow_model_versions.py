"""MLflow's routes of the versions of registered models. A transition obeys the policy of the stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.logged_model import TAG_MODEL_ID, TAG_SOURCE, VERSION_TAGS
from stageline.errors import InvalidInput
from stageline.registry.search import MODEL_VERSIONS_PAGE
from stageline.server import asks_registry as asks
from stageline.server.endpoint import Call, Endpoint
from stageline.server.mlflow_experiments import paged
from stageline.server.mlflow_logging import text
from stageline.server.mlflow_registry_shapes import version_files, version_shape
from stageline.server.mlflow_shapes import Shape
from stageline.server.version_sources import placed
from stageline.server.wire import required

if TYPE_CHECKING:
    from stageline.domain.model import ModelVersion


def create(call: Call, ask: asks.CreateVersion) -> Shape:
    name, source = required("name", ask.name), required("source", ask.source)
    tags = {_tag_key(tag.key): tag.value or "" for tag in ask.tags}
    place = placed(call, source, ask.run_id or None, ask.model_id or None, tags)
    if place.model_id:
        tags[TAG_MODEL_ID] = place.model_id
    tags[TAG_SOURCE] = source
    made = call.registry.register(
        name,
        run_id=place.run_id,
        artifact_path=place.path,
        source=place.url,
        tags=tags,
        description=ask.description or "",
        run_link=ask.run_link or "",
        create_model=False,
        again=True,
    )
    return _told(made)


def get(call: Call, ask: asks.OneVersion) -> Shape:
    return _told(call.registry.get_version(*_named(ask)))


def download_uri(call: Call, ask: asks.OneVersion) -> Shape:
    version = call.registry.get_version(*_named(ask))
    return {"artifact_uri": version_files(call.replica, version)}


def search(call: Call, ask: asks.Search) -> Shape:
    page = call.registry.search_model_versions(
        ask.filter or "",
        MODEL_VERSIONS_PAGE if ask.max_results is None else ask.max_results,
        ask.order_by,
        ask.page_token or None,
    )
    shapes = [version_shape(one, with_aliases=False) for one in page]
    return paged("model_versions", shapes, page.token)


def update(call: Call, ask: asks.UpdateVersion) -> Shape:
    if ask.description is None:
        return _told(call.registry.get_version(*_named(ask)))
    return _told(call.registry.set_version_description(*_named(ask), ask.description))


def transition(call: Call, ask: asks.Transition) -> Shape:
    stage = required("stage", ask.stage)
    archive = bool(ask.archive_existing_versions)
    return _told(call.registry.transition(*_named(ask), stage, archive_existing=archive))


def delete(call: Call, ask: asks.OneVersion) -> None:
    call.registry.delete_version(*_named(ask))


def set_tag(call: Call, ask: asks.VersionTag) -> None:
    call.registry.set_version_tag(*_named(ask), _tag_key(ask.key), text("value", ask.value))


def delete_tag(call: Call, ask: asks.VersionTag) -> None:
    call.registry.delete_version_tag(*_named(ask), _tag_key(ask.key))


def _named(
    ask: asks.OneVersion | asks.UpdateVersion | asks.Transition | asks.VersionTag,
) -> tuple[str, str]:
    return required("name", ask.name), required("version", str(ask.version or ""))


def _tag_key(key: str | None) -> str:
    key = required("key", key)
    if key in VERSION_TAGS:
        raise InvalidInput(f"Invalid tag key {key!r}: it is kept for where a version came from")
    return key


def _told(version: ModelVersion) -> Shape:
    return {"model_version": version_shape(version)}


ENDPOINTS = [
    Endpoint("POST", "model-versions/create", asks.CreateVersion, create),
    Endpoint("GET", "model-versions/get", asks.OneVersion, get),
    Endpoint("GET", "model-versions/get-download-uri", asks.OneVersion, download_uri),
    Endpoint("GET", "model-versions/search", asks.Search, search),
    Endpoint("POST", "model-versions/search", asks.Search, search),
    Endpoint("PATCH", "model-versions/update", asks.UpdateVersion, update),
    Endpoint("POST", "model-versions/transition-stage", asks.Transition, transition),
    Endpoint("DELETE", "model-versions/delete", asks.OneVersion, delete),
    Endpoint("POST", "model-versions/set-tag", asks.VersionTag, set_tag),
    Endpoint("DELETE", "model-versions/delete-tag", asks.VersionTag, delete_tag),
]
