"""A run from one store into another: its files, its whole history of metrics, and what it says of itself.

Whatever is written has a key and content that follow from the run alone, so a copy that was interrupted goes on where
it stopped, and two that race write the same. The order is: files, records, what sums them up, the claim of the id,
and last the index: until then no search finds the run, and at no moment does it look like one that is running.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from stageline.domain import events as ev
from stageline.domain.artifact import RunEnd, StoredFile
from stageline.domain.ids import DEFAULT_EXPERIMENT_ID, derive_run_id
from stageline.domain.run_start import RunStart
from stageline.domain.summary import RunSummary
from stageline.domain.summary_json import encode_json, encode_summary
from stageline.errors import NotAllowed
from stageline.storage import layout
from stageline.storage.commit import commit
from stageline.storage.probe import ensure_format
from stageline.storage.segment import Segment, SegmentHead, Stretch, encode_segment
from stageline.tracking.copying_files import copy_files
from stageline.tracking.reading import RunReader

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stageline.clock import Clock
    from stageline.storage.port import ObjectStore
    from stageline.storage.transfer import Progress
    from stageline.tracking.experiments import Experiments
    from stageline.tracking.reading import StoredRun
    from stageline.tracking.runs import Runs

TAG_COPIED_FROM = "stageline.copied_from"
"""The URL of the store that a run came from, without credentials."""
TAG_COPIED_RUN = "stageline.copied_from.run_id"


class Side(NamedTuple):
    """One end of a copy."""

    store: ObjectStore
    runs: Runs
    experiments: Experiments
    clock: Clock


def copy_run(
    source: Side,
    target: Side,
    run_id: str,
    *,
    folder: str | None = None,
    progress: Progress | None = None,
) -> str:
    """Copy a run that has ended; its id there, which is the same unless another run has it.

    Args:
        source: Where the run is.
        target: Where it goes, into the experiment of the same name.
        run_id: The run.
        folder: The artifacts to take: those at or under this path; all if None.
        progress: Called with the number of bytes of artifacts that have passed since its last call.

    Raises:
        NotFound: there is no such run.
        NotAllowed: it is running, or deleted.
        Corrupt: a file is not what was logged; what was copied by then stays, and no search finds it.
    """
    stored = source.runs.stored(run_id)
    _check_copyable(stored)
    return _Copy(source, target, stored).make(folder, progress)


class _Copy:
    def __init__(self, source: Side, target: Side, stored: StoredRun) -> None:
        self._source = source
        self._target = target
        self._stored = stored
        self._origin = (source.store.url, stored.summary.run_id)
        self._lead = self._writer("lead")
        self._run_id = self._free_id()
        self._written: set[str] = set()

    def make(self, folder: str | None, progress: Progress | None) -> str:
        """Copy all of it."""
        ensure_format(self._target.store, self._target.clock)
        here, there = self._source.store, self._target.store
        files = copy_files(
            here, there, self._stored, self._run_id, folder=folder, progress=progress
        )
        summary = self._summary()
        self._write_lead(summary)
        ends = [
            self._files_end(folder, files),
            *self._copy_records(),
            self._end(self._lead, summary=summary, segments=1),
        ]
        for end in ends:
            self._put(
                layout.run_end(self._run_id, end.writer), encode_json(end, end.summary.metrics)
            )
        self._drop_leftovers(ends)
        self._claim(summary)
        self._target.store.replace(
            layout.inbox_final(summary.experiment_id or "", self._run_id, self._lead),
            encode_summary(summary),
        )
        return self._run_id

    def _writer(self, *parts: str) -> str:
        """The id of a writer: the same for the same part of the same run, whoever copies it and how often."""
        text = "\n".join(("stageline.copy/1", *self._origin, *parts))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    # -- which id ---------------------------------------------------------------------------------

    def _free_id(self) -> str:
        """The run's own id, so that what its files say of it stays true; another one where that is taken."""
        for candidate in (self._origin[1], derive_run_id("copy", *self._origin)):
            entries = self._target.store.list(layout.run_log(candidate))
            prefix = f"{layout.run_log(candidate)}{self._lead}"
            if not entries or any(entry.key.startswith(prefix) for entry in entries):
                return candidate
        raise NotAllowed(
            f"run {self._origin[1]} can not be copied to {self._target.store.url}: both its id and the one that a copy "
            "would have are taken there"
        )

    # -- records ----------------------------------------------------------------------------------

    def _summary(self) -> RunSummary:
        """What the run says of itself, in the experiment of the same name there, and where it came from."""
        summary = self._stored.summary.copy()
        stamp, experiment_id = summary.experiment or (0, DEFAULT_EXPERIMENT_ID)
        name = self._source.experiments.get(experiment_id).name
        summary.experiment = (stamp, self._target.experiments.get_or_create(name).experiment_id)
        told = max(
            (
                summary.tags[key][0]
                for key in (TAG_COPIED_FROM, TAG_COPIED_RUN)
                if key in summary.tags
            ),
            default=stamp,
        )
        summary.apply(
            ev.TagsSet(
                told + 1,
                {
                    TAG_COPIED_FROM: self._source.store.url,
                    TAG_COPIED_RUN: self._stored.summary.run_id,
                },
            )
        )
        return msgspec.structs.replace(summary, run_id=self._run_id)

    def _write_lead(self, summary: RunSummary) -> None:
        """The first record: whoever looks from now on sees a run that has ended."""
        stretch = Stretch()
        if summary.status is not None:
            event = ev.StatusSet(*summary.status)
            stretch.take(ev.encode_event(event), event)
        self._put_segment(Segment(self._head(self._lead, 1, 1), [], {}), stretch)

    def _files_end(self, folder: str | None, files: dict[str, StoredFile]) -> RunEnd:
        """A writer for each folder, or a copy of another one of the same run would make this one's forgotten."""
        return self._end(self._writer("files", folder or ""), files=files)

    def _end(self, writer: str, **what: Any) -> RunEnd:
        given = {"segments": 0, "series": {}, "summary": RunSummary(self._run_id), "files": {}}
        return RunEnd(writer=writer, **{**given, **what})

    def _copy_records(self) -> list[RunEnd]:
        """Metrics and output, one stretch in memory at a time; a writer for each attempt, since a segment has one."""
        ends: dict[int, RunEnd] = {}
        for segment in self._stretches():
            printed = [one for one in segment.events if isinstance(one, ev.OutputWritten)]
            if not segment.columns and not printed:
                continue
            attempt = segment.head.attempt
            writer = self._writer("attempt", str(attempt))
            end = ends.setdefault(attempt, self._end(writer, attempt=attempt))
            end.segments += 1
            end.has_output = end.has_output or bool(printed)
            for metric in segment.columns:
                end.series.setdefault(metric, []).append(end.segments)
            stretch = Stretch()
            for event in printed:
                stretch.take(ev.encode_event(event), event)
            stretch.columns.update(segment.columns)
            self._put_segment(
                segment._replace(head=self._head(writer, attempt, end.segments)), stretch
            )
        return list(ends.values())

    def _stretches(self) -> Iterator[Segment]:
        return RunReader(self._source.store).stretches(self._stored)

    def _head(self, writer: str, attempt: int, number: int) -> SegmentHead:
        # Where the stretch lay in a log that is not copied says nothing: each begins where the one before ended.
        return SegmentHead(
            run_id=self._run_id,
            writer=writer,
            attempt=attempt,
            number=number,
            start=number - 1,
            end=number,
        )

    def _put_segment(self, segment: Segment, stretch: Stretch) -> None:
        head = segment.head
        key = layout.run_segment(self._run_id, head.writer, head.number)
        self._put(key, encode_segment(head, stretch))

    def _put(self, key: str, data: bytes) -> None:
        self._target.store.replace(key, data)
        self._written.add(key)

    def _drop_leftovers(self, ends: list[RunEnd]) -> None:
        """What an earlier try wrote of a run that has changed since, or it would count twice."""
        writers = {end.writer for end in ends}
        for entry in self._target.store.list(layout.run_log(self._run_id)):
            writer = entry.key.rpartition("/")[2].partition(".")[0].partition("-")[0]
            if writer in writers and entry.key not in self._written:
                self._target.store.delete(entry.key)

    def _claim(self, summary: RunSummary) -> None:
        began, stamp = summary.started or (0, 0)
        start = RunStart(
            writer=self._lead,
            run_id=self._run_id,
            experiment_id=summary.experiment_id or "",
            start_time=began,
            stamp=stamp,
            tags={},
        )
        # An earlier try may have claimed it: for the same run, since the writer's records are there.
        commit(
            self._target.store,
            layout.run_start(self._run_id),
            msgspec.json.encode(start),
            clock=self._target.clock,
        )


def _check_copyable(stored: StoredRun) -> None:
    run_id = stored.summary.run_id
    if stored.summary.is_deleted:
        raise NotAllowed(
            f"run {run_id} is deleted: restore it with `stageline runs restore {run_id}`, then copy it"
        )
    if stored.summary.is_running:
        raise NotAllowed(
            f"run {run_id} is running, so what it has logged is not all there is: copy it once it has ended"
        )
