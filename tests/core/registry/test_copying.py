"""A version goes to another store whole, once, and is registered there last, whatever dies on the way."""

from __future__ import annotations

import io
import math
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from memory_use import memory_peak
from processes import until
from servers import S3Server

from stageline import Workspace
from stageline.domain.model import ModelVersion
from stageline.domain.policy import MetricRule, Policy, TagRule
from stageline.domain.run import DatasetInput, DatasetRef, RunStatus
from stageline.errors import Corrupt, InvalidInput, NotAllowed, NotFound, StorageFailed
from stageline.registry.copying import Copying
from stageline.settings import Settings
from stageline.storage import layout
from stageline.storage.memory import MemoryStore
from stageline.storage.port import ObjectStore
from stageline.testing.clock import FixedClock
from stageline.testing.counting import CountingStore
from stageline.testing.faulty import Fault, FaultyStore, Plan
from stageline.tracking.copying import TAG_COPIED_FROM, TAG_COPIED_RUN

BIG = b"0123456789abcdef" * 70_000  # more than is sent in one request


def in_memory() -> Workspace:
    return Workspace.open(f"memory://{uuid.uuid4().hex}")


def over(store: ObjectStore, **settings: Any) -> Workspace:
    """A workspace on a store that a test made."""
    return Workspace(store, Settings(store=store.url, **settings))


def trained(workspace: Workspace, *, name: str = "wine", **how: Any) -> ModelVersion:
    """A run of two attempts with all that a run can have, and a version of its model."""
    experiment = workspace.experiments.get_or_create("cellar").experiment_id
    with workspace.runs.create(experiment, run_name="fit", tags={"team": "risk"}) as active:
        run_id = active.run_id
        active.log_batch(params={"alpha": "0.5"})
        for step in range(300):
            active.log_metric("rmse", 1 / (step + 1), step=step, timestamp=1000 + step)
        active.log_metric("odd", math.nan)
        active.log_inputs(
            [
                DatasetInput(
                    DatasetRef(name="red", digest="abc"), {"mlflow.data.context": "training"}
                )
            ]
        )
    again = workspace.runs.resume(run_id, attempt=2)
    again.log_metric("rmse", 0.25, step=7, timestamp=5000)
    again.end(RunStatus.FINISHED)
    artifacts = workspace.artifacts(run_id)
    artifacts.log_text("flavors: {}\nsignature: {inputs: '[]'}\n", "model/MLmodel")
    artifacts.log_text("skops\n", "model/requirements.txt")
    artifacts.log_bytes(BIG, "model/data/weights.bin")
    artifacts.log_text("a plot", "plots/roc.svg")
    registry = workspace.registry
    version = registry.register(
        name, run_id, "model", tags={"reviewed": "yes"}, description="The first.", **how
    )
    registry.annotate(name, version.version, "Looks fine.")
    registry.set_alias(name, "champion", version.version)
    registry.transition(name, version.version, "Production")
    return registry.get_version(name, version.version)


def artifact_bytes(workspace: Workspace, run_id: str) -> dict[str, bytes]:
    artifacts = workspace.artifacts(run_id)
    return {file.path: artifacts.read(file.path) for file in artifacts.walk()}


def seen(workspace: Workspace, name: str = "wine") -> list[tuple[int, Any, Any]]:
    """The versions, as far as two copies can be compared."""
    found = workspace.registry.find(name)
    if found is None:
        return []
    return [
        (one.version, one.origin, one.facts.digest) for one in workspace.registry.versions(name)
    ]


def check_same_run(source: Workspace, target: Workspace, run_id: str, copied: str) -> None:
    before, after = source.runs.get(run_id), target.runs.get(copied)
    assert after.data.params == before.data.params
    assert repr(after.metrics) == repr(before.metrics)
    assert after.inputs == before.inputs
    assert after.attempts == before.attempts
    assert (after.info.status, after.info.start_time, after.info.end_time) == (
        before.info.status, before.info.start_time, before.info.end_time,
    )  # fmt: skip
    ours = {TAG_COPIED_FROM: source.store.url, TAG_COPIED_RUN: run_id}
    assert after.data.tags == {**before.data.tags, **ours}
    for key in before.metrics:
        histories = [
            sorted(side.runs.attempt_histories(one, key).items())
            for side, one in ((source, run_id), (target, copied))
        ]
        assert repr(histories[0]) == repr(histories[1])
    assert target.experiments.get(after.info.experiment_id).name == "cellar"
    found = target.search_runs([after.info.experiment_id], "params.alpha = '0.5'")
    assert copied in [one.info.run_id for one in found]


