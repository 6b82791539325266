"""Models and versions by the public surface: what a user registers, names, finds and removes."""

from __future__ import annotations

from typing import Any

import pytest
from registered import MadeUpFacts, new_store, open_registry, run, stages, with_versions

from stageline import Workspace
from stageline.domain.model import Actor
from stageline.domain.policy import Policy
from stageline.errors import AlreadyExists, Conflict, InvalidInput, NotAllowed, NotFound
from stageline.registry.registry import Registry
from stageline.settings import Settings
from stageline.storage.memory import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    return new_store()


@pytest.fixture
def registry(store: MemoryStore) -> Registry:
    return open_registry(store)


def test_model_is_created_read_and_deleted(store: MemoryStore, registry: Registry) -> None:
    made = registry.create_registered_model("wine", {"team": "risk"}, "Scores wine.")
    other = open_registry(store)
    assert other.get("wine") == made
    assert (made.name, made.tags, made.description) == ("wine", {"team": "risk"}, "Scores wine.")
    assert other.find("beer") is None
    with pytest.raises(AlreadyExists):
        other.create_registered_model("wine")
    other.delete("wine")
    assert registry.find("wine") is None
    assert registry.list() == []
    with pytest.raises(NotFound, match="it was deleted"):
        registry.get("wine")


def test_model_is_described_and_tagged(store: MemoryStore, registry: Registry) -> None:
    registry.create_registered_model("wine")
    registry.set_tag("wine", "a", 1)
    registry.set_tag("wine", "b", "2")
    registry.delete_tag("wine", "a")
    registry.set_description("wine", "d")
    found = open_registry(store).get("wine")
    assert (found.tags, found.description) == ({"b": "2"}, "d")


@pytest.mark.parametrize("name", ["Wine quality", "ä" * 256, "100%", "a+b=c", "~.-_", "log"])
def test_odd_names_are_names(store: MemoryStore, registry: Registry, name: str) -> None:
    registry.create_registered_model(name)
    registry.create_registered_model("another")
    assert {model.name for model in open_registry(store).list()} == {name, "another"}
    assert open_registry(store).get(name).name == name


def test_registering_makes_the_model_unless_told_not_to(registry: Registry) -> None:
    assert registry.register("wine", source="s3://b/m").version == 1
    with pytest.raises(NotFound):
        registry.register("beer", source="s3://b/m", create_model=False)
    assert registry.find("beer") is None


def test_version_knows_where_it_came_from(store: MemoryStore) -> None:
    facts = MadeUpFacts({"r1": run("d1", rmse=0.5, bad=float("nan"))})
    registry = open_registry(store, "ann", facts)
    made = registry.register(
        "wine", "r1", "model", tags={"k": "v"}, description="first", run_link="https://x"
    )
    found = open_registry(store).get_version("wine", "1")
    assert found == made
    assert (found.run_id, found.artifact_path, found.source) == ("r1", "model", "memory://runs/d1")
    assert (found.user_id, found.tags, found.description) == ("ann", {"k": "v"}, "first")
    assert (found.current_stage, found.status, found.run_link) == ("None", "READY", "https://x")
    assert found.facts.metrics == {"rmse": 0.5}, "JSON has no NaN"
    assert found.facts.digest == "d1"
    assert registry.history("wine")[0].run_id == "r1", "the run that it was done for"


