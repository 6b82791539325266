"""Every parser and codec that meets bytes or text from elsewhere: how it is called, and sound examples to damage.

The properties of `test_codecs` and the fuzzers of `tests/fuzz` both go through this list.
"""

from __future__ import annotations

import io
import json
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from stageline.domain.document import decode_document
from stageline.domain.events import decode_event
from stageline.domain.experiment import (
    EXPERIMENT_FORMAT,
    NAME_CLAIM_FORMAT,
    ExperimentEntry,
    NameClaim,
)
from stageline.domain.logged_model import LOGGED_MODEL_FORMAT, LoggedModelEntry
from stageline.domain.page import decode_token
from stageline.domain.policy import parse_policy
from stageline.domain.query import parse_filter, parse_order_by
from stageline.domain.registry_entry import decode_entry
from stageline.domain.summary_json import decode_summary
from stageline.domain.vocabulary import EXPERIMENTS, RUNS
from stageline.domain.webhook_target import parse_reach, parse_target
from stageline.errors import Corrupt, StagelineError
from stageline.models.mlmodel import parse_mlmodel
from stageline.models.safe_yaml import read_yaml
from stageline.models.scoring_json import read_json
from stageline.models.uri import parse_model_uri
from stageline.projects.environments.read import read_environment
from stageline.projects.mlproject import load_project
from stageline.projects.sources.address import check_git, parse_address
from stageline.projects.sources.archive import unpack
from stageline.projects.sources.git_version import wanted_of
from stageline.projects.sources.landing import Limits
from stageline.registry.events import decode_cursor, encode_cursor
from stageline.server.app import REGISTRY, TRACKING
from stageline.server.wire import check_lists, read_body, read_query
from stageline.storage import layout
from stageline.storage.frames import scan_frames
from stageline.storage.inbox_entry import summary_in
from stageline.storage.index_changes import IndexLost, PackedShard
from stageline.storage.manifest import decode_manifest
from stageline.storage.memory import MemoryStore
from stageline.storage.segment import decode_segment
from stageline.storage.series import decode_columns
from stageline.storage.wal import decode_head
from stageline.tracking.reading import RunReader

FIXTURES = Path(__file__).parents[1] / "fixtures" / "formats"
MODELS = Path(__file__).parents[1] / "models" / "fixtures"
RUN, WRITER = "0190a0b0c0d07abc8def001122334455", "00112233445566aa"


class Codec(NamedTuple):
    """One of them."""

    name: str
    read: Callable[[bytes], Any]
    seeds: list[bytes]

    def judge(self, data: bytes) -> Any:
        """What it makes of `data`; None where it refuses. Anything but an error of ours is raised."""
        try:
            return self.read(data)
        except StagelineError as error:
            said = str(error)
        if len(said) > 100_000 + 8 * len(data):
            raise AssertionError(f"an error of {len(said)} characters")
        return None


def text(read: Callable[[str], Any]) -> Callable[[bytes], Any]:
    """For what takes text: any bytes are some text, lone surrogates too."""
    return lambda data: read(data.decode("utf-8", "surrogateescape"))


def _wal(data: bytes) -> Any:
    frames = scan_frames(data)
    assert frames.end <= len(data)
    head, *rest = frames.payloads or [b""]
    return decode_head(head), [decode_event(one) for one in rest]


def _shard(data: bytes) -> Any:
    try:
        return [summary.run_id for summary, _ in PackedShard("it", data).rows()]
    except IndexLost as error:  # by which a reader knows that it has to rebuild the index
        raise Corrupt(str(error)) from error


def _run_of(**files: str) -> Callable[[bytes], Any]:
    """A whole run, one of whose objects is the data."""

    def read(data: bytes) -> Any:
        store = MemoryStore("memory://codecs-run")
        store.clear()
        for key, name in files.items():
            place = {
                "start": layout.run_start(RUN),
                "end": layout.run_end(RUN, WRITER),
                "seg": layout.run_segment(RUN, WRITER, 3),
                "wal": layout.run_wal(RUN, WRITER),
            }[key]
            store.replace(place, (FIXTURES / name).read_bytes() if name else data)
        reader = RunReader(store)
        run = reader.get(RUN)
        return [
            run.summary.to_run("file:///x"),
            *(reader.series(run, key) for key in ("loss", "acc")),
            list(reader.output(run)),
        ]

    return read


def _mlproject(data: bytes) -> Any:
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "MLproject").write_bytes(data)
        (folder / "python_env.yaml").write_text("python: '3.11'\ndependencies: [numpy]\n")
        project = load_project(folder)
        return project, read_environment(folder, project.environment)


