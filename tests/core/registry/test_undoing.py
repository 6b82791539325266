"""A promotion that is taken back leaves the stages as they were, and what others did since as it is."""

from __future__ import annotations

import pytest
from registered import new_store, open_registry, stages, with_versions

from stageline.domain.policy import Policy
from stageline.errors import Conflict, NotAllowed, NotFound


def test_what_was_replaced_comes_back_and_the_other_goes_where_it_was():
    registry = with_versions(new_store(), 2)
    registry.transition("wine", 1, "Production")
    registry.transition("wine", 2, "Staging")
    registry.transition("wine", 2, "Production", archive_existing=True)
    back = registry.take_back("wine", 2, "production", reason="scoring failed", actor="bob")
    assert back.current_stage == "Staging"
    assert stages(registry) == {1: "Production", 2: "Staging"}
    last = registry.history("wine")[-1]
    assert (last.actor, last.reason) == ("bob", "scoring failed")


def test_the_first_promotion_of_all_can_be_taken_back():
    registry = with_versions(new_store(), 1)
    registry.transition("wine", 1, "Production")
    registry.take_back("wine", 1, "Production")
    assert stages(registry) == {1: "None"}
    with pytest.raises(NotFound, match="nothing to roll back"):
        registry.rollback("wine", "Production")


def test_a_rollback_after_it_goes_back_to_who_was_there_before():
    registry = with_versions(new_store(), 3)
    for version in (1, 2, 3):
        registry.transition("wine", version, "Production", archive_existing=True)
    registry.take_back("wine", 3, "Production")
    assert registry.rollback("wine", "Production").version == 1
    assert stages(registry) == {1: "Production", 2: "Archived", 3: "None"}


def test_what_others_did_since_is_not_undone():
    registry = with_versions(new_store(), 2)
    registry.transition("wine", 1, "Production")
    open_registry(registry._ledger.store).transition("wine", 2, "Production", archive_existing=True)
    entries = len(registry.history("wine"))
    with pytest.raises(Conflict, match="version 1 of 'wine' is in Archived, no longer in"):
        registry.take_back("wine", 1, "Production")
    assert len(registry.history("wine")) == entries


def test_who_may_not_move_versions_may_not_take_them_back():
    registry = with_versions(new_store(), 1)
    registry.set_policy("wine", "Production", Policy(may_transition=("ann",)))
    registry.transition("wine", 1, "Production")
    with pytest.raises(NotAllowed, match="ann may"):
        registry.take_back("wine", 1, "Production", actor="bob")


def test_a_version_that_never_was_there_is_told():
    registry = with_versions(new_store(), 1)
    with pytest.raises(NotFound, match="never entered Production"):
        registry.take_back("wine", 1, "Production")
