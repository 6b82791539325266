"""Models and versions are searched in MLflow's language, with its defaults."""

from __future__ import annotations

import pytest
from registered import TIME, new_store, open_registry

from stageline.errors import InvalidInput
from stageline.registry.registry import Registry
from stageline.testing.clock import FixedClock

NOT_A_PROMPT = "tag.`mlflow.prompt.is_prompt` != 'true'"


@pytest.fixture
def registry() -> Registry:
    clock = FixedClock(TIME)
    registry = open_registry(new_store(), clock=clock)
    for ms, (name, tags) in enumerate(
        [("wine", {"team": "risk"}), ("Beer", {"team": "bar"}), ("ale", {})]
    ):
        clock.set(TIME + ms)
        registry.create_registered_model(name, tags)
    for ms, (name, source) in enumerate([("wine", "s3://a/1"), ("wine", "s3://b/2"), ("ale", "c")]):
        clock.set(TIME + 10 + ms)
        registry.register(name, source=source, tags={"n": str(ms)})
    clock.set(TIME + 20)
    registry.set_version_tag("wine", 1, "k", "v")
    return registry


@pytest.mark.parametrize(
    ("filter_string", "names"),
    [
        ("", ["Beer", "ale", "wine"]),
        ("name = 'wine'", ["wine"]),
        ("name LIKE '%e%'", ["Beer", "ale", "wine"]),
        ("name ILIKE 'beer'", ["Beer"]),
        ("attribute.name != 'wine'", ["Beer", "ale"]),
        ("tags.team = 'risk'", ["wine"]),
        ("tag.team != 'risk'", ["Beer"]),
        ("tags.`team` LIKE '%a%' AND name LIKE 'B%'", ["Beer"]),
        (NOT_A_PROMPT, ["Beer", "ale", "wine"]),
        ("tags.`mlflow.prompt.is_prompt` = 'false'", ["Beer", "ale", "wine"]),
        ("tags.`mlflow.prompt.is_prompt` = 'true'", []),
        (f"name = 'ale' AND {NOT_A_PROMPT}", ["ale"]),
    ],
)
def test_models_by_filter(registry: Registry, filter_string: str, names: list[str]) -> None:
    assert [model.name for model in registry.search_registered_models(filter_string)] == names


@pytest.mark.parametrize(
    ("order_by", "names"),
    [
        (["name DESC"], ["wine", "ale", "Beer"]),
        (["creation_timestamp"], ["wine", "Beer", "ale"]),
        (["last_updated_timestamp DESC"], ["wine", "ale", "Beer"]),
        (["timestamp ASC"], ["Beer", "ale", "wine"]),
    ],
)
def test_models_in_order(registry: Registry, order_by: list[str], names: list[str]) -> None:
    assert [m.name for m in registry.search_registered_models(order_by=order_by)] == names


@pytest.mark.parametrize(
    ("filter_string", "found"),
    [
        ("", ["wine/1", "ale/1", "wine/2"]),
        ("name = 'wine'", ["wine/1", "wine/2"]),
        ("name IN ('ale', 'x')", ["ale/1"]),
        ("name NOT IN ('ale')", ["wine/1", "wine/2"]),
        ("version_number > 1", ["wine/2"]),
        ("version_number <= 1 AND name LIKE 'w%'", ["wine/1"]),
        ("source_path LIKE 's3://b%'", ["wine/2"]),
        ("run_id = 'r'", []),
        ("tags.n = '1'", ["wine/2"]),
        (NOT_A_PROMPT, ["wine/1", "ale/1", "wine/2"]),
    ],
)
def test_versions_by_filter(registry: Registry, filter_string: str, found: list[str]) -> None:
    versions = registry.search_model_versions(filter_string)
    assert [f"{version.name}/{version.version}" for version in versions] == found


def test_versions_in_order(registry: Registry) -> None:
    def ordered(*order_by: str) -> list[str]:
        found = registry.search_model_versions(order_by=list(order_by))
        return [f"{version.name}/{version.version}" for version in found]

    assert ordered("name") == ["ale/1", "wine/2", "wine/1"]
    assert ordered("version_number DESC") == ["wine/2", "ale/1", "wine/1"]
    assert ordered("name DESC", "version_number ASC") == ["wine/1", "wine/2", "ale/1"]
    assert ordered("creation_timestamp") == ["wine/1", "wine/2", "ale/1"]


def test_pages(registry: Registry) -> None:
    first = registry.search_registered_models(max_results=2)
    assert [model.name for model in first] == ["Beer", "ale"]
    second = registry.search_registered_models(max_results=2, page_token=first.token)
    assert ([model.name for model in second], second.token) == (["wine"], None)


@pytest.mark.parametrize(
    "bad",
    [
        {"filter_string": "metrics.a > 1"},
        {"filter_string": "name IS NULL"},
        {"filter_string": "creation_timestamp > 1"},
        {"filter_string": "name = 3"},
        {"filter_string": "tags.a IS NULL"},
        {"filter_string": "stage = 'x'"},
        {"order_by": ["tags.a"]},
        {"order_by": ["run_id"]},
        {"order_by": ["name", "name DESC"]},
        {"page_token": "x"},
        {"max_results": 0},
    ],
)
def test_bad_searches(registry: Registry, bad: dict) -> None:
    for search in (registry.search_registered_models, registry.search_model_versions):
        with pytest.raises(InvalidInput):
            search(**bad)


def test_limits_are_those_of_the_field(registry: Registry) -> None:
    registry.search_registered_models(max_results=1000)
    registry.search_model_versions(max_results=200_000)
    with pytest.raises(InvalidInput):
        registry.search_registered_models(max_results=1001)
    with pytest.raises(InvalidInput):
        registry.search_model_versions(max_results=200_001)
    with pytest.raises(InvalidInput, match=r"Did you mean|Valid ones are name, version_number"):
        registry.search_model_versions("creation_timestamp > 3")
