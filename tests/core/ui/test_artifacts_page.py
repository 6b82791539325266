"""The files of a run: the tree, the viewers, and the bytes themselves."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import pytest
from run_records import full_run, picture

if TYPE_CHECKING:
    from reading import Element, Reader

    from stageline.workspace import Workspace


@pytest.fixture
def run_id(workspace: Workspace) -> str:
    return full_run(workspace)


def shown(reader: Reader, run_id: str, path: str, **query: object) -> Element:
    """The part of the page that shows a file."""
    page = reader.page(f"/runs/{run_id}/artifacts", path=path, **query)
    return page.one("section", id="artifact")


def cells(box: Element) -> list[list[str]]:
    return [[c.text for c in row.content if not isinstance(c, str)] for row in box.all("tr")]


def test_tree_has_every_file_and_marks_the_one_in_the_address(reader: Reader, run_id: str) -> None:
    page = reader.page(f"/runs/{run_id}/artifacts", path="plots/roc.png")
    entries = [one["data-path"] for one in page.one("nav", cls="tree").all("a")]
    assert {"", "plots", "plots/roc.png", "model", "model/MLmodel", "weights.bin"} <= {*entries}
    current = [
        one["data-path"] for one in page.all("a", aria_current="page") if one.get("data-path")
    ]
    assert current == ["plots/roc.png"]
    folders = page.one("nav", cls="tree").all("li", cls="folder")
    opened = [
        folder.all("a")[0]["data-path"]
        for folder in folders
        if "open" in folder.all("details")[0].attributes
    ]
    assert opened == ["plots"]


def test_head_tells_path_size_and_digest(workspace: Workspace, reader: Reader, run_id: str) -> None:
    box = shown(reader, run_id, "weights.bin")
    data = bytes(range(256))
    assert "256 B" in box.text
    copies = [one["data-copy"] for one in box.all("button", cls="copy")]
    digest = hashlib.sha256(data).hexdigest()
    assert copies == ["weights.bin", f"runs:/{run_id}/weights.bin", digest]
    download = next(a for a in box.all("a") if a.text == "Download")
    answer = reader.get(download["href"])
    assert answer.content == data
    assert answer.headers["content-disposition"].startswith("attachment; ")


def test_code_has_numbered_lines_and_is_escaped(reader: Reader, run_id: str) -> None:
    box = shown(reader, run_id, "code/train.py")
    lines = box.all("span", cls="line")
    assert [line["id"] for line in lines] == ["L1", "L2"]
    assert lines[1].text == "return x < 1 # why"
    assert [one.text for one in lines[0].all("span", cls="t-k")] == ["def"]


def test_json_is_folded(reader: Reader, run_id: str) -> None:
    box = shown(reader, run_id, "labels.json")
    assert [one.text for one in box.all("span", cls="json-key")] == [
        "classes", "0", "1", "deep", "a", "b",
    ]  # fmt: skip
    assert [one.text for one in box.all("span", cls="json-string")] == ['"red"', '"white"']
    is_open = ["open" in one.attributes for one in box.all("details")]
    assert is_open == [True, True, True, False]
    assert shown(reader, run_id, "labels.json", source=1).all("pre", cls="code")


def test_csv_is_a_table_in_pages_with_its_true_total(reader: Reader, run_id: str) -> None:
    box = shown(reader, run_id, "tables/squares.csv", start=200)
    table = cells(box)
    assert table[0] == ["#", "x", "y"]
    assert table[1] == ["201", "200", "40000"]
    assert len(table) == 51
    assert "201\u2013250 of 250" in box.text
    before = next(a for a in box.all("a") if a.get("rel") == "prev")
    assert "start=100" in before["href"]
    assert "path=tables" in before["href"]


def test_parquet_is_a_table_with_types_read_by_row_groups(
    workspace: Workspace, reader: Reader
) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    run = workspace.runs.create(run_name="r")
    buffer = io.BytesIO()
    table = pa.table({"n": list(range(1000)), "name": [f"row {n}" for n in range(1000)]})
    parquet.write_table(table, buffer, row_group_size=64)
    workspace.artifacts(run.run_id).log_bytes(buffer.getvalue(), "rows.parquet")
    run.end()
    box = shown(reader, run.run_id, "rows.parquet", start=500)
    rows = cells(box)
    assert rows[0] == ["#", "nint64", "namestring"]
    assert rows[1] == ["501", "500", "row 500"]
    assert rows[-1] == ["600", "599", "row 599"]
    assert "501\u2013600 of 1,000" in box.text


def test_logged_table_is_a_table(workspace: Workspace, reader: Reader) -> None:
    run = workspace.runs.create(run_name="r")
    from stageline.tracking import media

    media.log_table(workspace.artifacts(run.run_id), {"a": [1, 2], "b": ["x", None]}, "t.json")
    run.end()
    assert cells(shown(reader, run.run_id, "t.json")) == [
        ["#", "a", "b"], ["1", "1", "x"], ["2", "2", ""],
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["model/MLmodel", "model"])
def test_model_shows_its_signature_requirements_and_how_to_load_it(
    reader: Reader, run_id: str, path: str
) -> None:
    box = shown(reader, run_id, path)
    rows = cells(box)
    assert ["alcohol", "double", "required"] in rows
    assert ["year", "long", "optional"] in rows
    assert ["0", "float64", "tensor (any)"] in rows
    assert ["top", "long", "default 3"] in rows
    told = [one.text for one in box.all("pre")]
    assert f"stageline.load_model('runs:/{run_id}/model')" in told[0]
    assert told[1] == "scikit-learn==1.5.2 pandas"
    assert "sklearn 1.5.2" in box.text


def test_markdown_is_rendered(reader: Reader, run_id: str) -> None:
    box = shown(reader, run_id, "report.md")
    assert box.one("em").text == "well"


def test_image_is_an_image(reader: Reader, run_id: str) -> None:
    picture_box = shown(reader, run_id, "plots/roc.png").one("img")
    answer = reader.get(picture_box["src"])
    assert (answer.content, answer.headers["content-type"]) == (picture(), "image/png")


def test_html_is_framed_with_no_rights_and_scripts_only_on_request(
    reader: Reader, run_id: str
) -> None:
    frame = shown(reader, run_id, "plots/chart.html").one("iframe")
    assert frame["sandbox"] == ""
    policy = reader.get(frame["src"]).headers["content-security-policy"]
    assert policy.endswith("sandbox")
    assert "script-src" not in policy
    frame = shown(reader, run_id, "plots/chart.html", scripts=1).one("iframe")
    assert frame["sandbox"] == "allow-scripts"
    policy = reader.get(frame["src"]).headers["content-security-policy"]
    assert policy.endswith("sandbox allow-scripts")
    assert "connect-src" not in policy
    assert "default-src 'none'" in policy


@pytest.mark.parametrize(
    ("path", "media_type", "how"),
    [
        ("plots/chart.html", "text/html; charset=utf-8", "inline"),
        ("plots/drawing.svg", "image/svg+xml", "inline"),
        ("code/train.py", "text/plain; charset=utf-8", "inline"),
        ("report.md", "text/plain; charset=utf-8", "inline"),
        ("model/MLmodel", "text/plain; charset=utf-8", "inline"),
        ("weights.bin", "application/octet-stream", "attachment"),
    ],
)
def test_bytes_are_sent_by_name_and_locked(
    reader: Reader, run_id: str, path: str, media_type: str, how: str
) -> None:
    answer = reader.get(f"/runs/{run_id}/raw/{path}")
    headers = answer.headers
    assert headers["content-type"] == media_type
    assert headers["content-disposition"].startswith(f"{how}; filename=")
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"].split("; ")
    assert "'self'" not in headers["content-security-policy"].replace("media-src 'self'", "")


@pytest.mark.parametrize(
    ("asked", "status", "content", "told"),
    [
        ("bytes=0-3", 206, bytes(range(4)), "bytes 0-3/256"),
        ("bytes=250-", 206, bytes(range(250, 256)), "bytes 250-255/256"),
        ("bytes=-2", 206, bytes((254, 255)), "bytes 254-255/256"),
        ("bytes=256-", 416, b"", "bytes */256"),
        ("bytes=0-1,4-5", 200, bytes(range(256)), None),
    ],
)
def test_ranges(
    reader: Reader, run_id: str, asked: str, status: int, content: bytes, told: str | None
) -> None:
    answer = reader.get(f"/runs/{run_id}/raw/weights.bin", headers={"range": asked})
    assert (answer.status_code, answer.content) == (status, content)
    assert answer.headers.get("content-range") == told


def test_a_long_text_is_cut_with_a_note(workspace: Workspace, reader: Reader) -> None:
    run = workspace.runs.create(run_name="r")
    text = "".join(f"{n:07} some words\n" for n in range(60_000))
    workspace.artifacts(run.run_id).log_text(text, "long.log")
    run.end()
    box = shown(reader, run.run_id, "long.log")
    assert len(box.all("span", cls="line")) == 5_000
    assert "The first 5,000 lines of 1.1 MB: download the file for the rest." in box.text


def test_bytes_that_are_no_text_have_no_viewer(reader: Reader, run_id: str) -> None:
    assert "There is no viewer" in shown(reader, run_id, "weights.bin").text


def test_a_name_without_an_ending_is_shown_if_it_is_text(
    workspace: Workspace, reader: Reader
) -> None:
    run = workspace.runs.create(run_name="r")
    workspace.artifacts(run.run_id).log_text("plain words\n", "NOTES")
    run.end()
    assert shown(reader, run.run_id, "NOTES").one("pre").text == "plain words"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("bad.json", b"{"),
        ("deep.json", b"[" * 100_000),
        ("bad.parquet", b"PAR1 no"),
        ("empty.csv", b"\n"),
        ("latin.txt", b"caf\xe9"),
        ("bad/MLmodel", b"flavors: [1"),
    ],
)
def test_a_damaged_file_is_shown_as_far_as_it_goes(
    workspace: Workspace, reader: Reader, name: str, content: bytes
) -> None:
    run = workspace.runs.create(run_name="r")
    workspace.artifacts(run.run_id).log_bytes(content, name)
    run.end()
    assert name.rpartition("/")[2] in shown(reader, run.run_id, name).text


def test_a_folder_of_many_files_is_sent_in_part(workspace: Workspace, reader: Reader) -> None:
    run = workspace.runs.create(run_name="r")
    for n in range(900):
        path = f"runs/{run.run_id}/artifacts/many/{n:04}.txt"
        workspace.store.replace(path, b"x")
    workspace.artifacts(run.run_id).log_text("x", "few/one.txt")
    run.end()
    page = reader.page(f"/runs/{run.run_id}/artifacts", path="many/0899.txt")
    entries = [one["data-path"] for one in page.one("nav", cls="tree").all("a")]
    assert len(entries) == 1 + 2 + 501
    assert "many/0899.txt" in entries
    assert "few/one.txt" not in entries
    assert "and 399 more entries" in page.text


def test_a_run_without_files_says_how_to_log_some(workspace: Workspace, reader: Reader) -> None:
    run = workspace.runs.create(run_name="r")
    run.end()
    assert "stageline.log_artifact" in reader.page(f"/runs/{run.run_id}/artifacts").text


@pytest.mark.parametrize(
    ("path", "status"),
    [("nothing.txt", 404), ("../log/start.json", 400), ("a//b", 400), ("/etc/passwd", 400)],
)
def test_what_is_no_file_of_the_run_is_refused(
    reader: Reader, run_id: str, path: str, status: int
) -> None:
    reader.page(f"/runs/{run_id}/artifacts", path=path, status=status)


@pytest.mark.parametrize(
    "path", ["nothing.txt", "%2e%2e/log/start.json", "..%2flog%2fstart.json", "%2Fetc/passwd"]
)
def test_no_path_leads_out_of_the_files_of_a_run(reader: Reader, run_id: str, path: str) -> None:
    answer = reader.get(f"/runs/{run_id}/raw/{path}")
    assert answer.status_code in (400, 404)
