"""Journals that were written once are read for ever, and what a later version adds is kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest
from registered import TIME, MadeUpFacts, new_store, open_registry, run, with_versions

from stageline.domain.model import Actor
from stageline.domain.policy import (
    BetterRule,
    CheckRule,
    MetricRule,
    Policy,
    RequirementsRule,
    SignatureRule,
    TagRule,
)
from stageline.domain.registry_events import RequestStatus, Unknown
from stageline.errors import Corrupt, NotAllowed
from stageline.registry.registry import Registry
from stageline.storage import layout
from stageline.storage.local import LocalStore
from stageline.storage.port import ObjectStore
from stageline.testing.clock import FixedClock

FIXTURE = Path(__file__).parent / "formats" / "registry-1"
"""A store that version 1 of the format wrote. Never edit it: `write` made it, and makes those of later formats."""


def write(store: ObjectStore) -> None:
    """One of everything."""
    clock = FixedClock(TIME)
    facts = MadeUpFacts({"r1": run("1", rmse=0.5), "r2": run("2", rmse=0.4)})
    registry = Registry.of(store, clock, facts, "ann").acting(run_id="r0", link="https://p")
    registry.create_registered_model("wine", {"team": "risk"}, "Scores wine.")
    registry.register("wine", "r1", "model", tags={"k": "v"})
    registry.register("wine", "r2")
    registry.set_alias("wine", "champion", 1)
    registry.set_alias("wine", "old", 1)
    registry.delete_alias("wine", "old")
    registry.annotate("wine", 1, "fine")
    registry.set_version_description("wine", 1, "first")
    registry.set_version_tag("wine", 1, "l", "w")
    registry.delete_version_tag("wine", 1, "k")
    registry.set_tag("wine", "x", "y")
    registry.delete_tag("wine", "x")
    registry.set_description("wine", "Scores red wine.")
    registry.transition("wine", 1, "Production", reason="first")
    rules = (
        MetricRule(condition="metrics.rmse < 0.6"),
        BetterRule(metric="rmse", direction="min", margin=0.05),
        SignatureRule(blocks=False),
        RequirementsRule(blocks=False),
        TagRule(key="reviewed", value="yes", blocks=False),
        CheckRule(name="bias", blocks=False),
    )
    policy = Policy(
        rules=rules, approvals=1, approvers=("bob", "leads"), from_stages=("None", "Staging"),
        max_versions=1, is_protected=True, owners=("ann",), roles={"leads": ("eve",)},
    )  # fmt: skip
    registry.set_policy("wine", "Production", policy, allow_unknown=True)
    with pytest.raises(NotAllowed):
        registry.transition("wine", 2, "Production")
    clock.sleep(1)
    asked = registry.request_transition(
        "wine", 2, "Production", archive_existing=True, comment="please"
    )
    registry.approve("wine", asked.number, comment="yes", actor=Actor("eve"))
    registry.set_deployment("wine", 2, "eu", url="https://eu")
    registry.set_deployment("wine", 2, "us")
    registry.delete_deployment("wine", 2, "us")
    registry.rollback("wine", "Production", reason="bad")
    other = registry.request_transition("wine", 2, "Staging")
    registry.reject("wine", other.number, actor="bob", comment="no")
    registry.request_transition("wine", 2, "Staging")
    registry.set_stages("wine", ["None", "Staging", "Production", "Shadow", "Archived"])
    registry.delete_version("wine", 2)
    registry.create_registered_model("cider")
    registry.rename("cider", "perry")
    registry.delete("perry")


@pytest.fixture
def fixture(tmp_path: Path) -> LocalStore:
    shutil.copytree(FIXTURE, tmp_path / "store")
    return LocalStore(tmp_path / "store")


def test_first_format_is_read(fixture: LocalStore) -> None:
    registry = open_registry(fixture)
    assert [model.name for model in registry.list()] == ["wine"]
    wine = registry.get("wine")
    assert (wine.description, wine.tags, wine.aliases) == (
        "Scores red wine.", {"team": "risk"}, {"champion": 1},
    )  # fmt: skip
    assert wine.stages == ("None", "Staging", "Production", "Shadow", "Archived")
    (version,) = registry.versions("wine")
    assert (version.current_stage, version.tags, version.description) == (
        "Production", {"l": "w"}, "first",
    )  # fmt: skip
    assert version.facts.metrics == {"rmse": 0.5}
    policy = registry.get_policy("wine", "Production")
    assert policy is not None
    assert [type(one).__name__ for one in policy.rules] == [
        "MetricRule", "BetterRule", "SignatureRule", "RequirementsRule", "TagRule", "CheckRule",
    ]  # fmt: skip
    statuses = [request.status for _, request in registry.requests("wine", status=None)]
    assert statuses == [
        RequestStatus.REFUSED, RequestStatus.APPROVED, RequestStatus.REJECTED,
        RequestStatus.CANCELLED,
    ]  # fmt: skip
    assert all(proof.is_intact for proof in registry.verify_all())
    events = [event for entry in registry.history("wine") for event in entry.events]
    assert not [event for event in events if isinstance(event, Unknown)]
    assert registry.follow().events[-1].cause == "rollback"


def test_first_format_is_written_on(fixture: LocalStore) -> None:
    registry = open_registry(fixture)
    assert registry.register("wine", source="s3://new").version == 3
    assert registry.verify("wine").is_intact


def test_what_is_written_today_is_the_first_format(tmp_path: Path) -> None:
    """But for transaction ids, and what hangs on them: a change here needs a new format, or a default."""
    write(LocalStore(tmp_path / "today"))

    def documents(root: Path) -> dict[str, object]:
        return {
            str(path.relative_to(root)): without_ids(json.loads(path.read_text()))
            for path in sorted(root.rglob("log/*.json"))
        }

    assert documents(tmp_path / "today") == documents(FIXTURE)


def without_ids(value: object) -> object:
    if isinstance(value, dict):
        return {k: without_ids(v) for k, v in value.items() if k not in ("txn", "prev")}
    return [without_ids(one) for one in value] if isinstance(value, list) else value


def key(number: int) -> str:
    return layout.model_journal("wine") + layout.revision(number)


def test_fields_of_a_later_version_are_kept() -> None:
    store = new_store()
    with_versions(store, 1)
    document = msgspec.json.decode(store.read(key(1)))
    document["weather"] = "fine"
    document["events"].append({"event": "model_sung_about", "tune": "x"})
    document["state"]["mood"] = "good"
    document["state"]["versions"]["1"]["colour"] = "red"
    store.replace(key(1), msgspec.json.encode(document))
    registry = open_registry(store)
    registry.register("wine", source="s3://2")
    registry.transition("wine", 1, "Production")
    written = msgspec.json.decode(store.read(key(3)))
    assert written["state"]["mood"] == "good"
    assert written["state"]["versions"]["1"]["colour"] == "red"
    assert written["state"]["versions"]["1"]["current_stage"] == "Production"
    assert "weather" not in written, "what belonged to that entry stays there"
    assert isinstance(registry.history("wine")[0].events[-1], Unknown)
    registry.rename("wine", "beer")
    moved = msgspec.json.decode(store.read(layout.model_journal("beer") + layout.revision(2)))
    assert moved["state"]["mood"] == "good"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"{}", Corrupt),
        (b"\xff", Corrupt),
        (b'{"format":"stageline.experiment/1"}', Corrupt),
        (b'{"format":"stageline.registry/2"}', NotAllowed),
    ],
)
def test_what_is_no_entry_is_refused(data: bytes, error: type[Exception]) -> None:
    store = new_store()
    store.create(key(1), data)
    registry = open_registry(store)
    for call in (
        lambda: registry.get("wine"),
        lambda: registry.register("wine", source="s3://1"),
    ):
        with pytest.raises(error):
            call()
    assert len(store.list(layout.REGISTRY)) == 1


if __name__ == "__main__":
    write(LocalStore(FIXTURE))
