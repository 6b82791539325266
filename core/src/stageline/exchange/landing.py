"""A run of another tracker, written into a store: its files, its whole history, what it says of itself.

As a copy between stores (`tracking.copying`): what is written has keys that follow from the run alone, so an import
that was interrupted goes on where it stopped, and the claim and the index come last, so no search finds half a run.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.domain import events as ev
from stageline.domain.artifact import RunEnd, StoredFile
from stageline.domain.run import TAG_RUN_NAME, TAG_USER, MetricPoint, RunStatus
from stageline.domain.run_start import RunStart
from stageline.domain.summary import LastPoint, RunSummary, StatusAt
from stageline.domain.summary_json import encode_json, encode_summary
from stageline.errors import AlreadyExists, Corrupt, NotFound
from stageline.exchange.fingerprint import fingerprint
from stageline.exchange.landing_files import send_files
from stageline.storage import layout
from stageline.storage.commit import commit
from stageline.storage.probe import ensure_format
from stageline.storage.segment import SegmentHead, Stretch, encode_segment
from stageline.storage.series import Series
from stageline.tracking.reading import RunReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stageline.exchange.belongings import SourceFiles, SourceRun
    from stageline.storage.transfer import Progress
    from stageline.workspace import Workspace

TAG_FINGERPRINT = "stageline.imported.digest"
"""What the run was when it was imported: the same again need not be read."""
STILL_RUNNING = "it was running when it was imported"
POINTS_IN_SEGMENT = 500_000


class Landed(NamedTuple):
    """What came of a run."""

    is_new: bool
    points: int
    files: int


class RunLanding:
    """One run on its way in."""

    def __init__(self, workspace: Workspace, run: SourceRun, experiment_id: str) -> None:
        self._workspace = workspace
        self._store = workspace.store
        self._run = run
        self._experiment_id = experiment_id
        self._print = fingerprint(run.params, run.tags, run.metrics)
        self._lead, self._points = self._writer("lead"), self._writer("points")
        # Later than any earlier import of the same run, which had not ended then.
        self._stamp = max(run.start_time, run.end_time or 0) * 1_000_000

    def land(self, files: Mapping[str, SourceFiles], progress: Progress) -> Landed:
        """Write what is not there yet. `files` are by the folder among the run's artifacts where they go.

        Raises:
            AlreadyExists: another run of this store has the id.
            Corrupt: what was stored is not what was read.
        """
        points = sum(map(len, self._run.metrics.values()))
        if self._is_there():
            return Landed(False, points, 0)
        ensure_format(self._store, self._workspace.clock)
        manifest = send_files(self._store, self._run.run_id, self._stamp, files, progress)
        summary = self._summary()
        self._put_segment(self._lead, 1, Stretch())
        series = self._send_points()
        ends = [
            self._end(self._writer("files"), files=manifest),
            self._end(
                self._points, segments=max(map(max, series.values()), default=0), series=series
            ),
            self._end(self._lead, summary=summary, segments=1),
        ]
        for end in ends:
            key = layout.run_end(self._run.run_id, end.writer)
            self._store.replace(key, encode_json(end, end.summary.metrics))
        self._verify(manifest)
        self._claim(summary)
        self._store.replace(
            layout.inbox_final(self._experiment_id, self._run.run_id, self._lead),
            encode_summary(summary),
        )
        return Landed(True, points, len(manifest))

    def _writer(self, part: str) -> str:
        text = "\n".join(("stageline.import/1", self._run.run_id, part))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _is_there(self) -> bool:
        entries = self._store.list(layout.run_log(self._run.run_id))
        if not entries:
            return False
        if not any(self._lead in entry.key for entry in entries):
            raise AlreadyExists(
                f"the id {self._run.run_id} is that of a run of {self._store.url} that was not imported: delete it "
                "there for good (`stageline runs delete`, `stageline gc`), or import into another store"
            )
        if not any(entry.key == layout.run_start(self._run.run_id) for entry in entries):
            return False
        try:
            stored = self._workspace.runs.stored(self._run.run_id)
        except (NotFound, Corrupt):  # half of it: the rest follows
            return False
        return stored.summary.tags.get(TAG_FINGERPRINT, (0, ""))[1] == self._print

    # -- records ----------------------------------------------------------------------------------

    def _summary(self) -> RunSummary:
        run, stamp = self._run, self._stamp
        tags = {TAG_FINGERPRINT: self._print, **run.tags}
        tags.setdefault(TAG_RUN_NAME, run.name)
        if run.user_id:
            tags.setdefault(TAG_USER, run.user_id)
        return RunSummary(
            run_id=run.run_id,
            started=(run.start_time, run.start_time * 1_000_000),
            experiment=(run.start_time * 1_000_000, self._experiment_id),
            status=self._status(),
            deletion=(stamp, run.is_deleted),
            params={key: (stamp, value) for key, value in run.params.items()},
            tags={key: (stamp, value) for key, value in tags.items()},
            metrics={
                key: LastPoint(1, *series.last())
                for key, series in run.metrics.items()
                if len(series)
            },
            inputs={given.key: (stamp, given) for given in run.inputs},
        )

    def _status(self) -> StatusAt:
        run = self._run
        is_open = run.status is RunStatus.RUNNING
        return StatusAt(
            self._stamp,
            RunStatus.KILLED if is_open else run.status,
            (run.end_time or run.start_time) if is_open or run.status.is_terminal else None,
            STILL_RUNNING if is_open else None,
        )

    def _send_points(self) -> dict[str, list[int]]:
        """The numbers of the segments that hold each metric."""
        series: dict[str, list[int]] = {}
        for number, columns in enumerate(_portions(self._run.metrics), 1):
            stretch = Stretch()
            stretch.columns.update(columns)
            self._put_segment(self._points, number, stretch)
            for key in columns:
                series.setdefault(key, []).append(number)
        return series

    def _put_segment(self, writer: str, number: int, stretch: Stretch) -> None:
        if writer == self._lead:  # whoever looks from now on sees a run that has ended
            event = ev.StatusSet(*self._status())
            stretch.take(ev.encode_event(event), event)
        head = SegmentHead(
            run_id=self._run.run_id,
            writer=writer,
            attempt=1,
            number=number,
            start=number - 1,
            end=number,
        )
        key = layout.run_segment(self._run.run_id, writer, number)
        self._store.replace(key, encode_segment(head, stretch))

    def _end(
        self,
        writer: str,
        *,
        segments: int = 0,
        series: dict[str, list[int]] | None = None,
        summary: RunSummary | None = None,
        files: dict[str, StoredFile] | None = None,
    ) -> RunEnd:
        return RunEnd(
            writer=writer,
            segments=segments,
            series=series or {},
            summary=summary or RunSummary(self._run.run_id),
            files=files or {},
        )

    def _claim(self, summary: RunSummary) -> None:
        began, stamp = summary.started or (0, 0)
        start = RunStart(
            writer=self._lead,
            run_id=self._run.run_id,
            experiment_id=self._experiment_id,
            start_time=began,
            stamp=stamp,
            tags={},
        )
        commit(
            self._store,
            layout.run_start(self._run.run_id),
            msgspec.json.encode(start),
            clock=self._workspace.clock,
        )

    # -- proof ------------------------------------------------------------------------------------

    def _verify(self, manifest: Mapping[str, StoredFile]) -> None:
        """Read the run back, and compare it with what it was: numbers, texts, and sizes of files."""
        reader = RunReader(self._store)
        stored = reader.get(self._run.run_id)
        metrics = {key: _columns(reader.series(stored, key)) for key in stored.summary.metrics}
        params = {key: value for key, (_, value) in stored.summary.params.items()}
        tags = {
            key: value
            for key, (_, value) in stored.summary.tags.items()
            if value is not None and key in self._run.tags
        }
        root = layout.run_artifacts(self._run.run_id)
        sizes = {entry.key[len(root) :]: entry.size for entry in self._store.list(root)}
        wrong = [path for path, file in manifest.items() if sizes.get(path) != file.size]
        if fingerprint(params, tags, metrics) != self._print or wrong:
            what = f"the files {', '.join(sorted(wrong)[:5])}" if wrong else "its records"
            raise Corrupt(
                f"run {self._run.run_id} did not arrive whole in {self._store.url}: {what} differ from what was read. "
                "Import again; `stageline doctor` tells whether the store keeps its promises"
            )


def _portions(metrics: Mapping[str, Series]) -> Iterator[dict[str, Series]]:
    """The columns in portions of some hundred thousand points, so that none is too large to be read at once."""
    portion: dict[str, Series] = {}
    room = POINTS_IN_SEGMENT
    for key, series in metrics.items():
        begin = 0
        while begin < len(series):
            end = min(len(series), begin + room)
            portion[key] = Series(
                series.steps[begin:end], series.timestamps[begin:end], series.values[begin:end]
            )
            room -= end - begin
            begin = end
            if room == 0:
                yield portion
                portion, room = {}, POINTS_IN_SEGMENT
    if portion:
        yield portion


def _columns(points: list[MetricPoint]) -> Series:
    series = Series()
    for point in points:
        series.append(point.step, point.timestamp, point.value)
    return series
