"""A store that can not keep two writers apart is refused before anything is written; others are described once."""

from __future__ import annotations

import uuid

import pytest
from registered import MadeUpFacts, new_store, open_registry, with_versions
from servers import S3Server

from stageline import Workspace
from stageline.errors import NotAllowed
from stageline.storage.layout import FORMAT_KEY, REGISTRY
from stageline.storage.memory import MemoryStore
from stageline.storage.open import open_store
from stageline.testing.counting import CountingStore


class Careless(CountingStore):
    """Says itself that it overwrites."""

    is_exclusive = False


class Undeclared(CountingStore):
    """Does not know how good its server is."""

    is_exclusive = None


def test_careless_store_is_refused_before_anything_is_written() -> None:
    store = Careless(new_store())
    registry = open_registry(store)
    for change in (
        lambda: registry.create_registered_model("wine"),
        lambda: registry.register("wine", source="s3://1"),
        lambda: registry.rename("wine", "beer"),
    ):
        with pytest.raises(NotAllowed, match="does not refuse to create what exists"):
            change()
    assert store.total.puts == 0
    assert registry.list() == []


def test_store_is_probed_once() -> None:
    store = Undeclared(MemoryStore(f"memory://{uuid.uuid4().hex}"))
    registry = open_registry(store)
    registry.register("wine", source="s3://1")
    with store.counted() as c:
        registry.transition("wine", 1, "Staging")
        open_registry(store).transition("wine", 1, "Production")
    assert c.by_verb() == {"create": 2, "list": 1, "read": 1}


def test_first_model_says_what_the_store_is() -> None:
    store = CountingStore(new_store())
    with_versions(store, 3)
    open_registry(store).create_registered_model("beer")
    assert [key for verb, key in store.total.calls if verb == "create"].count(FORMAT_KEY) == 1


@pytest.mark.slow
def test_server_that_ignores_conditions_is_refused(nanio_server: S3Server) -> None:
    url = nanio_server.new_bucket()
    workspace = Workspace.open(url, storage_options=nanio_server.options)
    with pytest.raises(NotAllowed, match="stageline doctor"):
        workspace.registry.register("wine", source="s3://1")
    assert open_store(url, nanio_server.options).list(REGISTRY) == []


@pytest.mark.slow
def test_registry_on_a_real_server(seaweedfs_server: S3Server) -> None:
    url = seaweedfs_server.new_place()
    options = seaweedfs_server.options
    first = Workspace.open(url, storage_options=options).registry
    for name in ("Wine quality/".rstrip("/"), "ä+%=~", "x" * 256):
        first.register(name, source="s3://1")
        first.transition(name, 1, "Production")
    again = Workspace.open(url, storage_options=options).registry
    assert len(again.list()) == 3
    assert {event.to_stage for event in again.follow().events} == {"Production"}
    assert all(proof.is_intact for proof in again.verify_all())
    assert isinstance(MadeUpFacts().runs, dict)