def check_copy(source: Workspace, target: Workspace, version: ModelVersion) -> ModelVersion:
    """Copy, and compare everything."""
    passed: list[int] = []
    copied = source.registry.copy("models:/wine/Production", to=target, progress=passed.append)
    assert version.run_id is not None
    assert copied.run_id == version.run_id
    assert (copied.name, copied.version, copied.current_stage) == ("wine", 1, "None")
    assert (copied.description, copied.tags, copied.aliases) == (
        "The first.", {"reviewed": "yes"}, (),
    )  # fmt: skip
    assert copied.annotations == version.annotations
    assert copied.facts == version.facts
    assert copied.facts.has_signature
    assert copied.facts.has_requirements
    registered = source.registry.history("wine")[0]
    assert copied.origin is not None
    assert (copied.origin.store, copied.origin.name, copied.origin.version) == (
        source.store.url, "wine", version.version,
    )  # fmt: skip
    assert copied.origin.digest == registered.digest
    files = artifact_bytes(source, version.run_id)
    model = {path: data for path, data in files.items() if path.startswith("model/")}
    assert artifact_bytes(target, copied.run_id) == model
    assert sum(passed) == sum(map(len, model.values()))
    check_same_run(source, target, version.run_id, copied.run_id)
    assert target.registry.resolve("models:/wine/1") == (copied.run_id, "model")
    assert target.registry.verify("wine").is_intact
    entry = target.registry.history("wine")[-1]
    assert "models:/wine/1" in entry.reason
    return copied


def test_version_goes_from_a_folder_to_memory_whole(tmp_path: Path) -> None:
    source, target = Workspace.open(tmp_path / "a"), in_memory()
    check_copy(source, target, trained(source))


def test_version_goes_from_memory_to_a_folder_whole(tmp_path: Path) -> None:
    source = in_memory()
    check_copy(source, Workspace.open(tmp_path / "b"), trained(source))


@pytest.mark.slow
def test_version_goes_from_a_folder_to_a_real_server_and_back(
    tmp_path: Path, seaweedfs_server: S3Server
) -> None:
    source = Workspace.open(tmp_path / "a")
    target = Workspace.open(seaweedfs_server.new_place(), storage_options=seaweedfs_server.options)
    copied = check_copy(source, target, trained(source))
    assert source.registry.copy("models:/wine/1", to=target) == copied
    third = in_memory()
    again = target.registry.copy("models:/wine/1", to=third)
    assert again.origin is not None
    assert again.origin.store == target.store.url
    assert "stageline-test" not in repr(again)
    assert artifact_bytes(third, str(again.run_id)) == artifact_bytes(target, str(copied.run_id))


def test_url_is_opened_with_the_settings_of_this_workspace(tmp_path: Path) -> None:
    source = Workspace.open(tmp_path / "a", user="ann")
    trained(source)
    copied = source.registry.copy("models:/wine@champion", to=tmp_path / "b", name="prod-wine")
    there = Workspace.open(tmp_path / "b")
    assert there.registry.get_version("prod-wine", 1) == copied
    assert copied.user_id == "ann"
    assert copied.origin is not None
    assert copied.origin.name == "wine"


def test_same_origin_again_is_the_version_that_is_there(tmp_path: Path) -> None:
    source, target = Workspace.open(tmp_path / "a"), in_memory()
    trained(source)
    target.registry.register("wine", source="s3://other")
    copied = source.registry.copy("models:/wine/1", to=target)
    assert copied.version == 2
    target.registry.transition("wine", 2, "Staging")
    counting = CountingStore(target.store)
    again = Workspace.open(tmp_path / "a").registry.copy("models:/wine/1", to=over(counting))
    assert (again.version, again.current_stage) == (2, "Staging")
    assert counting.total.puts == 0
    assert len(target.registry.versions("wine")) == 2


def test_origin_is_known_again_after_renames_on_both_sides(tmp_path: Path) -> None:
    source, target = Workspace.open(tmp_path / "a"), in_memory()
    trained(source)
    source.registry.copy("models:/wine/1", to=target)
    source.registry.rename("wine", "vin")
    target.registry.rename("wine", "wijn")
    again = source.registry.copy("models:/vin/1", to=target, name="wijn")
    assert (again.name, again.version) == ("wijn", 1)
    assert again.origin is not None
    assert again.origin.name == "wine"