def _environment(name: str, document: dict[str, Any]) -> Callable[[bytes], Any]:
    def read(data: bytes) -> Any:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            (folder / name).write_bytes(data)
            return read_environment(folder, document)

    return read


def _archive(ending: str) -> Callable[[bytes], Any]:
    def read(data: bytes) -> Any:
        made = Path(tempfile.mkdtemp())
        try:
            unpack(
                io.BytesIO(data),
                f"project{ending}",
                made / "project",
                say=lambda _: None,
                limits=Limits(files=100, size=1 << 20),
            )
            landed = sorted(path.name for path in (made / "project").rglob("*"))
            outside = [path for path in made.iterdir() if path.name != "project"]
            assert not outside, outside
        finally:
            shutil.rmtree(made)
        return landed

    return read


def _tarred() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, content in (("a/MLproject", b"name: x\n"), ("a/train.py", b"print(1)\n")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
        link = tarfile.TarInfo("a/link")
        link.type, link.linkname = tarfile.SYMTYPE, "train.py"
        tar.addfile(link)
    return packed.getvalue()


def _zipped() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as opened:
        opened.writestr("a/MLproject", "name: x\n")
        opened.writestr("a/train.py", "print(1)\n" * 50)
    return packed.getvalue()


def _git_version(version: str) -> Any:
    refs = {"HEAD": "a" * 40, "refs/heads/main": "a" * 40, "refs/tags/v1": "b" * 40}
    return wanted_of(version, refs, "refs/heads/main", "it")


def _git_address(uri: str) -> Any:
    address = parse_address(uri)
    check_git(address)
    return address


def _bodies(data: bytes) -> Any:
    """A body as each endpoint of the protocol would read it."""
    return [_answered(lambda kind=kind: _listed(read_body(data, kind))) for kind in _asks()]


def _queries(data: bytes) -> Any:
    return [_answered(lambda kind=kind: _listed(read_query(data, kind))) for kind in _asks()]


def _listed(ask: Any) -> Any:
    check_lists(ask)
    return ask


def _answered(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except StagelineError as error:
        return str(error)


@cache
def _asks() -> list[Any]:
    return list({endpoint.ask: None for endpoint in (*TRACKING, *REGISTRY)})


def _document(kind: Any, expected: str) -> Callable[[bytes], Any]:
    return lambda data: decode_document(data, kind, expected, "it")


def _policy(data: bytes) -> Any:
    return parse_policy(read_yaml(data, "it"))


def _target(url: str) -> Any:
    return parse_target(url, parse_reach())


def _fixture(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def _columns() -> bytes:
    from stageline.storage.series import Series, encode_columns

    return encode_columns({"loss": Series([1, 2, 9], [5, 6, 7], [0.5, 0.25, 0.1]), "a": Series()})


def _entries() -> list[bytes]:
    folder = Path(__file__).parents[1] / "registry" / "formats" / "registry-1"
    return [path.read_bytes() for path in sorted(folder.glob("registry/**/*.json"))]


def _event() -> list[bytes]:
    frames = scan_frames(_fixture("wal-1.wal"))
    return frames.payloads[1:]


FILTERS = [
    b"metrics.rmse < 0.5 AND params.`a b` LIKE '%x%' and tags.\"k\" IN ('a', 'b')",
    b"attributes.status != 'FAILED' AND dataset.name = 'd' AND tags.x IS NOT NULL",
    b"params.a >= 1e-5 and metrics.m = .5",
]
NAMES = [b"name LIKE 'w%' AND tags.`k` = 'x' and creation_time > 5"]
URIS = [
    b"models:/wine@champion", b"models:/wine/Production", b"runs:/" + RUN.encode() + b"/model",
    b"models:/m-00000000000000000000000000000001", b"s3://bucket/model", b"file:///tmp/x",
]  # fmt: skip
SOURCES = [
    b"https://user:secret@host/team/repo.git#sub/folder", b"git@host:team/repo.git", b"ssh://host/x",
    b"project.zip", b"file:///tmp/repo", b"ext::sh -c touch", b"-oProxyCommand=x", b".",
    b"https://user:sec[et@host/x",
]  # fmt: skip
PROJECT = b"""name: wine
python_env: python_env.yaml
entry_points:
  main:
    parameters:
      alpha: {type: float, default: 0.5}
      data: path
    command: "python train.py {alpha} {data}"
steps:
  - {name: a, entry_point: main, outputs: [a.txt]}
  - {entry_point: main, name: b, needs: [a]}
"""
CONDA = b"""name: x
channels: [conda-forge]
dependencies:
  - python=3.11
  - numpy>=1.24
  - pip: [scikit-learn==1.5, "-r other.txt"]
"""
POLICY = b"""rules:
  - {rule: metric, condition: "metrics.rmse < 9"}
  - {rule: tag, key: reviewed}
approvals: 1
approvers: [bob]
"""
BODIES = [
    json.dumps(one).encode()
    for one in (
        {"experiment_id": "0", "start_time": 1, "tags": [{"key": "a", "value": "b"}]},
        {"run_id": RUN, "metrics": [{"key": "m", "value": "NaN", "timestamp": "1", "step": 2}]},
        {"experiment_ids": ["0"], "filter": "metrics.m < 1", "max_results": 5, "order_by": ["a"]},
        {"name": "wine", "version": "1", "stage": "Production", "archive_existing_versions": True},
        {"run_id": RUN, "datasets": [{"dataset": {"name": "d"}, "tags": []}]},
    )
]
QUERY = f"run_id={RUN}&metric_key=m&max_results=5&filter={quote('metrics.m < 1')}&name=w".encode()

CODECS = [
    Codec("filter", text(lambda one: parse_filter(one, RUNS)), FILTERS),
    Codec("filter of experiments", text(lambda one: parse_filter(one, EXPERIMENTS)), NAMES),
    Codec(
        "order",
        text(lambda one: parse_order_by([one], RUNS)),
        [b"metrics.rmse DESC", b"params.`a b` asc", b"start_time"],
    ),
    Codec("page token", text(decode_token), [b"eyJvZmZzZXQiOiA1fQ=="]),
    Codec("cursor", text(decode_cursor), [encode_cursor({"wine": 3, "other": 1}).encode()]),
    Codec("model URI", text(parse_model_uri), URIS),
    Codec("project's source", text(parse_address), SOURCES),
    Codec("git source", text(_git_address), SOURCES),
    Codec("git version", text(_git_version), [b"main", b"v1", b"a" * 40, b"abcdef1", b"refs/x"]),
    Codec(
        "webhook's URL", text(_target), [b"https://example.org:8443/x?y=z", b"https://[::1]:443/"]
    ),
    Codec("MLproject", _mlproject, [PROJECT]),
    Codec("conda.yaml", _environment("conda.yaml", {"conda_env": "conda.yaml"}), [CONDA]),
    Codec(
        "python_env.yaml",
        _environment("python_env.yaml", {"python_env": "python_env.yaml"}),
        [(MODELS / "mlflow-3.17.2-sklearn" / "python_env.yaml").read_bytes()],
    ),
    Codec(
        "MLmodel",
        parse_mlmodel,
        [
            (MODELS / "mlflow-2-MLmodel").read_bytes(),
            (MODELS / "mlflow-3.17.2-sklearn" / "MLmodel").read_bytes(),
        ],
    ),
    Codec("policy", _policy, [POLICY]),
    Codec("scoring request", read_json, [b'{"inputs": [[1, NaN]], "params": {"a": 1}}']),
    Codec("segment", lambda data: decode_segment(data, "it"), [_fixture("segment-1.seg")]),
    Codec("columns", decode_columns, [_columns()]),
    Codec("record of a log", decode_event, _event()),
    Codec("log", _wal, [_fixture("wal-1.wal")]),
    Codec("shard", _shard, [_fixture("shard-1.msgpack.zst")]),
    Codec(
        "manifest",
        lambda data: decode_manifest(data, "it", "index/17/shard/"),
        [_fixture("manifest-1.json")],
    ),
    Codec("summary", decode_summary, [_fixture("summary-1.json")]),
    Codec(
        "entry of an inbox",
        summary_in,
        [_fixture("summary-1.json"), _fixture("start-1.json"), _fixture("wal-1.wal")],
    ),
    Codec("run's start", _run_of(start="", seg="segment-1.seg"), [_fixture("start-1.json")]),
    Codec("run's end", _run_of(start="start-1.json", end=""), [_fixture("end-1.json")]),
    Codec("run's segment", _run_of(start="start-1.json", seg=""), [_fixture("segment-1.seg")]),
    Codec("run's log", _run_of(start="start-1.json", wal=""), [_fixture("wal-1.wal")]),
    Codec(
        "experiment", _document(ExperimentEntry, EXPERIMENT_FORMAT), [_fixture("experiment-1.json")]
    ),
    Codec("name", _document(NameClaim, NAME_CLAIM_FORMAT), [_fixture("name-1.json")]),
    Codec(
        "logged model",
        _document(LoggedModelEntry, LOGGED_MODEL_FORMAT),
        [_fixture("logged_model-1.json")],
    ),
    Codec("registry entry", lambda data: decode_entry(data, "it").happened, _entries()),
    Codec("REST body", _bodies, BODIES),
    Codec("REST query", _queries, [QUERY]),
    Codec("zip", _archive(".zip"), [_zipped()]),
    Codec("tar", _archive(".tar"), [_tarred()]),
]
