"""Figures, images and tables become files that other tools can read."""

from __future__ import annotations

import io
import json
import re
import sys
import threading
import uuid
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from PIL import Image

from stageline.domain.artifact import StoredFile, keep_file
from stageline.errors import InvalidInput
from stageline.storage.memory import MemoryStore
from stageline.tracking.artifacts import RunArtifacts
from stageline.tracking.media import (
    TAG_LOGGED_ARTIFACTS,
    TAG_LOGGED_IMAGES,
    log_figure,
    log_image,
    log_table,
    table_tag,
)


@pytest.fixture
def files() -> RunArtifacts:
    manifest: dict[str, StoredFile] = {}
    stamps = iter(range(10_000))

    def note(noted):
        for path, digest in noted.items():
            keep_file(manifest, path, StoredFile(next(stamps), *(digest or (None, 0))))

    return RunArtifacts(
        MemoryStore(f"memory://{uuid.uuid4().hex}"), "run1", note=note, known=lambda: manifest
    )


def opened(files: RunArtifacts, path: str) -> Image.Image:
    return Image.open(io.BytesIO(files.read(path)))


def table(files: RunArtifacts, path: str = "t.json") -> dict[str, Any]:
    return json.loads(files.read(path))


# -- figures ------------------------------------------------------------------------------------------


@pytest.fixture
def figure() -> Figure:
    figure = Figure(figsize=(2, 1))
    figure.subplots().plot([1, 2, 3])
    return figure


@pytest.mark.parametrize(
    ("name", "start"),
    [("p/a.png", b"\x89PNG"), ("a.SVG", b"<?xml"), ("a.pdf", b"%PDF"), ("a.jpg", b"\xff\xd8")],
)
def test_figure_is_what_its_name_says(
    files: RunArtifacts, figure: Figure, name: str, start: bytes
) -> None:
    log_figure(files, figure, name)
    assert files.read(name).startswith(start)


def test_options_reach_matplotlib(files: RunArtifacts, figure: Figure) -> None:
    log_figure(files, figure, "a.png", save_kwargs={"dpi": 50})
    assert opened(files, "a.png").size == (100, 50)


class PlotlyLike:
    def to_html(self, **options):
        return f"<html>{options}"

    def to_json(self, **options):
        return '{"data": []}'

    def to_image(self, format, **options):
        raise ValueError("kaleido is not installed")


def test_plotly_figure_is_a_page_or_its_data(files: RunArtifacts) -> None:
    log_figure(files, PlotlyLike(), "a.html", save_kwargs={"include_plotlyjs": "cdn"})
    log_figure(files, PlotlyLike(), "a.json")
    assert files.read("a.html") == b"<html>{'include_plotlyjs': 'cdn'}"
    assert table(files, "a.json") == {"data": []}
    with pytest.raises(InvalidInput, match="kaleido"):
        log_figure(files, PlotlyLike(), "a.png")


@pytest.mark.parametrize(
    ("what", "name", "told"),
    [
        ("figure", "a.html", "matplotlib can not store"),
        ("figure", "a", "the ending of 'a'"),
        (3, "a.png", "a figure is one of matplotlib or plotly"),
        ("figure", "../a.png", "Invalid artifact path"),
    ],
)
def test_figure_that_can_not_be_stored_is_refused(
    files: RunArtifacts, figure: Figure, what: object, name: str, told: str
) -> None:
    with pytest.raises(InvalidInput, match=told):
        log_figure(files, figure if what == "figure" else what, name)


# -- images -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "mode", "corner"),
    [
        (np.full((3, 5), 200, np.uint8), "L", 200),
        (np.full((3, 5, 1), 0.2), "L", 51),
        (np.ones((3, 5), bool), "L", 255),
        (np.full((3, 5, 3), 7, np.int64), "RGB", (7, 7, 7)),
        (np.full((3, 5, 4), 1.0, np.float32), "RGBA", (255, 255, 255, 255)),
        (np.asfortranarray(np.full((3, 5, 3), 9, np.uint8))[::-1], "RGB", (9, 9, 9)),
    ],
)
def test_array_is_an_image(
    files: RunArtifacts, array: np.ndarray, mode: str, corner: object
) -> None:
    assert log_image(files, array, "i.png") == {}
    image = opened(files, "i.png")
    assert (image.mode, image.size, image.getpixel((0, 0))) == (mode, (5, 3), corner)