def test_name_that_had_another_model_before_does_not_confuse_origins() -> None:
    source, target = in_memory(), in_memory()
    for number in range(3):
        source.registry.register("wine", source=f"s3://old/{number}")
    source.registry.delete("wine")
    version = trained(source)
    assert version.version == 4
    copied = source.registry.copy("models:/wine/4", to=target)
    entries = source.registry.history("wine")
    assert copied.origin is not None
    assert entries[[one.digest for one in entries].index(copied.origin.digest)].number == 5


def test_deleted_copy_can_be_copied_again() -> None:
    source, target = in_memory(), in_memory()
    trained(source)
    source.registry.copy("models:/wine/1", to=target)
    target.registry.delete_version("wine", 1)
    assert source.registry.copy("models:/wine/1", to=target).version == 2


def test_two_versions_of_one_run_share_it() -> None:
    source, target = in_memory(), in_memory()
    version = trained(source)
    source.registry.register("wine", version.run_id, "plots")
    source.registry.copy("models:/wine/1", to=target)
    copied = source.registry.copy("models:/wine/2", to=target)
    assert (copied.version, copied.run_id) == (2, version.run_id)
    first = target.registry.get_version("wine", 1)
    assert first.facts.digest == version.facts.digest
    assert target.registry.facts_of(first).digest == version.facts.digest, (
        "its files are there still"
    )
    assert {"model/MLmodel", "plots/roc.svg"} <= set(target.runs.files(str(copied.run_id)))


def test_big_file_is_streamed() -> None:
    source, target = in_memory(), Workspace.open(f"memory://{uuid.uuid4().hex}")
    with source.runs.create() as active:
        run_id = active.run_id
    source.artifacts(run_id).log_bytes(b"x" * (24 << 20), "model/weights.bin")

    class Discarding(CountingStore):
        """Keeps nothing of what is streamed to it, so that only what the copy holds is measured."""

        def open(self, key: str, mode: Any) -> Any:
            return DevNull() if mode == "wb" else super().open(key, mode)

    class DevNull(io.RawIOBase):
        def write(self, data: Any) -> int:
            return len(data)

    with memory_peak() as peak:
        source.copy_run(run_id, over(Discarding(target.store)))
    assert peak() < 6 << 20


def test_all_artifacts_come_if_asked_for() -> None:
    source, target = in_memory(), in_memory()
    version = trained(source)
    copied = source.registry.copy("models:/wine/1", to=target, all_artifacts=True)
    assert artifact_bytes(target, str(copied.run_id)) == artifact_bytes(source, str(version.run_id))
    check_same_run(source, target, str(version.run_id), str(copied.run_id))


def test_file_that_nobody_noted_comes_too() -> None:
    source, target = in_memory(), in_memory()
    version = trained(source)
    key = f"{layout.run_artifacts(str(version.run_id))}model/extra.txt"
    source.store.replace(key, b"put there by other means")
    source.registry.copy("models:/wine/1", to=target)
    assert target.store.read(key) == b"put there by other means"


def test_copy_within_a_store_is_another_name_for_the_same_run() -> None:
    workspace = in_memory()
    version = trained(workspace)
    before = len(workspace.store.list(layout.RUNS))
    copied = workspace.registry.copy("models:/wine/1", to=workspace, name="prod-wine")
    assert (copied.run_id, copied.version, copied.current_stage) == (version.run_id, 1, "None")
    assert len(workspace.store.list(layout.RUNS)) == before
    assert workspace.registry.copy("models:/wine/1", to=workspace, name="prod-wine") == copied


def test_new_model_gets_words_and_tags_but_no_stages_of_the_other() -> None:
    source, target = in_memory(), in_memory()
    source.registry.create_registered_model(
        "wine", {"owner": "ann"}, "Scores wine.", stages=["Dev", "Production"]
    )
    trained(source)
    source.registry.copy("models:/wine/1", to=target)
    model = target.registry.get("wine")
    assert (model.description, model.tags) == ("Scores wine.", {"owner": "ann"})
    assert model.stages == ("None", "Staging", "Production", "Archived")


def test_actor_of_this_registry_is_named_there() -> None:
    source, target = in_memory(), in_memory()
    trained(source)
    copied = source.registry.acting("bob").copy("models:/wine/1", to=target)
    assert copied.user_id == "bob"
    assert target.registry.history("wine")[-1].actor == "bob"


