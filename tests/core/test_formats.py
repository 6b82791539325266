"""What was stored stays readable: files of each format, as they were written when it was new.

The files in `fixtures/formats/` are never written again. A new format, or a new version of one, adds a file.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

import stageline
from stageline.domain import events as ev
from stageline.domain.artifact import RunEnd, StoredFile
from stageline.domain.document import decode_document
from stageline.domain.experiment import (
    EXPERIMENT_FORMAT,
    NAME_CLAIM_FORMAT,
    Experiment,
    ExperimentEntry,
    NameClaim,
)
from stageline.domain.logged_model import (
    LOGGED_MODEL_FORMAT,
    LoggedModel,
    LoggedModelEntry,
    LoggedModelStatus,
)
from stageline.domain.run import Attempt, DatasetInput, DatasetRef, LifecycleStage, RunStatus
from stageline.domain.run_start import START_FORMAT, RunStart
from stageline.domain.summary import LastPoint, RunSummary, StatusAt
from stageline.domain.summary_json import decode_summary, encode_json
from stageline.errors import NotAllowed
from stageline.models.batches import ScoredPart, collect_parts
from stageline.registry.events import decode_cursor
from stageline.server.api.positions import POSITION_FORMAT, Position
from stageline.server.auth.token import REVOKED_FORMAT, TOKEN_FORMAT, Revoked, Token
from stageline.server.upload import DONE_FORMAT, UPLOAD_FORMAT, Done, Upload
from stageline.storage import layout
from stageline.storage.files import Files
from stageline.storage.frames import scan_frames
from stageline.storage.manifest import Manifest, ShardRef, decode_manifest
from stageline.storage.memory import MemoryStore
from stageline.storage.probe import StoreFormat, read_format
from stageline.storage.segment import SegmentHead, decode_segment
from stageline.storage.series import Series, decode_columns
from stageline.storage.shard import decode_row, unpack_shard
from stageline.storage.wal import WalHead, decode_head
from stageline.tasks.forwarding import CURSOR_FORMAT, Watcher
from stageline.tracking.garbage import MARK_FORMAT, Garbage
from stageline.tracking.reading import RunReader
from stageline.tracking.saved_views import CHOICE_FORMAT, VIEW_FORMAT, Choice, SavedView
from stageline.tracking.verdicts import VERDICT_FORMAT, Verdict

FIXTURES = Path(__file__).parent / "fixtures" / "formats"

RUN = "0190a0b0c0d07abc8def001122334455"
WRITER = "00112233445566aa"
T = 1_700_000_000_000
STAMP = T * 1_000_000
DATA = DatasetInput(
    DatasetRef(
        namespace="s3://b",
        name="wine",
        digest="d1",
        source_type="s3",
        source="s3://b/wine.csv",
        schema='{"a": 1}',
    ),
    {"context": "train"},
)
ATTEMPT = Attempt(
    number=2,
    status=RunStatus.FAILED,
    start_time=T,
    end_time=T + 9000,
    reason="ValueError: bad alpha",
    links={"ui": "http://x/1"},
)
RECORDS: list[ev.AnyEvent] = [
    ev.Started(STAMP + 1, RUN, None, "wine", T, {"mlflow.runName": "kind-owl"}),
    ev.ParamsLogged(STAMP + 2, {"alpha": "0.5", "é": "ü"}),
    ev.TagsSet(STAMP + 3, {"team": "red", "old": None}),
    ev.InputsLogged(STAMP + 4, [DATA]),
    ev.ArtifactsStored(STAMP + 5, {"model/MLmodel": ("ab" * 32, 123), "gone.txt": None}),
    ev.AttemptNoted(STAMP + 6, ATTEMPT),
    ev.StatusSet(STAMP + 7, RunStatus.KILLED, T + 10_000, "SIGTERM"),
    ev.DeletionSet(STAMP + 8, True),
    ev.OutputWritten(T + 400, "stderr", "oh no\n"),
]
POINTS = [ev.PointLogged("loss", 0.75, 7, T + 300), ev.PointLogged("bare", 1.5, 2, 3)]
LOSS = ([0, 1, 5], [T, T + 100, T + 200], [0.5, math.inf, -0.25])
ACC = ([-(2**63), 2**63 - 1], [0, 1], [1.0, 2.0])
LAST = {"loss": (5, T + 200, -0.25), "acc": (2**63 - 1, 1, 2.0)}
FILES = {
    "model/MLmodel": StoredFile(STAMP + 5, "ab" * 32, 123),
    "gone.txt": StoredFile(STAMP + 5, None, 0),
}


def fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def columns(series: Series) -> tuple[list[int], list[int], list[float]]:
    return list(series.steps), list(series.timestamps), list(series.values)


def check_summary(summary: RunSummary) -> None:
    assert summary.run_id == RUN
    assert summary.started == (T, STAMP + 1)
    assert summary.experiment == (STAMP + 1, "17")
    assert summary.status == StatusAt(STAMP + 7, RunStatus.KILLED, T + 10_000, "SIGTERM")
    assert summary.deletion == (STAMP + 8, True)
    assert summary.params == {"alpha": (STAMP + 2, "0.5"), "é": (STAMP + 2, "ü")}
    assert summary.tags == {
        "mlflow.runName": (STAMP + 1, "kind-owl"),
        "team": (STAMP + 3, "red"),
        "old": (STAMP + 3, None),
    }
    assert {key: repr(tuple(point)) for key, point in summary.metrics.items()} == {
        "loss": repr((2, 7, T + 300, 0.75)),
        "acc": repr((2, 2**63 - 1, 1, 2.0)),
        "nan": "(2, 1, 2, nan)",
        "up": "(2, 1, 2, inf)",
        "down": "(2, 1, 2, -inf)",
    }
    assert summary.inputs == {"s3://b\nwine\nd1": (STAMP + 4, DATA)}
    assert summary.attempts == {2: (STAMP + 6, ATTEMPT)}


def test_write_ahead_log_of_version_1() -> None:
    data = fixture("wal-1.wal")
    frames = scan_frames(data)
    assert (frames.end, frames.skipped) == (len(data), 0)
    head, *payloads = frames.payloads
    assert decode_head(head) == WalHead(
        store="s3://b/ml",
        run_id=RUN,
        writer=WRITER,
        attempt=2,
        owns_end=False,
        claims_id=False,
        pid=4242,
        host="node-1",
    )
    events = [ev.decode_event(payload) for payload in payloads]
    (packed,) = [event for event in events if isinstance(event, ev.PointsLogged)]
    assert packed.last == LAST
    found = decode_columns(packed.columns)
    assert {key: columns(series) for key, series in found.items()} == {"loss": LOSS, "acc": ACC}
    assert [event for event in events if isinstance(event, ev.PointLogged)] == POINTS
    kinds = (ev.PointLogged, ev.PointsLogged)
    assert [event for event in events if not isinstance(event, kinds)] == RECORDS


def test_segment_of_version_1() -> None:
    segment = decode_segment(fixture("segment-1.seg"), "it")
    assert segment.head == SegmentHead(
        run_id=RUN, writer=WRITER, attempt=2, number=3, start=100, end=900
    )
    assert segment.events == RECORDS
    assert sorted(zip(*columns(segment.columns["loss"]), strict=True)) == sorted(
        [*zip(*LOSS, strict=True), (7, T + 300, 0.75)]
    )
    assert columns(segment.columns["acc"]) == ACC


def test_summary_of_version_1() -> None:
    check_summary(decode_summary(fixture("summary-1.json")))


def test_shard_of_version_1() -> None:
    rows = [decode_row(row) for row in unpack_shard(fixture("shard-1.msgpack.zst"), "it")]
    check_summary(rows[0])
    assert rows[1].run_id == "plain"
    assert rows[1].metrics["m"].value == 0.5


def test_manifest_of_version_1() -> None:
    folder = "index/17/shard/"
    assert decode_manifest(fixture("manifest-1.json"), "it", folder) == Manifest(
        txn="dd" * 16,
        epoch="cc" * 16,
        time=T,
        shards=[
            ShardRef(key=f"{folder}x.msgpack.zst", rows=2, bytes=345, covers=["a-b.json"]),
            ShardRef(key=f"{folder}y.msgpack.zst", rows=9, bytes=999),
        ],
        folded={"a-b.json": T + 1},
    )


def test_experiment_entry_of_version_1() -> None:
    entry, _ = decode_document(
        fixture("experiment-1.json"), ExperimentEntry, EXPERIMENT_FORMAT, "it"
    )
    assert entry == ExperimentEntry(
        txn="ff" * 16,
        time=T,
        actor="ada",
        action="renamed",
        previous_name="wine",
        state=Experiment(
            experiment_id="17",
            name="red wine",
            artifact_location="s3://elsewhere/x",
            lifecycle_stage=LifecycleStage.DELETED,
            creation_time=1,
            last_update_time=2,
            tags={"team": "red"},
        ),
    )


def test_name_claim_of_version_1() -> None:
    claim, _ = decode_document(fixture("name-1.json"), NameClaim, NAME_CLAIM_FORMAT, "it")
    assert claim == NameClaim(txn="ee" * 16, time=T, experiment_id="17")


def test_verdict_of_version_1() -> None:
    verdict, _ = decode_document(fixture("verdict-1.json"), Verdict, VERDICT_FORMAT, "it")
    assert verdict == Verdict(txn="ce" * 16, claim=WRITER, kept=STAMP)


def test_logged_model_entry_of_version_1() -> None:
    entry, _ = decode_document(
        fixture("logged_model-1.json"), LoggedModelEntry, LOGGED_MODEL_FORMAT, "it"
    )
    assert entry == LoggedModelEntry(
        txn="ab" * 16,
        time=T,
        state=LoggedModel(
            model_id="m-" + "12" * 16,
            experiment_id="17",
            name="wine",
            creation_timestamp=T,
            last_updated_timestamp=T + 5,
            artifact_run_id=RUN,
            artifact_path="model",
            source_run_id=RUN,
            status=LoggedModelStatus.READY,
            model_type="classifier",
            tags={"team": "red"},
            params={"alpha": "0.5"},
            run_ids=("aa" * 16,),
        ),
    )


def test_watcher_of_version_1() -> None:
    watcher, _ = decode_document(fixture("watcher-1.json"), Watcher, CURSOR_FORMAT, "it")
    assert watcher == Watcher(txn="cd" * 16, cursor='{"wine":3}', time=T)


def test_saved_view_of_version_1() -> None:
    view, _ = decode_document(fixture("view-1.json"), SavedView, VIEW_FORMAT, "it")
    assert view == SavedView(
        view_id="0a1b2c3d4e",
        name="Best ones",
        query="filter=rmse+%3C+60&order=metrics.rmse",
        actor="ann",
        time=T,
    )


def test_token_of_version_1() -> None:
    token, _ = decode_document(fixture("token-1.json"), Token, TOKEN_FORMAT, "it")
    assert (token.token_id, token.name, token.digest) == ("00112233445566aa", "ann", "ab" * 32)
    assert (token.rights, token.experiments, token.models) == (
        ("read", "write"),
        ("team-a/*",),
        ("*",),
    )
    assert (token.created, token.created_by, token.expires) == (T, "bob", T + 90_000)
    gone, _ = decode_document(fixture("token-revoked-1.json"), Revoked, REVOKED_FORMAT, "it")
    assert (gone.token_id, gone.time, gone.by) == (token.token_id, T + 50_000, "eve")


def test_choice_of_runs_of_version_1() -> None:
    choice, _ = decode_document(fixture("choice-1.json"), Choice, CHOICE_FORMAT, "it")
    assert choice == Choice(run_ids=[RUN, "aa" * 16])


def test_position_in_a_feed_of_version_1() -> None:
    data = fixture("feed-position-1.json")
    position, _ = decode_document(data, Position, POSITION_FORMAT, "it")
    assert decode_cursor(position.cursor) == {"wine": 3}


def test_upload_of_version_1() -> None:
    upload, _ = decode_document(fixture("upload-1.json"), Upload, UPLOAD_FORMAT, "it")
    assert upload == Upload(
        upload_id="019675-00112233445566778899aabbccddeeff",
        path=f"0/{RUN}/artifacts/d/f",
        parts=2,
        digest="ab" * 32,
        expires=T + 90_000,
        by="ann",
        txn="dd" * 16,
    )
    done, _ = decode_document(fixture("upload-done-1.json"), Done, DONE_FORMAT, "it")
    assert done == Done(parts="ab" * 32, txn="dd" * 16)


def test_mark_of_garbage_of_version_1() -> None:
    mark, _ = decode_document(fixture("gc-mark-1.json"), Garbage, MARK_FORMAT, "it")
    assert mark == Garbage(
        txn="ee" * 16,
        time=T,
        runs={"aa" * 16: "17"},
        experiments={"18": ["bb" * 16]},
        keys=["index/17/shard/x.msgpack.zst"],
    )


def test_manifest_of_a_batch_says_what_it_did_in_version_1(tmp_path: Path) -> None:
    then = msgspec.json.decode(fixture("batch-1.json"))
    then["output"] = str(tmp_path)
    (tmp_path / "part").write_bytes(b"")
    parts = [
        ScoredPart(
            number=number,
            model_uri=then["model_uri"],
            folder=str(tmp_path),
            name=part["name"],
            rows=part["rows"],
            columns=("prediction",),
        )
        for number, part in enumerate(then["parts"])
    ]
    assert is_within(then, collect_parts(parts, Files()))


def test_start_of_version_1() -> None:
    start, _ = decode_document(fixture("start-1.json"), RunStart, START_FORMAT, "it")
    assert start == RunStart(
        writer=WRITER,
        run_id=RUN,
        experiment_id="17",
        start_time=T,
        stamp=STAMP + 1,
        tags={"mlflow.runName": "kind-owl"},
    )


def test_start_of_version_1_is_what_a_run_that_has_just_begun_tells_the_index() -> None:
    summary = decode_summary(fixture("start-1.json"))
    assert (summary.run_id, summary.started, summary.experiment) == (
        RUN,
        (T, STAMP + 1),
        (STAMP + 1, "17"),
    )
    assert summary.tags == {"mlflow.runName": (STAMP + 1, "kind-owl")}
    assert summary.is_running


def test_start_of_a_later_version_is_refused_by_the_index_too() -> None:
    later = fixture("start-1.json").replace(b"stageline.start/1", b"stageline.start/2")
    with pytest.raises(NotAllowed, match="upgrade"):
        decode_summary(later)


def test_store_of_version_1() -> None:
    store = MemoryStore("memory://formats-store")
    store.replace(layout.FORMAT_KEY, fixture("store-1.json"))
    assert read_format(store) == StoreFormat(
        format="stageline.store/1", created_ms=T, create_only=True, hash="sha256"
    )


def test_run_of_version_1_is_read_from_its_end() -> None:
    store = MemoryStore("memory://formats-run-end")
    store.replace(layout.run_start(RUN), fixture("start-1.json"))
    store.replace(layout.run_segment(RUN, WRITER, 3), fixture("segment-1.seg"))
    store.replace(layout.run_end(RUN, WRITER), fixture("end-1.json"))
    reader = RunReader(store)
    run = reader.get(RUN)
    check_summary(run.summary)
    assert run.files == FILES
    end = run.ends[WRITER]
    assert (end.segments, end.attempt, end.series) == (3, 2, {"loss": [1, 3], "acc": [3]})
    assert [point.step for point in reader.series(run, "acc")] == [-(2**63), 2**63 - 1]
    assert [line.text for line in reader.output(run)] == ["oh no\n"]


def test_run_of_version_1_is_read_from_its_log() -> None:
    store = MemoryStore("memory://formats-run-log")
    store.replace(layout.run_start(RUN), fixture("start-1.json"))
    store.replace(layout.run_wal(RUN, WRITER), fixture("wal-1.wal"))
    run = RunReader(store).get(RUN)
    assert run.files == FILES
    assert run.summary.experiment_id == "17"
    assert run.summary.metrics["loss"][1:] == (7, T + 300, 0.75)
    assert run.hosts == {WRITER: "node-1"}


JSON_DOCUMENTS: list[tuple[str, Any]] = [
    ("summary-1.json", RunSummary),
    ("end-1.json", RunEnd),
    ("experiment-1.json", ExperimentEntry),
    ("name-1.json", NameClaim),
    ("start-1.json", RunStart),
    ("manifest-1.json", Manifest),
    ("store-1.json", StoreFormat),
    ("logged_model-1.json", LoggedModelEntry),
    ("watcher-1.json", Watcher),
    ("view-1.json", SavedView),
    ("choice-1.json", Choice),
    ("token-1.json", Token),
    ("token-revoked-1.json", Revoked),
    ("gc-mark-1.json", Garbage),
    ("feed-position-1.json", Position),
    ("upload-1.json", Upload),
    ("upload-done-1.json", Done),
    ("verdict-1.json", Verdict),
]


@pytest.mark.parametrize(("name", "kind"), JSON_DOCUMENTS)
def test_today_writes_what_was_written_then(name: str, kind: Any) -> None:
    # Or those who read it with an older version would miss what they knew. More may stand in it.
    then = msgspec.json.decode(fixture(name))
    document = msgspec.json.decode(fixture(name), type=kind, strict=False)
    assert is_within(then, msgspec.json.decode(encode_json(document, {"": NAN})))


NAN = LastPoint(0, 0, 0, math.nan)


def is_within(part: Any, whole: Any) -> bool:
    if isinstance(part, dict):
        return all(key in whole and is_within(value, whole[key]) for key, value in part.items())
    if isinstance(part, list):
        return all(is_within(*pair) for pair in zip(part, whole, strict=False))
    return bool(part == whole)


HASHED = {"run/1", "import/1", "copy/1"}
"""What is no document, but begins what an id is made from; the ids are tested where they are made."""

FORMATS = sorted(
    {
        found
        for file in Path(stageline.__file__).parent.rglob("*.py")
        for found in re.findall(r'"stageline\.([\w-]+/\d+)"', file.read_text())
    }
    - HASHED
)


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_has_its_fixture(format_: str) -> None:
    stem = format_.replace("/", "-")
    kept = Path(__file__).parent.rglob(f"formats/{stem}*")
    assert list(kept), f"store one as fixtures/formats/{stem}.*, and read it"
