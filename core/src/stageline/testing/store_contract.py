"""What every store must do, as a test class: subclass it, say how to make a store, and run pytest.

    class TestMyStore(StoreContract):
        def make_store(self) -> ObjectStore:
            return open_store("myproto://place")

Stores that `make_store` returns must be fresh and empty. Set `is_exclusive = False` for one on which
racing creates may have two winners: its runs are safe, and a registry refuses it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

import pytest

from stageline.testing.contract_of_listings import ContractOfListings
from stageline.testing.contract_of_objects import ContractOfObjects
from stageline.testing.contract_of_races import ContractOfRaces
from stageline.testing.contract_of_streams import ContractOfStreams

if TYPE_CHECKING:
    from stageline.storage.port import ObjectStore

ODD_KEYS = [
    "a b/c d.txt", "per%20cent/100%.txt", "plus+sign", "star*question?", "quo'te\"s", "[brackets]/{x}",
    "umlaut-ä/ß.txt", "日本語/モデル.bin", "emoji-🚂", "semi;colon,comma", "at@sign=equals&and", "#hash",
    ".hidden/.file", "-dash", "tilde~", "a.b/..c", "back\\slash", "dollar$(x)", "new\nline", "x" * 200,
]  # fmt: skip


class StoreContract(ContractOfObjects, ContractOfListings, ContractOfStreams, ContractOfRaces):
    """The promises of `stageline.storage.port.ObjectStore`, one test each."""

    is_exclusive: ClassVar[bool] = True
    """Whether exactly one of racing creates wins."""
    odd_keys: ClassVar[list[str]] = ODD_KEYS
    """Keys that the store must keep as they are; leave out what it can not."""
    works_after_fork: ClassVar[bool] = hasattr(os, "fork")
    """Whether a forked child may go on using the parent's store."""

    def make_store(self) -> ObjectStore:
        """A fresh, empty store."""
        raise NotImplementedError("subclasses of StoreContract say how to make a store")

    @pytest.fixture
    def store(self) -> ObjectStore:
        """A fresh, empty store."""
        return self.make_store()

    def test_url_and_repr_are_text(self, store: ObjectStore) -> None:
        assert store.url
        assert store.url in repr(store)
