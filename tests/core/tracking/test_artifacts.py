"""A run's files are stored, listed, checked and deleted as their paths say, and no path leads anywhere else."""

from __future__ import annotations

import json
import os
import sys
import threading
import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stageline.domain.artifact import StoredFile, keep_file
from stageline.domain.run import ArtifactFile
from stageline.errors import Corrupt, InvalidInput, NotAllowed, NotFound
from stageline.storage import layout
from stageline.storage.local import LocalStore
from stageline.storage.memory import MemoryStore
from stageline.testing.counting import CountingStore
from stageline.tracking.artifact_reading import ArtifactReader
from stageline.tracking.artifacts import RunArtifacts

RUN = "0123456789abcdef0123456789abcdef"
ROOT = layout.run_artifacts(RUN)

OUTSIDE = [
    "..", "../x", "../../etc/passwd", "a/../../x", "a/..", "./a", "a//b", "/etc/passwd", "//host/x",
    "C:/x", "c:\\x", "..\\x", "a\\..\\..\\x", "%2e%2e/x", "..%2fx", "%252e%252e%252fx", "a%00b", "a\0b",
    "a%5c..%5cx", "%2fetc%2fpasswd", "%43:/x", "a\nb", "/", "a/./b",
]  # fmt: skip


class Manifest:
    """What a writer does with notes: keeps them, the latest for each path."""

    def __init__(self) -> None:
        self.files: dict[str, StoredFile] = {}
        self.notes: list[dict[str, tuple[str, int] | None]] = []
        self._lock = threading.Lock()

    def note(self, files: Mapping[str, tuple[str, int] | None]) -> None:
        with self._lock:
            self.notes.append(dict(files))
            for path, digest in files.items():
                keep_file(self.files, path, StoredFile(len(self.notes), *(digest or (None, 0))))


@pytest.fixture
def manifest() -> Manifest:
    return Manifest()