def test_registering_the_same_run_and_files_again_is_the_same_version(store: MemoryStore) -> None:
    facts = MadeUpFacts({"r1": run("d1"), "r2": run("d2")})
    registry = open_registry(store, facts=facts)
    assert registry.register("wine", "r1").version == 1
    assert open_registry(store, facts=facts).register("wine", "r1").version == 1
    assert registry.register("wine", "r2").version == 2
    assert registry.register("wine", "r1", digest="other").version == 3
    assert len(registry.history("wine")) == 3


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"artifact_path": "model", "source": "s3://b/m"},
        {"run_id": "../x"},
        {"source": "s3://b/../m"},
        {"source": "s3://b/m", "tags": {"a//b": "x"}},
        {"source": "s3://b/m", "description": "x" * 100_001},
        {"run_id": "r1", "artifact_path": "../m"},
    ],
)
def test_bad_registration_writes_nothing(registry: Registry, how: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        registry.register("wine", **how)
    assert registry.find("wine") is None


def test_run_that_is_not_there_registers_nothing(registry: Registry) -> None:
    with pytest.raises(NotFound):
        registry.register("wine", "r1")
    assert registry.find("wine") is None


def test_versions_are_described_tagged_and_annotated(store: MemoryStore) -> None:
    registry = with_versions(store, 1)
    registry.set_version_description("wine", 1, "d")
    registry.set_version_tag("wine", 1, "a", "1")
    registry.set_version_tag("wine", 1, "b", "2")
    registry.delete_version_tag("wine", 1, "a")
    registry.acting("bob").annotate("wine", 1, "looks fine")
    found = open_registry(store).get_version("wine", 1)
    assert (found.description, found.tags) == ("d", {"b": "2"})
    assert [(one.text, one.by) for one in found.annotations] == [("looks fine", "bob")]


def test_version_of_a_deleted_model_is_not_found(store: MemoryStore) -> None:
    registry = with_versions(store, 1)
    registry.delete("wine")
    for call in (
        lambda: registry.get_version("wine", 1),
        lambda: registry.transition("wine", 1, "Production"),
        lambda: registry.set_alias("wine", "champion", 1),
        lambda: registry.versions("wine"),
    ):
        with pytest.raises(NotFound, match="it was deleted"):
            call()


def test_number_is_never_used_again(store: MemoryStore) -> None:
    registry = with_versions(store, 2)
    registry.delete_version("wine", 2)
    assert registry.register("wine", source="s3://c").version == 3
    registry.delete("wine")
    assert open_registry(store).register("wine", source="s3://c").version == 4


def test_aliases_move_and_go(store: MemoryStore) -> None:
    registry = with_versions(store, 2)
    registry.set_alias("wine", "champion", 1)
    registry.set_alias("wine", "champion", 2)
    registry.set_alias("wine", "old", 1)
    other = open_registry(store)
    assert other.get_by_alias("wine", "champion").version == 2
    assert other.get("wine").aliases == {"champion": 2, "old": 1}
    assert other.get_version("wine", 1).aliases == ("old",)
    registry.delete_alias("wine", "old")
    with pytest.raises(NotFound, match="alias old not found in 'wine'; it has champion"):
        other.get_by_alias("wine", "old")
    with pytest.raises(NotFound):
        registry.set_alias("wine", "champion", 9)
    registry.delete_version("wine", 2)
    assert other.get("wine").aliases == {}


def test_versions_are_found_by_uri(store: MemoryStore) -> None:
    registry = with_versions(store, 3)
    registry.transition("wine", 2, "Production")
    registry.transition("wine", 1, "Production")
    registry.set_alias("wine", "champion", 1)
    found = {
        uri: registry.get_by_uri(f"models:/wine{uri}").version
        for uri in ("/3", "/production", "/Latest", "@champion")
    }
    assert found == {"/3": 3, "/production": 2, "/Latest": 3, "@champion": 1}
    assert registry.resolve("models:/wine/3") == "s3://models/3"
    with pytest.raises(NotFound, match="no version of 'wine' is there"):
        registry.get_by_uri("models:/wine/Staging")
    for bad in ("wine/3", "models:/wine", "models:/wine/3/x", "models:/wine/Live", "models:/@a"):
        with pytest.raises(InvalidInput):
            registry.get_by_uri(bad)


def test_run_model_resolves_to_its_place_in_the_run(store: MemoryStore) -> None:
    registry = open_registry(store, facts=MadeUpFacts({"r1": run()}))
    registry.register("wine", "r1", "model")
    assert registry.resolve("models:/wine/1") == ("r1", "model")


def test_latest_versions_is_the_highest_of_each_stage(store: MemoryStore) -> None:
    registry = with_versions(store, 4)
    registry.transition("wine", 1, "Production")
    registry.transition("wine", 2, "Production")
    registry.transition("wine", 4, "Archived")
    latest = {one.current_stage: one.version for one in registry.latest_versions("wine")}
    assert latest == {"None": 3, "Production": 2, "Archived": 4}
    assert [one.version for one in registry.latest_versions("wine", ["PRODUCTION"])] == [2]
    assert [one.version for one in registry.get("wine").latest_versions] == [3, 2, 4]
    with pytest.raises(InvalidInput):
        registry.latest_versions("wine", ["Live"])


def test_best_version(store: MemoryStore) -> None:
    facts = MadeUpFacts({"r1": run("1", m=0.5), "r2": run("2", m=0.7), "r3": run("3")})
    registry = open_registry(store, facts=facts)
    for run_id in facts.runs:
        registry.register("wine", run_id)
    assert registry.best_version("wine", "m", "min").version == 1
    assert registry.best_version("wine", "m", "max").version == 2
    facts.runs["r3"] = run("3", m=0.9)
    assert registry.best_version("wine", "m", "max").version == 3, "evaluated after registration"
    del facts.runs["r2"]
    facts.runs["r3"] = run("3", m=float("nan"))
    assert registry.best_version("wine", "m", "max").version == 2, "as it was registered"
    with pytest.raises(NotFound, match="has the metric 'n'"):
        registry.best_version("wine", "n", "max")


def test_where_a_version_runs(store: MemoryStore) -> None:
    registry = with_versions(store, 2)
    registry.acting("airflow", link="https://airflow/x").set_deployment("wine", 1, "eu", url="u")
    (deployment,) = registry.get_version("wine", 1).deployments.values()
    assert (deployment.by, deployment.link, deployment.url) == ("airflow", "https://airflow/x", "u")
    registry.set_deployment("wine", 2, "eu")
    assert not registry.get_version("wine", 1).deployments
    assert not registry.delete_deployment("wine", 2, "eu").deployments


def test_own_stages(store: MemoryStore) -> None:
    registry = open_registry(store)
    registry.create_registered_model("wine", stages=["dev", "live", "gone"], archive_stage="gone")
    registry.register("wine", source="s3://a")
    assert registry.transition("wine", 1, "LIVE").current_stage == "live"
    with pytest.raises(InvalidInput, match="one of dev, live, gone"):
        registry.transition("wine", 1, "Production")
    with pytest.raises(NotAllowed):
        registry.set_stages("wine", ["dev", "gone"])
    assert registry.set_stages("wine", ["dev", "live"]).stages == ("dev", "live")
    with pytest.raises(InvalidInput, match="has no stage for archived versions"):
        registry.transition("wine", 1, "live", archive_existing=True)


def test_rename_takes_everything_along(store: MemoryStore) -> None:
    registry = with_versions(store, 2)
    registry.set_alias("wine", "champion", 1)
    registry.transition("wine", 2, "Staging")
    registry.rename("wine", "beer")
    other = open_registry(store)
    assert stages(other, "beer") == {1: "None", 2: "Staging"}
    assert other.get_by_alias("beer", "champion").name == "beer"
    assert [model.name for model in other.list()] == ["beer"]
    with pytest.raises(NotFound, match="it was renamed to 'beer'"):
        other.get("wine")
    assert other.rename("wine", "beer").name == "beer", "asked again after a lost answer"
    assert other.register("beer", source="s3://c").version == 3


def test_old_name_is_free_and_the_new_one_is_taken(store: MemoryStore) -> None:
    registry = with_versions(store, 1)
    registry.rename("wine", "beer")
    assert registry.create_registered_model("wine").name == "wine"
    with pytest.raises(AlreadyExists):
        open_registry(store).rename("wine", "beer")
    with pytest.raises(NotFound):
        registry.rename("ale", "stout")
    assert [model.name for model in registry.list()] == ["beer", "wine"]


def test_rename_there_and_back_and_through(store: MemoryStore) -> None:
    registry = with_versions(store, 1)
    for name, new_name in [("wine", "beer"), ("beer", "wine"), ("wine", "ale"), ("ale", "beer")]:
        open_registry(store).rename(name, new_name)
    assert stages(open_registry(store), "beer") == {1: "None"}
    names = [entry.name for entry in registry.history("beer") if entry.state.is_active]
    assert names == ["wine", "beer", "wine", "ale", "beer"]


def test_who_acts_is_recorded(store: MemoryStore) -> None:
    registry = open_registry(store, "ann").acting(
        Actor("bob", frozenset({"leads"})), run_id="r1", link="https://p", reason="nightly"
    )
    registry.register("wine", source="s3://a")
    (entry,) = registry.history("wine")
    assert (entry.actor, entry.run_id, entry.link, entry.reason) == (
        "bob", "r1", "https://p", "nightly",
    )  # fmt: skip


def test_state_of_another_process_is_seen_and_a_stale_one_decides_nothing(
    store: MemoryStore,
) -> None:
    one, other = with_versions(store, 1), open_registry(store)
    assert stages(other) == {1: "None"}
    one.transition("wine", 1, "Staging")
    with pytest.raises(Conflict):
        other.transition("wine", 1, "Production", expected_stage="None")
    one.register("wine", source="s3://new")
    assert other.transition("wine", 2, "Production").version == 2, "which it had not heard of"


def test_workspace_reads_runs_and_their_files(store: MemoryStore) -> None:
    workspace = Workspace(store, Settings(user="ann"))
    run = workspace.runs.create(run_name="train")
    run.log_metric("rmse", 0.5)
    files = workspace.artifacts(run.run_id)
    files.log_text("flavors: {}\nsignature:\n  inputs: '[]'\n", "model/MLmodel")
    files.log_text("scikit-learn\n", "model/requirements.txt")
    files.log_text("flavors: {}\nsignature: null\n", "plain/MLmodel")
    run.end()
    version = workspace.registry.register("wine", run.run_id, "model")
    assert (version.user_id, version.run_id) == ("ann", run.run_id)
    assert version.facts.metrics == {"rmse": 0.5}
    assert version.facts.has_signature
    assert version.facts.has_requirements
    assert len(version.facts.digest) == 64
    assert version.source == f"{store.url}/runs/{run.run_id}/artifacts/model"
    assert workspace.registry.register("wine", run.run_id, "model").version == 1
    plain = workspace.registry.register("wine", run.run_id, "plain")
    assert (plain.version, plain.facts.has_signature, plain.facts.has_requirements) == (
        2, False, False,
    )  # fmt: skip
    with pytest.raises(NotFound, match="has no artifact 'other'; it has model, plain"):
        workspace.registry.register("wine", run.run_id, "other")
    workspace.runs.delete(run.run_id)
    with pytest.raises(NotAllowed, match="Current state is deleted"):
        workspace.registry.register("wine", run.run_id, "model")


def test_run_of_a_protected_version_can_not_be_deleted(store: MemoryStore) -> None:
    workspace = Workspace(store, Settings(user="ann"))
    run = workspace.runs.create(run_name="train")
    run.end()
    registry = workspace.registry
    registry.register("wine", run.run_id)
    registry.set_policy("wine", "Production", Policy(is_protected=True))
    registry.transition("wine", 1, "Production")
    with pytest.raises(NotAllowed, match="version 1 of 'wine' was registered from it"):
        workspace.runs.delete(run.run_id)
    registry.transition("wine", 1, "Archived")
    workspace.runs.delete(run.run_id)
    assert workspace.runs.get(run.run_id).info.lifecycle_stage == "deleted"


def test_a_reason_that_was_said_once_stands_in_the_entry_of_a_request(store: MemoryStore) -> None:
    registry = with_versions(store, 1)
    registry.acting(reason="the nightly one").request_transition("wine", 1, "Staging")
    assert registry.history("wine")[-1].reason == "the nightly one"
