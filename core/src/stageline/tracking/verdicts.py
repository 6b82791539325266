"""Who has the last word on a deleted run: whoever restores it, or the collector that removes it for good.

Both write it into one numbered journal in the run's folder, which the other reads entry by entry and never by a
listing. So exactly one of them wins, whatever a listing hides of what the run's writers say.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stageline.domain.document import decode_document, encode_document
from stageline.domain.ids import new_txn
from stageline.errors import NotFound
from stageline.storage import layout
from stageline.storage.journal import Journal

if TYPE_CHECKING:
    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore
    from stageline.tracking.reading import RunReader

VERDICT_FORMAT = "stageline.verdict/1"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Entry of the journal: the run stays, or it goes."""

    format: str = VERDICT_FORMAT
    txn: str
    claim: str
    """Writer that claimed the run's id: another run may claim it once this one is gone, and is not spoken of here."""
    kept: int = 0
    """Stamp of the restoring: what was deleted later is not kept by it. 0: the run goes."""


class Verdicts:
    """The journal of one run. Most runs have none: asking costs one read, of an entry that is not there."""

    def __init__(self, store: ObjectStore, reader: RunReader, run_id: str, clock: Clock) -> None:
        self._reader = reader
        self._run_id = run_id
        self._journal = Journal(store, layout.run_verdicts(run_id), clock=clock)

    def is_condemned(self) -> bool:
        """Whether the run is being removed."""
        return _condemns(self._newest()[1], self.claim())

    def keep(self, stamp: int) -> bool:
        """Say that the run was restored, by a record of `stamp`. False: it is being removed, or is gone."""
        claim = self.claim()
        while claim is not None:
            number, newest = self._newest()
            if _condemns(newest, claim):
                return False
            if self._say(number + 1, Verdict(txn=new_txn(), claim=claim, kept=stamp)):
                # A collector that had condemned it takes its verdicts away last, after the claim.
                return self.claim() == claim
        return False

    def condemn(self, deleted_at: int) -> bool:
        """Say that the run goes. False: it was restored after `deleted_at`, the stamp of its deletion."""
        claim = self.claim()
        while True:
            number, newest = self._newest()
            if _condemns(newest, claim):
                return True
            if newest is not None and newest.claim == claim and newest.kept > deleted_at:
                return False
            if self._say(number + 1, Verdict(txn=new_txn(), claim=claim or "")):
                return True

    def claim(self) -> str | None:
        """The writer that claimed the run's id; None if nobody does."""
        try:
            return self._reader.start_writer(self._run_id)
        except NotFound:
            return None

    def _newest(self) -> tuple[int, Verdict | None]:
        number, newest = 0, None
        while True:
            try:
                data = self._journal.read(number + 1)
            except NotFound:
                return number, newest
            number += 1
            newest, _ = decode_document(
                data, Verdict, VERDICT_FORMAT, f"verdict {number} on run {self._run_id}"
            )

    def _say(self, number: int, verdict: Verdict) -> bool:
        return self._journal.append(number, encode_document(verdict))


def _condemns(verdict: Verdict | None, claim: str | None) -> bool:
    return verdict is not None and not verdict.kept and claim in (None, verdict.claim)
