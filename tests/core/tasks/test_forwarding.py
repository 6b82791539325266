"""Telling of transitions: in order, from where the last teller stopped, and to listeners of the same process."""

from __future__ import annotations

import logging

import pytest
from orchestra import Orchestra

from stageline.registry import announcing
from stageline.tasks import TransitionEvent, forward_transitions, on_transition


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[TransitionEvent]:
    """What the listeners of this process are told."""
    monkeypatch.setattr(announcing, "_listeners", [])
    return []


def promote(orchestra: Orchestra, *stages: str, name: str = "wine") -> None:
    registry = orchestra.workspace.registry
    if name not in {one.name for one in registry.search_registered_models()}:
        registry.create_registered_model(name)
    for stage in stages:
        version = registry.register(name, source="s3://b/m").version
        registry.transition(name, version, stage, archive_existing=True)


def stages_of(events: list[TransitionEvent]) -> list[tuple[int, str]]:
    return [(one.version, one.to_stage) for one in events]


def test_each_call_tells_what_is_new_and_the_first_only_notes_where_to_begin(orchestra: Orchestra):
    promote(orchestra, "Staging")
    sent: list[TransitionEvent] = []
    assert forward_transitions(orchestra.workspace, "prefect", sent.extend) == 0
    promote(orchestra, "Production", "Production")
    # As another process on another host does.
    other = Orchestra(orchestra.folder)
    assert forward_transitions(other.workspace, "prefect", sent.extend) == 3
    assert stages_of(sent)[0] == (2, "Production")
    assert set(stages_of(sent)[1:]) == {(2, "Archived"), (3, "Production")}
    assert forward_transitions(orchestra.workspace, "prefect", sent.extend) == 0


def test_from_start_and_by_portions_nothing_is_left_out(orchestra: Orchestra):
    promote(orchestra, "Staging", "Staging", "Staging")
    promote(orchestra, "Production", name="beer")
    sent: list[TransitionEvent] = []
    while forward_transitions(orchestra.workspace, "x", sent.extend, from_start=True, limit=1):
        pass
    of_wine = [one.entry for one in sent if one.name == "wine"]
    assert of_wine == sorted(of_wine)
    assert {one.name for one in sent} == {"wine", "beer"}
    assert len({(one.txn, one.version) for one in sent}) == len(sent) == 6


def test_what_could_not_be_sent_is_sent_by_the_next(orchestra: Orchestra):
    forward_transitions(orchestra.workspace, "prefect", print)
    promote(orchestra, "Staging")

    def refuse(_: list[TransitionEvent]) -> None:
        raise ConnectionError("away")

    with pytest.raises(ConnectionError):
        forward_transitions(orchestra.workspace, "prefect", refuse)
    sent: list[TransitionEvent] = []
    forward_transitions(orchestra.workspace, "prefect", sent.extend)
    assert stages_of(sent) == [(1, "Staging")]


def test_who_is_told_by_one_is_not_told_by_another(orchestra: Orchestra):
    sent: list[TransitionEvent] = []
    forward_transitions(orchestra.workspace, "prefect", sent.extend)
    promote(orchestra, "Staging")
    forward_transitions(orchestra.workspace, "prefect", sent.extend)
    forward_transitions(orchestra.workspace, "a/b", sent.extend, from_start=True)
    assert stages_of(sent) == [(1, "Staging"), (1, "Staging")]
    assert sent[0] == sent[1]


def test_a_listener_is_told_once_and_its_error_is_not_the_transitions(
    orchestra: Orchestra, told: list[TransitionEvent], caplog: pytest.LogCaptureFixture
):
    def fail(_: TransitionEvent) -> None:
        raise ValueError("no feed")

    listener = told.append
    for one in (listener, fail, listener):
        on_transition(one)
    with caplog.at_level(logging.WARNING, "stageline"):
        promote(orchestra, "Staging")
    assert stages_of(told) == [(1, "Staging")]
    assert told == orchestra.workspace.registry.follow().events
    assert "no feed" in caplog.text
