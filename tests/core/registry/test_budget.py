"""What each call asks of the store, to the request."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from registered import MadeUpFacts, new_store, open_registry, run, with_versions

from stageline.domain.policy import MetricRule, Policy
from stageline.registry.registry import Registry
from stageline.testing.counting import CountingStore

WARM = {"create": 1}
COLD = {"list": 1, "read": 1, "create": 1}


@pytest.fixture
def store() -> CountingStore:
    return CountingStore(new_store())


CHANGES: dict[str, Callable[[Registry], object]] = {
    "transition": lambda r: r.transition("wine", 1, "Staging"),
    "archiving": lambda r: r.transition("wine", 1, "Production", archive_existing=True),
    "alias": lambda r: r.set_alias("wine", "champion", 1),
    "tag": lambda r: r.set_version_tag("wine", 1, "k", "v"),
    "register": lambda r: r.register("wine", source="s3://new"),
    "request": lambda r: r.request_transition("wine", 1, "Staging"),
    "delete": lambda r: r.delete_version("wine", 1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_change_of_a_known_model_is_one_put(
    store: CountingStore, change: Callable[[Registry], object]
) -> None:
    registry = with_versions(store, 2)
    with store.counted() as c:
        change(registry)
    assert c.by_verb() == WARM


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_change_of_an_unknown_model_is_a_listing_a_get_and_a_put(
    store: CountingStore, change: Callable[[Registry], object]
) -> None:
    with_versions(store, 2)
    with store.counted() as c:
        change(open_registry(store))
    assert c.by_verb() == COLD


def test_approval_and_its_transition_are_one_put(store: CountingStore) -> None:
    registry = with_versions(store, 1)
    registry.request_transition("wine", 1, "Production")
    with store.counted() as c:
        registry.approve("wine", 1, actor="bob")
    assert c.by_verb() == WARM


def test_gate_adds_no_request_of_the_registry(store: CountingStore) -> None:
    facts = MadeUpFacts({"r1": run(rmse=0.1)})
    registry = open_registry(store, facts=facts)
    registry.register("wine", "r1")
    registry.set_policy(
        "wine", "Production", Policy(rules=(MetricRule(condition="metrics.rmse < 1"),))
    )
    with store.counted() as c:
        registry.transition("wine", 1, "Production")
    assert c.by_verb() == WARM


def test_lost_race_reads_once_more(store: CountingStore) -> None:
    registry = with_versions(store, 2)
    open_registry(store).set_tag("wine", "k", "v")
    with store.counted() as c:
        registry.transition("wine", 1, "Staging")
    # The loser reads the winner's entry back by the create, and finds it newest by the listing.
    assert c.by_verb() == {"create": 2, "read": 1, "list": 1}


def test_refusal_on_a_known_model_looks_again_before_it_refuses(store: CountingStore) -> None:
    registry = with_versions(store, 1)
    with store.counted() as c, pytest.raises(LookupError):
        registry.transition("wine", 9, "Staging")
    assert c.by_verb() == {"list": 1}


def test_read_is_a_listing_and_a_get_of_what_is_new(store: CountingStore) -> None:
    with_versions(store, 2)
    registry = open_registry(store)
    with store.counted() as c:
        registry.get_version("wine", 1)
    assert c.by_verb() == {"list": 1, "read": 1}
    with store.counted() as c:
        registry.get("wine")
        registry.versions("wine")
    assert c.by_verb() == {"list": 2}


def test_search_is_one_listing_and_the_new_entries(store: CountingStore) -> None:
    writer = with_versions(store, 2)
    for number in range(10):
        writer.create_registered_model(f"m{number}")
    registry = open_registry(store)
    with store.counted() as c:
        assert len(registry.search_registered_models()) == 11
    assert c.by_verb() == {"list": 1, "read": 11}
    writer.set_alias("wine", "a", 1)
    with store.counted() as c:
        registry.search_model_versions("name = 'wine'")
    assert c.by_verb() == {"list": 1, "read": 1}


def test_rename_is_three_puts(store: CountingStore) -> None:
    registry = with_versions(store, 1)
    with store.counted() as c:
        registry.rename("wine", "beer")
    assert c.create == 3