# -- what is refused ------------------------------------------------------------------------------


def test_policy_of_the_first_stage_there_refuses_before_anything_is_sent() -> None:
    source, target = in_memory(), in_memory()
    trained(source)
    target.registry.create_registered_model("wine")
    policy = Policy(rules=(MetricRule(condition="metrics.rmse < 0.1"),))
    target.registry.set_policy("wine", "None", policy, allow_unknown=True)
    counting = CountingStore(target.store)
    with pytest.raises(NotAllowed, match=r"metrics\.rmse is 0\.25, required < 0\.1") as refused:
        source.registry.copy("models:/wine/1", to=over(counting))
    assert refused.value.decision is not None  # type: ignore[attr-defined]
    assert counting.total.puts == 0
    target.registry.set_policy("wine", "None", Policy(rules=(TagRule(key="reviewed"),)))
    assert source.registry.copy("models:/wine/1", to=target).version == 1


def test_policy_says_who_may_bring_versions_and_how_many() -> None:
    source, target = in_memory(), in_memory()
    trained(source)
    target.registry.create_registered_model("wine")
    target.registry.set_policy("wine", "None", Policy(may_transition=("bob",), max_versions=1))
    with pytest.raises(NotAllowed, match="required bob"):
        source.registry.acting("ann").copy("models:/wine/1", to=target)
    bob = source.registry.acting("bob")
    assert bob.copy("models:/wine/1", to=target).version == 1
    trained(source)
    with pytest.raises(NotAllowed, match="versions held is 2"):
        bob.copy("models:/wine/2", to=target)


def test_policies_of_other_stages_hold_for_what_was_copied() -> None:
    source, target = in_memory(), in_memory()
    trained(source)
    source.registry.copy("models:/wine/1", to=target)
    target.registry.set_policy(
        "wine", "Production", Policy(rules=(MetricRule(condition="metrics.rmse < 0.1"),))
    )
    with pytest.raises(NotAllowed, match=r"0\.25"):
        target.registry.transition("wine", 1, "Production")


def test_store_that_can_not_keep_a_registry_is_refused() -> None:
    class Careless(CountingStore):
        is_exclusive = False

    source = in_memory()
    trained(source)
    careless = Careless(MemoryStore(f"memory://{uuid.uuid4().hex}"))
    with pytest.raises(NotAllowed, match="does not refuse to create"):
        source.registry.copy("models:/wine/1", to=over(careless))
    assert careless.total.puts == 0


def test_run_that_goes_on_is_not_copied() -> None:
    source, target = in_memory(), in_memory()
    active = source.runs.create()
    source.artifacts(active.run_id).log_text("x", "model/MLmodel")
    source.registry.register("wine", active.run_id, "model")
    with pytest.raises(NotAllowed, match="once it has ended"):
        source.registry.copy("models:/wine/1", to=target)
    active.end()
    assert source.registry.copy("models:/wine/1", to=target).version == 1
    source.runs.delete(active.run_id)
    with pytest.raises(NotAllowed, match="restore"):
        source.registry.copy("models:/wine/1", to=in_memory())


def test_version_without_a_run_is_refused_with_its_address() -> None:
    source = in_memory()
    source.registry.register("wine", source="s3://elsewhere/model")
    with pytest.raises(InvalidInput, match="s3://elsewhere/model"):
        source.registry.copy("models:/wine/1", to=in_memory())
    with pytest.raises(NotFound):
        source.registry.copy("models:/wine/2", to=in_memory())
    with pytest.raises(InvalidInput, match="model URI"):
        source.registry.copy("runs:/x/model", to=in_memory())


@pytest.mark.parametrize("form", ["runs:/{run_id}/model", "{root}/model"])
def test_version_that_was_registered_by_address_is_found_in_its_run(form: str) -> None:
    source, target = in_memory(), in_memory()
    run_id = str(trained(source).run_id)
    address = form.format(run_id=run_id, root=source.runs.artifact_uri(run_id))
    source.registry.register("beer", run_id, source=address)
    copied = source.registry.copy("models:/beer/1", to=target)
    assert copied.artifact_path == "model"
    assert target.artifacts(run_id).read("model/data/weights.bin") == BIG


