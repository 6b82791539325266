"""The journals of experiments, one each, and of their names, one for each name (docs/design/001)."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stageline.domain.document import decode_document, encode_document
from stageline.domain.experiment import (
    EXPERIMENT_FORMAT,
    NAME_CLAIM_FORMAT,
    Experiment,
    ExperimentEntry,
    NameClaim,
    default_experiment,
)
from stageline.domain.ids import DEFAULT_EXPERIMENT_ID, DEFAULT_EXPERIMENT_NAME, new_txn
from stageline.errors import NotFound
from stageline.storage import layout
from stageline.storage.journal import Journal
from stageline.storage.probe import ensure_format

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.clock import Clock
    from stageline.domain.run import LifecycleStage
    from stageline.storage.port import ObjectStore


class NewestEntry(NamedTuple):
    """The newest entry of an experiment's journal."""

    state: Experiment
    """With the name that it really holds."""
    number: int
    entry: ExperimentEntry | None
    """None: the default experiment, of which nothing has been written."""
    raw: dict[str, Any] | None


class ExperimentJournals:
    """The half of `Experiments` that reads and writes journals, and decides nothing."""

    def __init__(self, store: ObjectStore, clock: Clock, actor: str) -> None:
        self._store = store
        self._clock = clock
        self._actor = actor
        self._journals: dict[str, Journal] = {}
        self._seen: dict[str, tuple[LifecycleStage, int]] = {}
        self._ids: dict[str, tuple[str, int]] = {}
        self._creators: dict[str, str | None] = {}

    def _journal(self, prefix: str) -> Journal:
        return self._journals.setdefault(prefix, Journal(self._store, prefix, clock=self._clock))

    def _entry(self, experiment_id: str, *, for_sure: bool = False) -> NewestEntry:
        journal = self._journal(layout.experiment_journal(experiment_id))
        latest = (None if for_sure else journal.latest()) or journal.latest_for_sure()
        if latest is None:
            if experiment_id == DEFAULT_EXPERIMENT_ID:
                return NewestEntry(default_experiment(), 0, None, None)
            raise NotFound(f"No Experiment with id={experiment_id} exists")
        entry, raw = decoded_entry(latest.data, experiment_id)
        self._saw(entry.state)
        return NewestEntry(self._effective(entry), latest.number, entry, raw)

    def _first_actor(self, experiment_id: str) -> str | None:
        try:
            data = self._journal(layout.experiment_journal(experiment_id)).read(1)
        except NotFound:
            return None
        entry, _ = decoded_entry(data, experiment_id)
        return entry.actor if entry.action == "created" else None

    def _saw(self, state: Experiment) -> None:
        self._seen[state.experiment_id] = state.lifecycle_stage, self._clock.now_ms()
        for name, (experiment_id, _) in list(self._ids.items()):
            if experiment_id == state.experiment_id:
                self._ids.pop(name, None)

    def _newest(self, prefix: str) -> dict[str, int]:
        """The number of the newest entry of each journal under `prefix`."""
        newest: dict[str, int] = {}
        for entry in self._store.list(prefix):
            folder = entry.key.rpartition("/")[0] + "/"
            # What is no entry, such as a desktop's .DS_Store, is none of ours.
            with suppress(ValueError):
                newest[folder] = max(newest.get(folder, 0), layout.revision_number(entry.key))
        return newest

    def _visible(self, folder: str, number: int, claims: Mapping[str, int]) -> Experiment | None:
        """The state as of entry `number`; None if the experiment never got its name, or was just collected."""
        if number == 0:
            return default_experiment()
        try:
            entry, _ = decoded_entry(self._journal(folder).read(number), folder)
        except NotFound:
            return None
        state = entry.state

        def holds(name: str) -> bool:
            journal = layout.experiment_name_journal(name)
            if journal not in claims:
                return (
                    name == DEFAULT_EXPERIMENT_NAME and state.experiment_id == DEFAULT_EXPERIMENT_ID
                )
            return (
                _name_claim(self._journal(journal).read(claims[journal]), name).experiment_id
                == state.experiment_id
            )

        if holds(state.name):
            return state
        if entry.previous_name is not None and holds(entry.previous_name):
            return msgspec.structs.replace(state, name=entry.previous_name)
        return None

    def _effective(self, entry: ExperimentEntry) -> Experiment:
        """The state, with the name that it really holds: a rename counts once its claim stands."""
        state = entry.state
        if entry.previous_name is None or self._claimant(state.name) == state.experiment_id:
            return state
        return msgspec.structs.replace(state, name=entry.previous_name)

    def _write(
        self,
        state: Experiment,
        number: int,
        action: str,
        previous_name: str | None,
        raw: dict[str, Any] | None,
    ) -> bool:
        ensure_format(self._store, self._clock)
        entry = ExperimentEntry(
            txn=new_txn(),
            time=self._clock.now_ms(),
            actor=self._actor,
            action=action,
            previous_name=previous_name,
            state=state,
        )
        journal = self._journal(layout.experiment_journal(state.experiment_id))
        is_written = journal.append(number, encode_document(entry, raw))
        if is_written:
            self._saw(state)
        return is_written

    def _claimant(self, name: str, *, for_sure: bool = False) -> str | None:
        journal = self._journal(layout.experiment_name_journal(name))
        latest = journal.latest_for_sure() if for_sure else journal.latest()
        return None if latest is None else _name_claim(latest.data, name).experiment_id


def decoded_entry(data: bytes, where: str) -> tuple[ExperimentEntry, dict[str, Any]]:
    return decode_document(
        data, ExperimentEntry, EXPERIMENT_FORMAT, f"the journal of experiment {where}"
    )


def _name_claim(data: bytes, name: str) -> NameClaim:
    return decode_document(data, NameClaim, NAME_CLAIM_FORMAT, f"the claim of the name {name!r}")[0]
