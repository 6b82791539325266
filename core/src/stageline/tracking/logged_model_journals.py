"""The journals of logged models, one each; decides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from stageline.domain import names
from stageline.domain.document import decode_document, encode_document
from stageline.domain.ids import new_txn
from stageline.domain.logged_model import LOGGED_MODEL_FORMAT, LoggedModel, LoggedModelEntry
from stageline.errors import Conflict, NotFound
from stageline.storage import layout
from stageline.storage.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore

TURNS = 50
"""A writer that loses so many races in a row is told so."""


class LoggedModelJournals:
    """The half of `LoggedModels` that reads and writes journals."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._journals: dict[str, Journal] = {}

    def _journal(self, model_id: str) -> Journal:
        prefix = layout.logged_model_journal(names.check_run_id(model_id))
        return self._journals.setdefault(model_id, Journal(self._store, prefix, clock=self._clock))

    def _find(self, model_id: str) -> LoggedModel | None:
        latest = self._journal(model_id).latest()
        return None if latest is None else _decoded(latest.data, model_id)[0]

    def _state(self, model_id: str) -> LoggedModel:
        found = self._find(model_id)
        if found is None:
            raise NotFound(f"Logged model with ID '{model_id}' not found")
        return found

    def _change(self, model_id: str, **changes: Any) -> LoggedModel:
        return self._edit(model_id, lambda _: changes)

    def _edit(
        self, model_id: str, change: Callable[[LoggedModel], Mapping[str, Any]]
    ) -> LoggedModel:
        for _ in range(TURNS):
            latest = self._journal(model_id).latest()
            if latest is None:
                raise NotFound(f"Logged model with ID '{model_id}' not found")
            state, raw = _decoded(latest.data, model_id)
            changed = msgspec.structs.replace(
                state, **{"last_updated_timestamp": self._clock.now_ms(), **change(state)}
            )
            if self._write(changed, latest.number + 1, raw):
                return changed
        raise Conflict(f"the model {model_id} is being changed by too many at once; try again")

    def _write(self, state: LoggedModel, number: int, raw: dict[str, Any] | None = None) -> bool:
        entry = LoggedModelEntry(
            txn=new_txn(),
            time=self._clock.now_ms(),
            state=msgspec.structs.replace(state, metrics=()),
        )
        return self._journal(state.model_id).append(number, encode_document(entry, raw))


def _decoded(data: bytes, model_id: str) -> tuple[LoggedModel, dict[str, Any]]:
    entry, raw = decode_document(
        data, LoggedModelEntry, LOGGED_MODEL_FORMAT, f"the journal of the logged model {model_id}"
    )
    return entry.state, raw