def test_damaged_file_is_not_copied_and_nothing_is_registered() -> None:
    for path, data in (("model/MLmodel", b"evil"), ("model/data/weights.bin", BIG[:-1] + b"x")):
        source, target = in_memory(), in_memory()
        run_id = str(trained(source).run_id)
        source.store.replace(layout.run_artifacts(run_id) + path, data)
        with pytest.raises(Corrupt, match="not what was logged"):
            source.registry.copy("models:/wine/1", to=target)
        check_nothing_there(target, run_id)
        with pytest.raises(NotFound):
            target.store.read(layout.run_artifacts(run_id) + path)


def test_missing_file_is_named_and_nothing_is_registered() -> None:
    source, target = in_memory(), in_memory()
    run_id = str(trained(source).run_id)
    source.store.delete(f"{layout.run_artifacts(run_id)}model/data/weights.bin")
    with pytest.raises(Corrupt, match=r"model/data/weights\.bin"):
        source.registry.copy("models:/wine/1", to=target)
    check_nothing_there(target, run_id)


def test_files_that_were_changed_since_they_were_registered_are_refused() -> None:
    source, target = in_memory(), in_memory()
    run_id = str(trained(source).run_id)
    source.artifacts(run_id).log_text("other", "model/MLmodel")
    with pytest.raises(Corrupt, match="not those that were registered"):
        source.registry.copy("models:/wine/1", to=target)
    check_nothing_there(target, run_id)


def test_registry_without_a_workspace_says_so() -> None:
    from registered import new_store, with_versions

    with pytest.raises(InvalidInput, match="of a workspace"):
        with_versions(new_store(), 1).copy("models:/wine/1", to="memory://x")


def check_nothing_there(target: Workspace, run_id: str) -> None:
    assert target.registry.find("wine") is None
    with pytest.raises(NotFound):
        target.runs.get(run_id)


# -- what dies on the way -------------------------------------------------------------------------


class Killed(BaseException):
    """No `except Exception` sees it, as none sees a kill -9."""


class DyingStore(CountingStore):
    """Dies at the n-th request that changes anything, before or after it took effect, and answers nothing more."""

    def __init__(self, inner: ObjectStore, at: int, *, after: bool) -> None:
        super().__init__(inner)
        self.at, self.after, self.calls = at, after, 0

    def _dying(self, call: Callable[..., Any], *args: Any) -> Any:
        self.calls += 1
        if self.calls > self.at or (self.calls == self.at and not self.after):
            raise Killed
        answer = call(*args)
        if self.calls == self.at:
            raise Killed
        return answer

    def create(self, key: str, data: bytes) -> bool:
        return bool(self._dying(super().create, key, data))

    def replace(self, key: str, data: bytes) -> None:
        self._dying(super().replace, key, data)

    def open(self, key: str, mode: Any) -> Any:
        return self._dying(super().open, key, mode) if mode == "wb" else super().open(key, mode)


@pytest.fixture(scope="module")
def source() -> Workspace:
    workspace = in_memory()
    trained(workspace)
    return workspace


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
def test_kill_at_any_request_leaves_nothing_half_registered(
    source: Workspace, is_after: bool
) -> None:
    whole = in_memory()
    copied = source.registry.copy("models:/wine/1", to=whole)
    expected, run_id = seen(whole), str(copied.run_id)
    outcomes = []
    for at in range(1, 60):
        target = in_memory()
        dying = DyingStore(target.store, at, after=is_after)
        try:
            source.registry.copy("models:/wine/1", to=over(dying))
        except Killed:
            pass
        else:
            break
        # Long after: whoever looks at what is there by now takes it for no run that vanished.
        late = Workspace(
            target.store, Settings(store=target.store.url), FixedClock(target.clock.now_ms() * 2)
        )
        assert seen(late) in ([], expected), f"killed at request {at}"
        outcomes.append(bool(seen(late)))
        if late.store.list(layout.run_log(run_id)):
            assert late.runs.get(run_id).info.status is RunStatus.FINISHED
        if not outcomes[-1]:
            assert not [
                one
                for experiment in late.experiments.list()
                for one in late.search_runs([experiment.experiment_id])
            ] or late.runs.metric_history(run_id, "rmse")
        again = source.registry.copy("models:/wine/1", to=Workspace.open(target.store.url))
        assert seen(target) == expected
        check_same_run(source, Workspace.open(target.store.url), run_id, str(again.run_id))
        assert artifact_bytes(target, run_id) == artifact_bytes(whole, run_id)
        assert target.registry.verify("wine").is_intact
    assert len(outcomes) > 8
    assert outcomes == sorted(outcomes), "it is registered by the last request"


