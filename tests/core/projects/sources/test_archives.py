"""Projects in archives: what comes out of honest ones, and that nothing comes out of the others."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
import zipfile
from pathlib import Path

import pytest
from archives import Entry, make_archive

from stageline.errors import InvalidInput, NotFound
from stageline.projects.sources.copies import COPIES
from stageline.projects.sources.fetch import fetch
from stageline.projects.sources.landing import Limits

ENDINGS = [".zip", ".tar.gz", ".tgz", ".tar"]
SMALL = Limits(files=20, size=10_000)


def left_in(cache: Path) -> list[str]:
    """What lies in the cache, but for locks."""
    copies = cache / COPIES
    return [one.name for one in copies.iterdir() if one.is_dir()] if copies.exists() else []


def content(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_archive_is_unpacked_with_its_links_and_programs(
    tmp_path: Path, cache: Path, said: list[str], ending: str
) -> None:
    archive = make_archive(
        tmp_path / f"project{ending}",
        Entry("./MLproject", b"name: x"),
        Entry("./deep", kind="folder"),
        Entry("./deep/run.sh", b"#!/bin/sh", mode=0o4777),
        Entry("./link", kind="link", target="deep/run.sh"),
        Entry(".git/config", b"[core]"),
    )
    fetched = fetch(str(archive), None, cache=cache, say=said.append, progress=None)
    run = fetched.folder / "deep" / "run.sh"
    assert content(fetched.folder) == {
        "MLproject": "name: x",
        "deep/run.sh": "#!/bin/sh",
        "link": "#!/bin/sh",
    }
    assert run.stat().st_mode & 0o7777 == 0o755
    assert (fetched.folder / "link").is_symlink()
    assert fetched.commit is None
    assert f"fetching {archive}" in said[0]
    assert "left out the 1 entries of a .git folder" in said[1]
    fetched.discard()
    assert left_in(cache) == []


@pytest.mark.parametrize("uri", ["file://{}", "{}#inner", "'{}'"])
def test_an_archive_is_named_by_path_or_file_url_and_a_folder_in_it(
    tmp_path: Path, cache: Path, uri: str
) -> None:
    archive = make_archive(
        tmp_path / "p.zip", Entry("inner/MLproject", b"a"), Entry("inner/x/say.py", b"b")
    )
    fetched = fetch(uri.format(archive), None, cache=cache, say=print)
    assert content(fetched.folder) == {"MLproject": "a", "x/say.py": "b"}


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
@pytest.mark.parametrize(
    ("entries", "match"),
    [
        ([Entry("../out", b"x")], "leads out"),
        ([Entry("a/../../out", b"x")], "leads out"),
        ([Entry("/tmp/stageline-out", b"x")], "absolute"),
        ([Entry("C:/out", b"x")], "absolute"),
        ([Entry("..\\out", b"x")], "backslash"),
        ([Entry("a\x07b", b"x")], "control characters"),
        ([Entry("a" * 2000, b"x")], "1 to 1024"),
        ([Entry("l", kind="link", target="/etc/passwd")], "outside of the project"),
        ([Entry("a/l", kind="link", target="../../out")], "outside of the project"),
        ([Entry("l", kind="link", target="..")], "outside of the project"),
        (
            [Entry("a", kind="link", target="."), Entry("b", kind="link", target="a/a/..")],
            "outside of the project",
        ),
        ([Entry("l", kind="link", target="d"), Entry("l/x", b"x")], "there is a link 'l' already"),
        ([Entry("l", kind="link", target="d"), Entry("L/x", b"x")], "there is a link 'l' already"),
        (
            [Entry("a/x", b"x"), Entry("A", kind="link", target="b")],
            "there is a folder 'a' already",
        ),
        ([Entry("a", b"1"), Entry("a", b"2")], "there is a file 'a' already"),
        ([Entry("a", b"1"), Entry("./a", b"2")], "there is a file 'a' already"),
        ([Entry("a", b"1"), Entry("a/b", b"2")], "there is a file 'a' already"),
        ([Entry("dev", kind="device")], "device"),
        ([Entry("pipe", kind="pipe")], "pipe"),
        ([Entry(".GIT/config", b"x")], "git's own settings"),
        ([Entry("sub/git~1/config", b"x")], "git's own settings"),
        ([Entry(f"f{n}", b"") for n in range(21)], "(more than 20 files|one of 21 entries)"),
        ([Entry("zeros", bytes(10_001))], "more than 10000 bytes"),
        ([Entry(f"z{n}", bytes(3_000)) for n in range(4)], "more than 10000 bytes"),
    ],
)
def test_a_hostile_archive_is_refused_and_leaves_nothing(
    tmp_path: Path, cache: Path, entries: list[Entry], match: str, ending: str
) -> None:
    archive = make_archive(tmp_path / f"evil{ending}", *entries)
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(InvalidInput, match=match):
        fetch(str(archive), None, cache=cache, say=print, limits=SMALL)
    assert left_in(cache) == []
    assert sorted(os.listdir(tmp_path)) == sorted({*before, "cache"})
    assert not Path("/tmp/stageline-out").exists()


def test_hard_links_are_refused(tmp_path: Path, cache: Path) -> None:
    archive = make_archive(tmp_path / "evil.tar", Entry("h", kind="hardlink", target="/etc/passwd"))
    with pytest.raises(InvalidInput, match="hard link"):
        fetch(str(archive), None, cache=cache, say=print)


def test_links_may_not_lead_out_by_way_of_each_other(tmp_path: Path, cache: Path) -> None:
    archive = make_archive(
        tmp_path / "evil.tar",
        Entry("a/b", kind="folder"),
        Entry("deep", kind="link", target="a/b"),
        Entry("out", kind="link", target="deep/../../.."),
    )
    with pytest.raises(InvalidInput, match="outside of the project"):
        fetch(str(archive), None, cache=cache, say=print)
    assert left_in(cache) == []


def test_plain_files_may_differ_by_case_alone(tmp_path: Path, cache: Path) -> None:
    archive = make_archive(tmp_path / "p.zip", Entry("readme", b"1"), Entry("README", b"2"))
    assert content(fetch(str(archive), None, cache=cache, say=print).folder) == {
        "README": "2",
        "readme": "1",
    }


def test_a_zip_name_that_ends_at_a_nul_is_refused(tmp_path: Path, cache: Path) -> None:
    path = make_archive(tmp_path / "evil.zip", Entry("saXe.py", b"x"))
    path.write_bytes(path.read_bytes().replace(b"saXe.py", b"sa\0e.py"))
    with pytest.raises(InvalidInput, match="control characters"):
        fetch(str(path), None, cache=cache, say=print)


def test_a_zip_name_that_is_not_the_text_it_says_is_refused(tmp_path: Path, cache: Path) -> None:
    path = make_archive(tmp_path / "evil.zip", Entry("saéXe.py", b"x"))
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xa2\xa2"))
    with pytest.raises(InvalidInput, match="no sound archive"):
        fetch(str(path), None, cache=cache, say=print)


def test_a_zip_that_is_packed_by_rare_methods_or_needs_a_password_is_refused(
    tmp_path: Path, cache: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "lzma.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", b"x")
    with pytest.raises(InvalidInput, match="another method"):
        fetch(str(tmp_path / "lzma.zip"), None, cache=cache, say=print)
    path = make_archive(tmp_path / "locked.zip", Entry("a", b"x"))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match="password"):
        fetch(str(path), None, cache=cache, say=print)


def test_a_header_that_claims_gigabytes_is_not_read(tmp_path: Path, cache: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, 1 << 30
    claim = header.tobuf(tarfile.PAX_FORMAT)
    with gzip.open(tmp_path / "evil.tgz", "wb") as packed:
        packed.write(claim + bytes(1 << 20))
    with pytest.raises(InvalidInput, match="a header claims 1073741824 bytes"):
        fetch(str(tmp_path / "evil.tgz"), None, cache=cache, say=print)


def test_headers_that_never_end_are_refused(tmp_path: Path, cache: Path) -> None:
    stream = io.BytesIO()
    for number in range(3000):
        info = tarfile.TarInfo(f"h{number}")
        text = f"19 key{number:05d}=value\n"[:19].encode()
        info.type, info.size = tarfile.XGLTYPE, len(text)
        stream.write(info.tobuf(tarfile.PAX_FORMAT) + text + bytes(512 - len(text)))
    (tmp_path / "evil.tar").write_bytes(stream.getvalue() + bytes(1024))
    with pytest.raises(InvalidInput):
        fetch(str(tmp_path / "evil.tar"), None, cache=cache, say=print)


def test_what_is_passed_over_is_unpacked_within_limits_too(tmp_path: Path, cache: Path) -> None:
    archive = make_archive(tmp_path / "evil.tgz", Entry(".git/zeros", bytes(70 << 20)), Entry("a"))
    with pytest.raises(InvalidInput, match="claims to begin after"):
        fetch(str(archive), None, cache=cache, say=print, limits=SMALL)


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_is_no_archive_says_so(tmp_path: Path, cache: Path, ending: str) -> None:
    path = tmp_path / f"p{ending}"
    path.write_bytes(b"not an archive at all" * 100)
    with pytest.raises(InvalidInput, match="no sound archive"):
        fetch(str(path), None, cache=cache, say=print)
    whole = make_archive(tmp_path / f"w{ending}", Entry("a", os.urandom(5000)))
    path.write_bytes(whole.read_bytes()[:2000])
    with pytest.raises(InvalidInput, match="no sound archive"):
        fetch(str(path), None, cache=cache, say=print)
    with pytest.raises(NotFound, match="no archive"):
        fetch(str(tmp_path / f"none{ending}"), None, cache=cache, say=print)


def test_an_archive_is_a_plain_file(tmp_path: Path, cache: Path) -> None:
    os.mkfifo(tmp_path / "p.zip")
    with pytest.raises(InvalidInput, match="device, a pipe or a socket"):
        fetch(f"file://{tmp_path}/p.zip", None, cache=cache, say=print)


def test_an_archive_has_no_versions(tmp_path: Path, cache: Path) -> None:
    archive = make_archive(tmp_path / "p.zip", Entry("a"))
    with pytest.raises(InvalidInput, match="is no git repository"):
        fetch(str(archive), "main", cache=cache, say=print)