@pytest.fixture(params=["local", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> CountingStore:
    if request.param == "local":
        return CountingStore(LocalStore(tmp_path / "store"))
    return CountingStore(MemoryStore(f"memory://{uuid.uuid4().hex}"))


@pytest.fixture
def files(store: CountingStore, manifest: Manifest) -> RunArtifacts:
    return RunArtifacts(store, RUN, note=manifest.note, known=lambda: manifest.files)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    (folder / "data").mkdir(parents=True)
    (folder / "MLmodel").write_text("flavors: {}")
    (folder / "data" / "weights.bin").write_bytes(b"w" * 3000)
    (folder / "data" / "empty").write_bytes(b"")
    return folder


def paths(files: ArtifactReader, path: str | None = None) -> list[str]:
    return [file.path for file in files.walk(path)]


# -- logging ------------------------------------------------------------------------------------------


def test_file_goes_by_its_own_name_into_the_folder(files: RunArtifacts, folder: Path) -> None:
    files.log_file(folder / "MLmodel")
    files.log_file(str(folder / "MLmodel"), "some/where")
    files.log_file(folder / "MLmodel", "slash/")
    assert paths(files) == ["MLmodel", "slash/MLmodel", "some/where/MLmodel"]


def test_folder_goes_with_all_that_is_in_it(
    files: RunArtifacts, folder: Path, store: CountingStore
) -> None:
    files.log_folder(folder, "m")
    files.log_file(folder)
    assert paths(files, "m") == ["m/MLmodel", "m/data/empty", "m/data/weights.bin"]
    assert paths(files, "model") == ["model/MLmodel", "model/data/empty", "model/data/weights.bin"]
    assert store.read(f"{ROOT}m/MLmodel") == b"flavors: {}", "plain files, for any tool"


def test_folder_of_the_working_directory_is_logged_by_its_name(
    files: RunArtifacts, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    files.log_file(".")
    assert paths(files, "model") == ["model/MLmodel", "model/data/empty", "model/data/weights.bin"]


def test_text_and_bytes_are_stored_as_they_are(files: RunArtifacts) -> None:
    files.log_text("grüße\n", "n/t.txt")
    files.log_text("a\ud800b", "surrogate.txt")
    files.log_bytes(b"\x00\xff", "b.bin")
    assert files.read("n/t.txt") == "grüße\n".encode()
    assert files.read("surrogate.txt") == rb"a\ud800b"
    assert files.read("b.bin") == b"\x00\xff"


def test_dict_is_json_or_yaml_by_its_name(files: RunArtifacts) -> None:
    import yaml

    data = {"a": [1, 2.5, None], "b": {"ü": "x"}}
    for name in ("d.json", "d.yml", "d.YAML", "no_ending"):
        files.log_dict(data, name)
    files.log_dict({"where": Path("x")}, "odd.json")
    assert json.loads(files.read("d.json")) == json.loads(files.read("no_ending")) == data
    assert yaml.safe_load(files.read("d.yml")) == yaml.safe_load(files.read("d.YAML")) == data
    assert json.loads(files.read("odd.json")) == {"where": "x"}


def test_dict_that_can_not_be_written_is_refused(
    files: RunArtifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop: dict[str, object] = {}
    loop["self"] = loop
    with pytest.raises(InvalidInput, match="JSON"):
        files.log_dict(loop, "d.json")
    with pytest.raises(InvalidInput, match="YAML"):
        files.log_dict({"x": object()}, "d.yml")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(InvalidInput, match="pip install pyyaml"):
        files.log_dict({}, "d.yml")
    assert paths(files) == []


def test_manifest_holds_digest_and_size(files: RunArtifacts, manifest: Manifest) -> None:
    files.log_text("hello", "t.txt")
    assert manifest.files["t.txt"][1:] == (
        "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        5,
    )


def test_unchanged_file_is_not_sent_again(
    files: RunArtifacts, folder: Path, store: CountingStore, manifest: Manifest
) -> None:
    files.log_folder(folder, "m")
    files.log_text("x", "t")
    notes = len(manifest.notes)
    sent: list[int] = []
    with store.counted() as counts:
        files.log_folder(folder, "m", progress=sent.append)
        files.log_text("x", "t")
    assert counts.by_verb() == {}
    assert len(manifest.notes) == notes
    assert sum(sent) == 3011, "progress counts what is there already"


def test_changed_file_is_forgotten_before_it_is_sent(
    files: RunArtifacts, manifest: Manifest, folder: Path
) -> None:
    files.log_folder(folder)
    (folder / "MLmodel").write_text("flavors: []")
    (folder / "data" / "weights.bin").write_bytes(b"v" * 3000)
    files.log_folder(folder)
    forgotten, noted = manifest.notes[-2:]
    assert forgotten == {"MLmodel": None, "data/weights.bin": None}
    assert set(noted) == set(forgotten)
    assert files.read("MLmodel") == b"flavors: []"


def test_file_that_a_crash_left_between_put_and_note_can_be_read(
    store: CountingStore, manifest: Manifest
) -> None:
    def dies(noted: Mapping[str, tuple[str, int] | None]) -> None:
        if None not in noted.values() and manifest.notes:
            raise KeyboardInterrupt
        manifest.note(noted)

    files = RunArtifacts(store, RUN, note=dies, known=lambda: manifest.files)
    files.log_text("one", "t")
    with pytest.raises(KeyboardInterrupt):
        files.log_text("two", "t")
    assert files.read("t") == b"two"
    assert files.download().joinpath("t").read_text() == "two"


def test_nothing_is_sent_when_a_name_is_refused(
    files: RunArtifacts, folder: Path, store: CountingStore
) -> None:
    (folder / "a\\b").write_text("x")
    with pytest.raises(InvalidInput, match="backslash"):
        files.log_folder(folder)
    assert store.list("") == []


def test_link_out_of_a_logged_folder_is_refused(files: RunArtifacts, folder: Path) -> None:
    (folder / "data" / "passwd").symlink_to("/etc/passwd")
    with pytest.raises(InvalidInput, match="symbolic link"):
        files.log_folder(folder)
    assert paths(files) == []


def test_absent_file_and_folder_are_not_found(files: RunArtifacts, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no file"):
        files.log_file(tmp_path / "none")
    with pytest.raises(NotFound, match="no folder"):
        files.log_folder(tmp_path / "none")


# -- listing ------------------------------------------------------------------------------------------


def test_list_shows_the_children_of_a_folder(files: RunArtifacts, folder: Path) -> None:
    files.log_folder(folder, "m")
    files.log_text("x", "t.txt")
    top = files.list()
    assert [(one.path, one.is_dir, one.file_size) for one in top] == [
        ("m", True, None),
        ("t.txt", False, 1),
    ]
    assert files.list("") == top
    assert files.list("m") == files.list("m/")
    assert [(one.path, one.is_dir) for one in files.list("m")] == [
        ("m/MLmodel", False),
        ("m/data", True),
    ]
    assert files.list("t.txt") == files.list("none") == []


def test_list_is_one_request(files: RunArtifacts, folder: Path, store: CountingStore) -> None:
    files.log_folder(folder, "m")
    with store.counted() as counts:
        files.list("m")
    assert counts.by_verb() == {"list": 1}


def test_file_from_elsewhere_is_listed_without_a_digest(
    files: RunArtifacts, store: CountingStore
) -> None:
    store.replace(f"{ROOT}by/hand.txt", b"x")
    assert files.list("by") == [ArtifactFile("by/hand.txt", False, 1, None)]
    assert files.read("by/hand.txt") == b"x"
    assert files.download("by/hand.txt").read_bytes() == b"x"


def test_names_that_no_artifact_can_have_are_passed_by(manifest: Manifest) -> None:
    store = MemoryStore(f"memory://{uuid.uuid4().hex}")
    store.replace(f"{ROOT}..\\x", b"evil")
    store.replace(f"{ROOT}%2e%2e/x", b"evil")
    store.replace(f"{ROOT}good", b"")
    files = RunArtifacts(store, RUN, note=manifest.note, known=lambda: manifest.files)
    assert [one.path for one in files.list()] == paths(files) == ["good"]
    assert os.listdir(files.download()) == ["good"]


# -- reading ------------------------------------------------------------------------------------------


def test_download_lays_files_out_as_the_run_has_them(
    files: RunArtifacts, folder: Path, tmp_path: Path
) -> None:
    files.log_folder(folder, "m")
    files.log_text("x", "t.txt")
    out = tmp_path / "new" / "out"
    assert files.download("m", out) == out / "m"
    assert (out / "m" / "data" / "weights.bin").read_bytes() == b"w" * 3000
    assert not (out / "t.txt").exists()
    assert files.download("m/MLmodel", str(out)) == out / "m" / "MLmodel"
    everything = files.download()
    assert (everything / "t.txt").read_text() == "x"
    assert everything.stat().st_mode & 0o077 == 0, "for this user's eyes only"


def test_download_of_no_artifacts_is_an_empty_folder(files: RunArtifacts) -> None:
    assert list(files.download().iterdir()) == []


def test_download_tells_progress(files: RunArtifacts, folder: Path) -> None:
    files.log_folder(folder)
    seen: list[int] = []
    files.download(progress=seen.append)
    assert sum(seen) == 3011


@pytest.mark.parametrize("path", ["none", "m/none", "m/data/none.txt", "MLmodel/x"])
def test_what_is_not_there_is_not_found(files: RunArtifacts, folder: Path, path: str) -> None:
    files.log_folder(folder, "m")
    for call in (files.read, files.open, files.download, files.delete):
        with pytest.raises(NotFound, match=f"no artifact '{path}'; beside it there is"):
            call(path)


def test_message_of_not_found_names_what_is_there(files: RunArtifacts, folder: Path) -> None:
    files.log_folder(folder, "m")
    with pytest.raises(NotFound, match=r"there is 'm/MLmodel', 'm/data'"):
        files.read("m/mlmodel")


def test_folder_is_no_file(files: RunArtifacts, folder: Path) -> None:
    files.log_folder(folder, "m")
    with pytest.raises(NotFound):
        files.read("m")
    with pytest.raises(NotFound):
        files.open("m")


def test_other_content_is_corrupt(
    files: RunArtifacts, store: CountingStore, tmp_path: Path
) -> None:
    files.log_text("one", "d/t")
    store.replace(f"{ROOT}d/t", b"two")
    for call in (files.read, files.download):
        with pytest.raises(Corrupt, match=r"d/t in .* expected 3 bytes"):
            call("d/t")
    with pytest.raises(Corrupt):
        files.download("d", tmp_path / "out")
    assert list((tmp_path / "out").rglob("*.*")) == []
    with files.open("d/t") as stream:
        assert stream.read() == b"two", "a stream is not checked"


def test_folder_that_lost_a_file_is_corrupt(
    files: RunArtifacts, folder: Path, store: CountingStore
) -> None:
    files.log_folder(folder, "m")
    store.delete(f"{ROOT}m/data/weights.bin")
    with pytest.raises(
        Corrupt, match=r"should have the artifact 'm/data/weights.bin' of 3000 bytes"
    ):
        files.download("m")
    with pytest.raises(NotFound):
        files.read("m/data/weights.bin")


# -- deleting -----------------------------------------------------------------------------------------


def test_deleted_files_are_gone_and_forgotten(
    files: RunArtifacts, folder: Path, manifest: Manifest
) -> None:
    files.log_folder(folder, "m")
    files.log_text("x", "t")
    files.delete("m/data")
    assert paths(files) == ["m/MLmodel", "t"]
    files.delete("t")
    files.delete()
    assert paths(files) == []
    assert {file.sha256 for file in manifest.files.values()} == {None}
    with pytest.raises(NotFound):
        files.delete()


def test_deleted_file_may_be_logged_again(files: RunArtifacts) -> None:
    files.log_text("x", "t")
    files.delete("t")
    files.log_text("x", "t")
    assert files.read("t") == b"x"


# -- paths that lead elsewhere ------------------------------------------------------------------------


@pytest.mark.parametrize("path", OUTSIDE)
def test_path_that_leads_elsewhere_is_refused(
    files: RunArtifacts, path: str, folder: Path, tmp_path: Path, store: CountingStore
) -> None:
    calls = [
        lambda: files.log_file(folder / "MLmodel", path),
        lambda: files.log_folder(folder, path),
        lambda: files.log_text("x", path),
        lambda: files.log_dict({}, path),
        lambda: files.log_bytes(b"x", path),
        lambda: files.list(path),
        lambda: list(files.walk(path)),
        lambda: files.read(path),
        lambda: files.open(path),
        lambda: files.download(path, tmp_path / "out"),
        lambda: files.delete(path),
    ]
    with store.counted() as counts:
        for call in calls:
            with pytest.raises(InvalidInput, match="Invalid artifact path"):
                call()
    assert counts.by_verb() == {}


@pytest.mark.parametrize("run_id", ["../x", "", "a/b", "a\0", ".."])
def test_run_id_that_leads_elsewhere_is_refused(store: CountingStore, run_id: str) -> None:
    with pytest.raises(InvalidInput):
        ArtifactReader(store, run_id, known=dict)


@given(st.text(alphabet="./\\%2eEfF5cC:a\0\n", min_size=1, max_size=12))
def test_no_path_reaches_beyond_the_runs_files(path: str) -> None:
    store = MemoryStore(f"memory://{uuid.uuid4().hex}")
    manifest = Manifest()
    files = RunArtifacts(store, RUN, note=manifest.note, known=lambda: manifest.files)
    try:
        files.log_text("x", path)
    except InvalidInput:
        assert store.list("") == []
    else:
        assert [entry.key for entry in store.list("")] == [ROOT + path]
        assert files.download(path).read_text() == "x"


def test_link_in_a_local_store_is_not_followed(tmp_path: Path, manifest: Manifest) -> None:
    store = LocalStore(tmp_path / "store")
    files = RunArtifacts(store, RUN, note=manifest.note, known=lambda: manifest.files)
    files.log_text("x", "real")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("s3cr3t")
    store.path(f"{ROOT}real").parent.joinpath("link").symlink_to(tmp_path / "secret")
    store.path(f"{ROOT}real").parent.joinpath("file").symlink_to(tmp_path / "secret" / "key")
    assert paths(files) == ["real"]
    for path in ("link/key", "file"):
        for call in (files.read, files.open):
            with pytest.raises((NotAllowed, NotFound)):
                call(path)
        with pytest.raises((NotAllowed, NotFound)):
            files.download(path)
    with pytest.raises(NotAllowed):
        files.log_text("x", "link/new")
    assert os.listdir(tmp_path / "secret") == ["key"]


# -- many at once -------------------------------------------------------------------------------------


def test_threads_log_side_by_side(files: RunArtifacts, manifest: Manifest) -> None:
    threads = [
        threading.Thread(
            target=lambda n=n: [files.log_text(f"{n} {i}", f"{n}/{i}") for i in range(20)]
        )
        for n in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths(files)) == 120
    assert all(files.read(path) for path in manifest.files)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_logs_files(tmp_path: Path, manifest: Manifest, folder: Path) -> None:
    store = LocalStore(tmp_path / "store")
    spool = tmp_path / "spool"
    files = RunArtifacts(store, RUN, note=manifest.note, known=lambda: manifest.files, spool=spool)
    files.log_text("parent", "parent")
    pid = os.fork()
    if pid == 0:
        try:
            files.log_folder(folder, "child")
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert len(paths(files, "child")) == 3