@pytest.mark.parametrize("fault", [Fault.LOST_ANSWER, Fault.LOST_CALL, Fault.REPEATED])
def test_requests_that_fail_leave_the_old_state_or_the_new(source: Workspace, fault: Fault) -> None:
    whole = in_memory()
    source.registry.copy("models:/wine/1", to=whole)
    for at in range(1, 90):
        target = in_memory()
        faulty = FaultyStore(target.store, plan=Plan(at={at: fault}))
        try:
            source.registry.copy("models:/wine/1", to=over(faulty))
        except StorageFailed:
            assert seen(target) in ([], seen(whole))
            source.registry.copy("models:/wine/1", to=target)
        assert seen(target) == seen(whole)
        if faulty.calls < at:
            break
    else:
        raise AssertionError("it never comes to an end")


def test_source_that_can_not_be_read_leaves_nothing_registered(source: Workspace) -> None:
    calls = CountingStore(source.store)
    over(calls).registry.copy("models:/wine/1", to=in_memory())
    for at in range(1, len(calls.total.calls) + 1):
        target = in_memory()
        faulty = FaultyStore(source.store, plan=Plan(at={at: Fault.LOST_CALL}))
        try:
            over(faulty).registry.copy("models:/wine/1", to=target)
        except StorageFailed:
            assert seen(target) == []


def test_interrupted_copy_does_not_send_again_what_has_arrived(source: Workspace) -> None:
    target = in_memory()
    version = source.registry.get_version("wine", 1)
    with pytest.raises(Killed):
        source.registry.copy("models:/wine/1", to=over(DyingStore(target.store, 6, after=True)))
    arrived = [entry.key for entry in target.store.list(layout.run_artifacts(str(version.run_id)))]
    assert arrived
    counting = CountingStore(target.store)
    source.registry.copy("models:/wine/1", to=over(counting))
    sent = {key for verb, key in counting.total.calls if verb in ("replace", "open")}
    written = {key for verb, key in counting.total.calls if verb == "replace"}
    assert not written & set(arrived)
    assert sent


def test_run_that_has_the_id_already_is_left_alone() -> None:
    source, target = in_memory(), in_memory()
    run_id = str(trained(source).run_id)
    with target.runs.create(run_id=run_id, run_name="another") as active:
        active.log_metric("rmse", 99.0)
    copied = source.registry.copy("models:/wine/1", to=target)
    assert copied.run_id != run_id
    assert target.runs.get(run_id).data.metrics == {"rmse": 99.0}
    check_same_run(source, target, run_id, str(copied.run_id))
    assert source.registry.copy("models:/wine/1", to=target) == copied


def test_run_that_changed_between_two_tries_counts_once() -> None:
    source, target = in_memory(), in_memory()
    version = trained(source)
    run_id = str(version.run_id)
    source.copy_run(run_id, target, folder="model")
    source.runs.set_tags(run_id, {"later": "yes"})
    again = source.runs.resume(run_id)
    again.log_metric("rmse", 0.125, step=400, timestamp=9000)
    again.end()
    copied = source.registry.copy("models:/wine/1", to=target)
    check_same_run(source, target, run_id, str(copied.run_id))


def test_what_a_run_printed_goes_with_it(tmp_path: Path) -> None:
    from stageline.domain.events import OutputWritten

    source, target = Workspace.open(tmp_path / "a"), in_memory()
    with source.runs.create() as active:
        run_id = active.run_id
        active.record(OutputWritten(1, "stdout", "hello\n"))
        active.log_metric("m", 1.0)
    source.copy_run(run_id, target)
    assert [one.text for one in target.runs.output(run_id)] == ["hello\n"]
    assert [point.value for point in target.runs.metric_history(run_id, "m")] == [1.0]


def test_racing_copies_make_one_version(source: Workspace) -> None:
    from threading import Thread

    target = in_memory()
    found: list[ModelVersion] = []
    threads = [
        Thread(
            target=lambda: found.append(
                source.registry.copy("models:/wine/1", to=Workspace.open(target.store.url))
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    until(lambda: len(found) == 4, "all copies")
    assert {one.version for one in found} == {1}
    assert len(target.registry.versions("wine")) == 1
    check_same_run(source, target, str(found[0].run_id), str(found[0].run_id))


def test_copying_is_part_of_the_registry() -> None:
    assert issubclass(type(in_memory().registry), Copying)