@pytest.mark.parametrize(
    ("array", "told"),
    [
        (np.zeros((3, 5, 2)), "shape"),
        (np.zeros((3, 5, 4, 1)), "shape"),
        (np.zeros(5), "shape"),
        (np.zeros((0, 5)), "shape"),
        (np.zeros((3, 64, 64)), "moveaxis"),
        (np.full((3, 5), 1.01), "from 0 to 1"),
        (np.full((3, 5), -0.1), "from 0 to 1"),
        (np.full((3, 5), np.nan), "from 0 to 1"),
        (np.full((3, 5), 256), "from 0 to 255"),
        (np.full((3, 5), -1), "from 0 to 255"),
        (np.full((3, 5), "x"), "array of numbers"),
    ],
)
def test_other_arrays_are_refused(files: RunArtifacts, array: np.ndarray, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        log_image(files, array, "i.png")
    assert files.list() == []


def test_pil_image_keeps_its_pixels(files: RunArtifacts) -> None:
    log_image(files, Image.new("RGB", (4, 3), (1, 2, 3)), "d/i.bmp")
    assert opened(files, "d/i.bmp").getpixel((3, 2)) == (1, 2, 3)
    log_image(files, Image.new("RGB", (4, 3)), "i.jpg")
    assert opened(files, "i.jpg").format == "JPEG"


def test_format_that_can_not_hold_the_image_is_refused(files: RunArtifacts) -> None:
    with pytest.raises(InvalidInput, match=r"RGBA can not be stored as \.jpg"):
        log_image(files, Image.new("RGBA", (4, 3)), "i.jpg")
    with pytest.raises(InvalidInput, match=r"can not be stored as \.nope"):
        log_image(files, Image.new("RGB", (4, 3)), "i.nope")


def test_image_of_a_series_is_named_after_key_step_and_time(files: RunArtifacts) -> None:
    image = np.zeros((400, 600, 3), np.uint8)
    assert log_image(files, image, key="val/pred", step=3, timestamp=1234) == {
        TAG_LOGGED_IMAGES: "True"
    }
    small, full = (file.path for file in files.list("images"))
    stem = r"images/val#pred\+step\+3\+timestamp\+1234\+[0-9a-f-]{36}"
    assert re.fullmatch(stem + r"\.png", full)
    assert re.fullmatch(stem + r"\+compressed\.webp", small)
    assert small.startswith(full[:-4])
    assert opened(files, full).size == (600, 400)
    assert (opened(files, small).format, max(opened(files, small).size)) == ("WEBP", 256)


def test_images_of_one_step_do_not_replace_each_other(files: RunArtifacts) -> None:
    for _ in range(2):
        log_image(files, np.zeros((2, 2)), key="k", timestamp=1)
    assert len(files.list("images")) == 4


@pytest.mark.parametrize("mode", ["L", "P", "LA", "RGBA", "1"])
def test_every_mode_has_a_small_copy(files: RunArtifacts, mode: str) -> None:
    log_image(files, Image.new(mode, (4, 3)), key="k")
    assert len(files.list("images")) == 2


@pytest.mark.parametrize("key", ["", "../x\n", "a+b", "a#b", "ä", "a\\b", "x" * 300])
def test_other_keys_are_refused(files: RunArtifacts, key: str) -> None:
    with pytest.raises(InvalidInput):
        log_image(files, np.zeros((2, 2)), key=key)
    assert files.list() == []


def test_path_or_key_is_needed(files: RunArtifacts) -> None:
    for given in ({}, {"artifact_file": "a.png", "key": "k"}):
        with pytest.raises(InvalidInput, match="either an artifact_file or a key"):
            log_image(files, np.zeros((2, 2)), **given)


def test_missing_pillow_is_named(files: RunArtifacts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(InvalidInput, match="pip install pillow"):
        log_image(files, np.zeros((2, 2)), "i.png")


# -- tables -------------------------------------------------------------------------------------------


def test_dict_of_columns_is_a_table(files: RunArtifacts) -> None:
    tags = log_table(files, {"a": [1, 2], "b": ("x", None), "c": np.array([1.5, np.nan])}, "t.json")
    assert table(files) == {"columns": ["a", "b", "c"], "data": [[1, "x", 1.5], [2, None, None]]}
    assert tags == {TAG_LOGGED_ARTIFACTS: '[{"path":"t.json","type":"table"}]'}


def test_single_values_stand_in_every_row(files: RunArtifacts) -> None:
    log_table(files, {"a": [1, 2], "b": "x"}, "t.json")
    log_table(files, {"a": 3, "b": "y"}, "t.json")
    assert table(files)["data"] == [[1, "x"], [2, "x"], [3, "y"]]


def test_frame_is_a_table_that_pandas_reads(files: RunArtifacts) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "t": pd.to_datetime(["2020-01-01", None])})
    log_table(files, frame, "t.json")
    back = pd.read_json(io.BytesIO(files.read("t.json")), orient="split")
    pd.testing.assert_frame_equal(back[["a", "b"]], frame[["a", "b"]])
    assert [row[2] for row in table(files)["data"]] == ["2020-01-01T00:00:00", None]


def test_rows_are_appended_and_missing_cells_are_null(files: RunArtifacts) -> None:
    log_table(files, {"a": [1], "b": [2]}, "t.json")
    log_table(files, pd.DataFrame({"b": [3], "c": [pd.NA]}), "t.json")
    assert table(files) == {"columns": ["a", "b", "c"], "data": [[1, 2, None], [None, 3, None]]}


def test_threads_append_to_one_table(files: RunArtifacts) -> None:
    threads = [
        threading.Thread(
            target=lambda n=n: [log_table(files, {"n": [n]}, "t.json") for _ in range(10)]
        )
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row[0] for row in table(files)["data"]) == sorted([0, 1, 2, 3] * 10)


@pytest.mark.parametrize(
    ("data", "name", "told"),
    [
        ({"a": [1, 2], "b": [1]}, "t.json", "same length"),
        ([1, 2], "t.json", "a dict of columns"),
        ({"a": [object()]}, "t.json", "builtins.object"),
        ({"a": [1]}, "t.csv", "should end in '.json'"),
        ({"a": [1]}, "../t.json", "Invalid artifact path"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "t.json", "different names"),
    ],
)
def test_other_tables_are_refused(files: RunArtifacts, data: Any, name: str, told: str) -> None:
    with pytest.raises(InvalidInput, match=told):
        log_table(files, data, name)
    assert files.list() == []


def test_file_that_is_no_table_is_not_overwritten(files: RunArtifacts) -> None:
    files.log_text("[1, 2]", "t.json")
    with pytest.raises(InvalidInput, match="is no table"):
        log_table(files, {"a": [1]}, "t.json")
    assert files.read("t.json") == b"[1, 2]"


def test_tag_names_each_table_once() -> None:
    both = table_tag("b.json", table_tag("a.json"))
    assert table_tag("a.json", both) == both
    assert table_tag("a.json", "not JSON") == table_tag("a.json")
