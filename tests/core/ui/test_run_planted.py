"""Scripts that users planted in whatever a run stores: none comes through as markup, and none runs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from browser import open_browser
from browsing import served
from run_records import planted_run

if TYPE_CHECKING:
    from reading import Element, Reader

    from stageline.workspace import Workspace

FILES = [
    "evil.html", "evil.svg", "evil.md", "evil.json", "evil.csv", "evil.py", "model/MLmodel", "model",
    "model/requirements.txt", "a '\"<img src=x onerror=window.planted=10>.txt", "",
]  # fmt: skip
URLS = ("href", "src", "action", "formaction", "data", "xlink:href")


@pytest.fixture
def run_id(workspace: Workspace) -> str:
    return planted_run(workspace)


def check_clean(page: Element) -> None:
    """Nothing on it was written by a user but text."""
    for one in page.all():
        assert not [name for name in one.attributes if name.startswith("on")], one
        assert "style" not in one.attributes, one
        for name in URLS:
            assert not re.match(r"\s*(javascript|data|vbscript):", one.get(name) or "", re.I), one
        if one.tag == "script":
            is_ours = (one.get("src") or "").startswith("/static/")
            assert is_ours or one.get("type") == "application/json", one
        if one.tag == "img":
            assert one["src"].startswith("/runs/"), one
        if one.tag == "iframe":
            assert one["sandbox"] in ("", "allow-scripts"), one


def test_page_of_the_run_shows_them_as_text(reader: Reader, run_id: str) -> None:
    page = reader.page(f"/runs/{run_id}")
    check_clean(page)
    assert "<script>window.planted = 1</script>" in page.one("h1").text
    assert page.text.count("window.planted") > 10


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize("query", [{}, {"source": "1"}, {"scripts": "1"}])
def test_pages_of_its_files_show_them_as_text(
    reader: Reader, run_id: str, path: str, query: dict[str, str]
) -> None:
    check_clean(reader.page(f"/runs/{run_id}/artifacts", path=path, **query))


def test_name_of_a_file_does_not_leave_its_header(reader: Reader, run_id: str) -> None:
    answer = reader.get(f"/runs/{run_id}/raw/{FILES[-2]}")
    told = answer.headers["content-disposition"]
    assert told.startswith('inline; filename="a \'_<img src=x onerror=window.planted=10>.txt"; ')
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.fixture
def address(workspace: Workspace) -> Iterator[str]:
    with served(workspace) as found:
        yield found


def test_none_runs_in_a_browser(workspace: Workspace, address: str, run_id: str) -> None:
    asked: list[str] = []
    with open_browser() as browser:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        own = f"{address}/runs/{run_id}"
        places = [own, f"{own}/raw/evil.html", f"{own}/raw/evil.svg", f"{own}/raw/evil.md"]
        places += [f"{own}/artifacts?path={path}" for path in FILES if "'" not in path]
        for place in places:
            page.goto(place)
            page.wait_for_load_state("load")
            found = [frame.evaluate("window.planted") for frame in page.frames]
            assert found == [None] * len(found), place
        # The control: a reader may let a chart's own scripts run, and then they do, of another origin.
        page.goto(f"{own}/artifacts?path=evil.html&scripts=1")
        page.wait_for_load_state("load")
        framed = page.frames[1]
        assert framed.evaluate("window.planted") is not None
        assert framed.evaluate("self.origin") == "null"
        assert page.frames[0].evaluate("window.planted") is None
    assert all(url.startswith((address, "data:")) for url in asked), asked
