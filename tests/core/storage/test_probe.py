"""A store that ignores preconditions is found out; a newer store is left alone."""

from __future__ import annotations

import uuid

import pytest
from servers import S3Server

from stageline.errors import Corrupt, NotAllowed
from stageline.storage.doctor import PLACE, examine
from stageline.storage.layout import FORMAT_KEY
from stageline.storage.memory import MemoryStore
from stageline.storage.open import open_store
from stageline.storage.probe import create_is_exclusive, ensure_format, probe, read_format
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore
from stageline.testing.faulty import Fault, FaultyStore, Plan


class Undeclared(CountingStore):
    """An adapter that does not know how good its server is."""

    is_exclusive = None


@pytest.fixture
def store() -> CountingStore:
    return Undeclared(MemoryStore(f"memory://{uuid.uuid4().hex}"))


def test_probe_tries_twice_and_leaves_nothing(store: CountingStore) -> None:
    assert probe(store)
    assert store.total.by_verb() == {"create": 2, "read": 1, "delete": 1}
    assert store.list("") == []


def test_store_is_asked_once(store: CountingStore) -> None:
    assert create_is_exclusive(store)
    with store.counted() as c:
        assert create_is_exclusive(store)
    assert c.total == 0


def test_what_the_store_says_of_itself_saves_the_probe(store: CountingStore) -> None:
    written = ensure_format(store, FixedClock(1000))
    assert (written.format, written.created_ms, written.create_only, written.hash) == (
        "stageline.store/1", 1000, True, "sha256",
    )  # fmt: skip
    with store.counted() as c:
        assert create_is_exclusive(store)
        assert ensure_format(store) == written
    assert c.total == 0


def test_format_is_written_once(store: CountingStore) -> None:
    ensure_format(store, FixedClock(1000))
    again = open_store(store.url)
    assert ensure_format(again, FixedClock(2000)).created_ms == 1000


def test_newer_store_is_left_alone(store: CountingStore) -> None:
    store.create(FORMAT_KEY, b'{"format":"stageline.store/2","created_ms":1,"create_only":true}')
    for call in (read_format, ensure_format, create_is_exclusive):
        with pytest.raises(NotAllowed, match="written by a newer Stageline"):
            call(store)


def test_unknown_fields_are_fine(store: CountingStore) -> None:
    store.create(
        FORMAT_KEY, b'{"format":"stageline.store/1","created_ms":1,"create_only":false,"new":[1]}'
    )
    assert not create_is_exclusive(store)


@pytest.mark.parametrize(
    "data", [b"{", b"[]", b'{"format":"other/1","created_ms":1,"create_only":true}', b'{"a":1}']
)
def test_something_else_under_that_name_is_told(store: CountingStore, data: bytes) -> None:
    store.create(FORMAT_KEY, data)
    with pytest.raises(Corrupt, match=FORMAT_KEY):
        read_format(store)


def test_careless_server_is_found(nanio_server: S3Server) -> None:
    store = open_store(nanio_server.new_bucket(), nanio_server.options)
    assert not create_is_exclusive(store)
    assert not ensure_format(store).create_only
    failed = [finding.name for finding in examine(store) if not finding.ok]
    assert "a second create is refused" in failed
    assert "one of racing creates wins" in failed
    assert store.list(PLACE) == []


def test_careful_server_passes(moto_server: S3Server) -> None:
    store = open_store(f"{moto_server.new_bucket()}/store", moto_server.options)
    assert create_is_exclusive(store)
    assert [finding for finding in examine(store) if not finding.ok] == []
    assert store.list("") == []


def test_real_server_passes(seaweedfs_server: S3Server) -> None:
    store = open_store(f"{seaweedfs_server.new_bucket()}/store", seaweedfs_server.options)
    assert create_is_exclusive(store)
    assert [finding for finding in examine(store) if not finding.ok] == []
    assert store.list("") == []


def test_examination_ends_when_the_store_is_away() -> None:
    inner = MemoryStore(f"memory://{uuid.uuid4().hex}")
    store = FaultyStore(inner, plan=Plan(chances={Fault.LOST_CALL: 1.0}))
    (finding,) = examine(store)
    assert not finding.ok
    assert "injected" in finding.detail


def test_examination_goes_on_after_a_broken_promise() -> None:
    inner = MemoryStore(f"memory://{uuid.uuid4().hex}")
    store = FaultyStore(inner, plan=Plan(chances={Fault.STALE_LIST: 1.0}))
    findings = {finding.name: finding for finding in examine(store)}
    assert not findings["listings are ordered, and show writes at once"].ok
    assert findings["deleting removes"].ok
