"""What was made before, found again by what it was made from: in the store, and so for all machines (design/008)."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from stageline.domain.document import decode_document
from stageline.domain.run import RunStatus
from stageline.errors import Corrupt, InvalidInput, NotFound
from stageline.projects.steps.facts import Facts
from stageline.storage import layout
from stageline.storage.commit import commit

if TYPE_CHECKING:
    from stageline.storage.port import ObjectStore
    from stageline.tracking.reading import StoredRun
    from stageline.tracking.runs import Runs

MADE_FORMAT = "stageline.step/1"

_log = logging.getLogger("stageline")


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A stored document: what one run of a step made, and from what."""

    format: str = MADE_FORMAT
    run_id: str
    step: str
    facts: Facts
    outputs: dict[str, str]
    """File -> SHA-256; they are among the run's artifacts."""


class StepCache:
    """What steps have made. Safe from many threads and many machines.

    Each run that makes something writes a key of its own below the digest of its facts, so no two of them meet: two
    machines that make the same at once are both right, and the newest is found from then on.
    """

    def __init__(self, store: ObjectStore, runs: Runs) -> None:
        self._store = store
        self._runs = runs

    def find(self, facts: Facts) -> Made | None:
        """The newest that still stands: its run finished, was not deleted, and has all the files."""
        key = facts.key
        entries = self._store.list(layout.step_folder(key))
        for entry in sorted((one.key for one in entries), reverse=True):  # run ids sort by time
            made = self._read(entry)
            if made is not None and made.facts.key == key and self._stands(made):
                return made
        return None

    def put(self, made: Made, project: str) -> None:
        """Let it be found. Its run is in the store, and has ended."""
        key = layout.step_made(made.facts.key, made.run_id)
        commit(self._store, key, msgspec.json.encode(made))
        # For people alone: which facts have changed since. The last one stays.
        self._store.replace(layout.step_last(project, made.step), msgspec.json.encode(made))

    def last(self, project: str, step: str) -> Made | None:
        """What the step of this project made last, from whatever."""
        return self._read(layout.step_last(project, step))

    def _read(self, key: str) -> Made | None:
        try:
            return decode_document(self._store.read(key), Made, MADE_FORMAT, key)[0]
        except NotFound:
            return None
        except Corrupt as error:  # what can not be read is made again
            _log.warning("passed by what a step made before: %s", error)
            return None

    def _stands(self, made: Made) -> bool:
        try:
            run: StoredRun = self._runs.stored(made.run_id)
        except (NotFound, Corrupt, InvalidInput):
            return False
        status = run.summary.status
        if run.summary.is_deleted or not status or status.status is not RunStatus.FINISHED:
            return False
        return all(
            path in run.files and run.files[path].sha256 == digest
            for path, digest in made.outputs.items()
        )
