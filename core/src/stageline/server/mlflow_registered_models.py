"""MLflow's routes of registered models, their tags and aliases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.registry.search import REGISTERED_MODELS_PAGE
from stageline.server import asks_registry as asks
from stageline.server.endpoint import Call, Endpoint
from stageline.server.mlflow_experiments import paged
from stageline.server.mlflow_logging import text
from stageline.server.mlflow_registry_shapes import model_shape, version_shape
from stageline.server.mlflow_shapes import Shape
from stageline.server.wire import required

if TYPE_CHECKING:
    from stageline.domain.model import RegisteredModel


def create(call: Call, ask: asks.CreateModel) -> Shape:
    tags = {required("key", tag.key): tag.value or "" for tag in ask.tags}
    name = required("name", ask.name)
    return _told(call.registry.create_registered_model(name, tags, ask.description or ""))


def get(call: Call, ask: asks.OneModel) -> Shape:
    return _told(call.registry.get(required("name", ask.name)))


def search(call: Call, ask: asks.Search) -> Shape:
    page = call.registry.search_registered_models(
        ask.filter or "",
        REGISTERED_MODELS_PAGE if ask.max_results is None else ask.max_results,
        ask.order_by,
        ask.page_token or None,
    )
    return paged("registered_models", [model_shape(one) for one in page], page.token)


def update(call: Call, ask: asks.UpdateModel) -> Shape:
    name = required("name", ask.name)
    return _told(call.registry.set_description(name, ask.description or ""))


def rename(call: Call, ask: asks.RenameModel) -> Shape:
    new_name = required("new_name", ask.new_name)
    return _told(call.registry.rename(required("name", ask.name), new_name))


def delete(call: Call, ask: asks.OneModel) -> None:
    call.registry.delete(required("name", ask.name))


def latest_versions(call: Call, ask: asks.LatestVersions) -> Shape:
    found = call.registry.latest_versions(required("name", ask.name), ask.stages or None)
    shapes = [version_shape(one, with_aliases=False) for one in found]
    return {"model_versions": shapes} if shapes else {}


def set_tag(call: Call, ask: asks.ModelTag) -> None:
    name, key = required("name", ask.name), required("key", ask.key)
    call.registry.set_tag(name, key, text("value", ask.value))


def delete_tag(call: Call, ask: asks.ModelTag) -> None:
    call.registry.delete_tag(required("name", ask.name), required("key", ask.key))


def set_alias(call: Call, ask: asks.Alias) -> None:
    name, alias = required("name", ask.name), required("alias", ask.alias)
    call.registry.set_alias(name, alias, required("version", str(ask.version or "")))


def delete_alias(call: Call, ask: asks.Alias) -> None:
    call.registry.delete_alias(required("name", ask.name), required("alias", ask.alias))


def get_by_alias(call: Call, ask: asks.Alias) -> Shape:
    name, alias = required("name", ask.name), required("alias", ask.alias)
    return {"model_version": version_shape(call.registry.get_by_alias(name, alias))}


def _told(model: RegisteredModel) -> Shape:
    return {"registered_model": model_shape(model)}


ENDPOINTS = [
    Endpoint("POST", "registered-models/create", asks.CreateModel, create),
    Endpoint("GET", "registered-models/get", asks.OneModel, get),
    Endpoint("GET", "registered-models/search", asks.Search, search),
    Endpoint("POST", "registered-models/search", asks.Search, search),  # R's client
    Endpoint("PATCH", "registered-models/update", asks.UpdateModel, update),
    Endpoint("POST", "registered-models/rename", asks.RenameModel, rename),
    Endpoint("DELETE", "registered-models/delete", asks.OneModel, delete),
    Endpoint("POST", "registered-models/get-latest-versions", asks.LatestVersions, latest_versions),
    Endpoint("GET", "registered-models/get-latest-versions", asks.LatestVersions, latest_versions),
    Endpoint("POST", "registered-models/set-tag", asks.ModelTag, set_tag),
    Endpoint("DELETE", "registered-models/delete-tag", asks.ModelTag, delete_tag),
    Endpoint("POST", "registered-models/alias", asks.Alias, set_alias),
    Endpoint("DELETE", "registered-models/alias", asks.Alias, delete_alias),
    Endpoint("GET", "registered-models/alias", asks.Alias, get_by_alias),
]
