"""The use cases of runs: begin, resume, read, change, delete."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from stageline.domain import events as ev
from stageline.domain import names
from stageline.domain.ids import DEFAULT_EXPERIMENT_ID, new_writer_id
from stageline.domain.run import (
    TAG_RUN_NAME,
    DatasetInput,
    MetricPoint,
    Point,
    Run,
    RunStatus,
)
from stageline.domain.summary import RunSummary, merge
from stageline.domain.summary_json import encode_summary
from stageline.errors import Corrupt, NotAllowed, NotFound
from stageline.storage import layout
from stageline.storage.commit import commit
from stageline.storage.parallel import together
from stageline.storage.segment import SegmentHead, Stretch, encode_segment
from stageline.tracking.opening import RunOpening
from stageline.tracking.reading import StoredRun
from stageline.tracking.reaping import Reaper
from stageline.tracking.texts import fitting_tags

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from stageline.clock import Clock
    from stageline.domain.artifact import StoredFile
    from stageline.settings import Settings
    from stageline.storage.port import ObjectStore
    from stageline.storage.series import Series
    from stageline.tracking.active import ActiveRun
    from stageline.tracking.experiments import Experiments


_log = logging.getLogger("stageline")


class Runs(RunOpening):
    """Runs of one store. Safe from many threads."""

    def __init__(
        self,
        store: ObjectStore,
        experiments: Experiments,
        settings: Settings,
        clock: Clock,
        *,
        spool: Path | None,
    ) -> None:
        super().__init__(store, experiments, settings, clock, spool=spool)
        self.reaper = Reaper(store, settings, clock, self._resolve, self.append_to, spool)
        self.check_deletable: Callable[[str], None] = lambda run_id: None
        """Raises `NotAllowed` for a run that somebody else depends on; the workspace knows who."""

    # -- reading ----------------------------------------------------------------------------------

    def get(self, run_id: str) -> Run:
        """The run, with everything that this process has logged to it. Raises `NotFound`."""
        return self.stored(run_id).summary.to_run(self.artifact_uri(run_id))

    def stored(self, run_id: str) -> StoredRun:
        """The run with its manifest and listing, for what `Run` does not show.

        A run whose process vanished is ended by whoever looks at it. Raises `NotFound`.
        """
        active = self._open.get(names.check_run_id(run_id))
        if active is None:
            found = self._reader.get(run_id)
            return self._reader.get(run_id) if self.reaper.reap(found) else found
        stored = self._reader.find(run_id)
        active.stream.catch_up()
        if stored is None:
            return StoredRun(active.stream.summary, dict(active.stream.files), {}, [], {}, {})
        return stored._replace(
            summary=merge(stored.summary, active.stream.summary),
            files={**stored.files, **active.stream.files},
        )

    def metric_history(self, run_id: str, key: str) -> list[MetricPoint]:
        """All points of a metric, by attempt and step. Empty if the run has no such metric. Raises `NotFound`."""
        self._publish_own(run_id)
        stored = self._reader.get(run_id)
        return self._reader.series(stored, key)

    def attempt_histories(self, run_id: str, key: str) -> dict[int, list[MetricPoint]]:
        """The points of a metric, apart by attempt."""
        self._publish_own(run_id)
        return self._reader.attempt_series(self._reader.get(run_id), key)

    def metric_columns(self, run_id: str, keys: Collection[str]) -> dict[str, dict[int, Series]]:
        """The points of several metrics as columns, by attempt; for those who would not hold a million objects.

        A key that the run has no points of is there, empty. Raises `NotFound` for the run.
        """
        self._publish_own(run_id)
        return self._reader.columns(self._reader.get(run_id), keys)

    def output(self, run_id: str) -> Iterator[ev.OutputWritten]:
        """What the run printed, if that was captured."""
        self._publish_own(run_id)
        return self._reader.output(self._reader.get(run_id))

    def files(self, run_id: str) -> dict[str, StoredFile]:
        """The manifest of the run's artifacts: path to sha256 and size.

        Of a run that this process writes, what this process knows of: no request, and no need of a store.
        """
        active = self._open.get(run_id)
        files = active.known_files() if active is not None else self.stored(run_id).files
        return {path: file for path, file in files.items() if file.sha256 is not None}

    def summaries(self, experiment_id: str) -> list[RunSummary]:
        """Every run of the experiment, read from the runs themselves: what the index is rebuilt from."""
        folders = self._store.list(layout.RUNS, deep=False)
        ids = [entry.key[len(layout.RUNS) :].rstrip("/") for entry in folders]
        found = together(self._readable, ids)
        return [
            run.summary
            for run in found
            if run is not None and run.summary.experiment_id == experiment_id
        ]

    def _readable(self, run_id: str) -> StoredRun | None:
        try:
            return self._reader.find(run_id)
        except (Corrupt, NotAllowed) as error:  # one bad run must not hide all others from search
            _log.warning("run %s is left out of searches: %s", run_id, error)
            return None

    def _publish_own(self, run_id: str) -> None:
        active = self._open.get(run_id)
        if active is not None and not active.stream.lies_in_store:
            active.stream.ship()

    # -- changing ---------------------------------------------------------------------------------

    def set_tags(self, run_id: str, tags: Mapping[str, Any]) -> None:
        """Set tags of a run, open or not. Raises `NotFound`, `NotAllowed` if it is deleted."""
        given: dict[str, str | None] = {**fitting_tags(tags)}
        self._edit(run_id, ev.TagsSet(self._clock.stamp(), given))

    def delete_tag(self, run_id: str, key: str) -> None:
        """Remove a tag. Raises `NotFound` for the run or the tag."""
        names.check_key("tag", key)
        if self.stored(run_id).summary.tags.get(key, (0, None))[1] is None:
            raise NotFound(f"No tag with name: {key} in run with id {run_id}")
        self._edit(run_id, ev.TagsSet(self._clock.stamp(), {key: None}))

    def rename(self, run_id: str, run_name: str) -> None:
        """Give the run another name."""
        self.set_tags(run_id, {TAG_RUN_NAME: run_name})

    def log_batch(
        self,
        run_id: str,
        metrics: Iterable[Point] = (),
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Log to a run by its id; it stays open in this process until `update` or `close` ends it."""
        self.opened(run_id).log_batch(metrics, params, tags)

    def log_inputs(self, run_id: str, inputs: Iterable[DatasetInput]) -> None:
        """Say by the run's id which data it reads."""
        self.opened(run_id).log_inputs(inputs)

    def set_status(
        self, run_id: str, status: RunStatus, reason: str | None = None, end_time: int | None = None
    ) -> None:
        """Set the status of a run by its id; one that this process has open is ended with it."""
        active = self._open.get(run_id)
        if active is not None and status.is_terminal:
            active.end(status, reason)
            return
        ended = end_time or self._clock.now_ms() if status.is_terminal else None
        self._edit(run_id, ev.StatusSet(self._clock.stamp(), status, ended, reason))

    def delete(self, run_id: str) -> None:
        """Put a run aside: it can be restored until it is collected.

        Raises:
            NotAllowed: a version of a registered model came from it and is in a protected stage.
            NotFound: there is no such run.
        """
        self.check_deletable(names.check_run_id(run_id))
        self._set_deleted(run_id, is_deleted=True)

    def restore(self, run_id: str) -> None:
        """Take a deleted run back. Raises `NotFound`, also if it was collected meanwhile."""
        # Late: few processes restore anything, and all that log would pay for it.
        from stageline.tracking.verdicts import Verdicts

        verdicts = Verdicts(self._store, self._reader, names.check_run_id(run_id), self._clock)
        too_late = f"run {run_id} was collected before it could be restored"
        if verdicts.is_condemned():
            raise NotFound(too_late)
        stamp, written = self._set_deleted(run_id, is_deleted=False)
        if not verdicts.keep(stamp):
            for key in written:
                self._store.delete(key)
            raise NotFound(too_late)

    def note_files(self, run_id: str, files: Mapping[str, tuple[str, int] | None]) -> None:
        """Put stored files into the manifest of a run, open or not."""
        if files:
            self._edit(run_id, ev.ArtifactsStored(self._clock.stamp(), dict(files)))

    def close(self) -> None:
        """Leave every run that this process opened by id, without ending it."""
        for active in self.open_runs():
            active.leave()

    def opened(self, run_id: str) -> ActiveRun:
        """The run's handle in this process, which does not own its end unless it began the run. Raises `NotFound`."""
        active = self.find_open(run_id)
        return active if active is not None else self.resume(run_id, owns_end=False)

    def _edit(self, run_id: str, event: ev.Event) -> None:
        """One record: of the run's writer if this process has it open, else of a writer that says nothing else."""
        active = self._open.get(names.check_run_id(run_id))
        if active is not None:
            active.record(event)
            return
        stored = self.stored(run_id)
        self._refuse_deleted(stored)
        self.append_to(stored, event)

    def _set_deleted(self, run_id: str, *, is_deleted: bool) -> tuple[int, list[str]]:
        """Record that the run is deleted, or is not: with which stamp, and as which objects."""
        active, stamp = self._open.get(names.check_run_id(run_id)), self._clock.stamp()
        if active is not None:
            active.record(ev.DeletionSet(stamp, is_deleted))
            return stamp, []
        try:
            stored = self.stored(run_id)
        except Corrupt:
            stored = self._reader.claim(run_id)  # a run that can not be read can still be put aside
        if stored.summary.deletion is not None:  # by a host whose clock may be ahead of ours
            stamp = max(stamp, stored.summary.deletion[0] + 1)
        return stamp, self.append_to(stored, ev.DeletionSet(stamp, is_deleted))

    def append_to(self, stored: StoredRun, event: Any) -> list[str]:
        """Write one record to a run that was read, as a writer of its own. Two puts, of the keys that are returned."""
        run_id, writer = stored.summary.run_id, new_writer_id()
        stretch = Stretch()
        stretch.take(ev.encode_event(event), event)
        head = SegmentHead(run_id=run_id, writer=writer, attempt=1, number=1, start=0, end=1)
        segment = layout.run_segment(run_id, writer, 1)
        commit(self._store, segment, encode_segment(head, stretch), clock=self._clock)
        change = stored.summary.copy()
        change.apply(event)
        experiment_id = stored.summary.experiment_id or DEFAULT_EXPERIMENT_ID
        inbox = layout.inbox_final(experiment_id, run_id, writer)
        self._store.replace(inbox, encode_summary(change))
        return [segment, inbox]
