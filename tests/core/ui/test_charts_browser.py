"""The pages of charts in a real browser: what is drawn, what a brush does, that the policy forbids none of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from browser import open_browser
from browsing import counted, listened, served
from chart_records import long_series, sweep

from stageline.workspace import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Page

PLANTED = "<img src=x onerror=window.planted=1>"
LINES = ".scatterlayer path.js-line"
MOST_BYTES = 2_000_000
"""Of a cold load of a page with charts."""


def shown_rows(page: Page) -> list[str]:
    return page.locator("tr[data-run]:not([hidden]) th").all_inner_texts()


def test_lines_are_drawn_within_two_megabytes_and_a_zoom_fetches_finer_points(
    workspace: Workspace,
) -> None:
    experiment_id, run_ids = sweep(workspace)
    workspace.runs.rename(run_ids[0], PLANTED)
    _, long_id = long_series(workspace, 100_000)
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        wrong, sizes = listened(page), counted(page)
        page.goto(f"{url}/experiments/{experiment_id}/charts")
        page.locator(LINES).nth(9).wait_for(state="attached")
        page.locator(".barlayer .point").first.wait_for(state="attached")
        page.wait_for_load_state("networkidle")
        assert 1_000_000 < sum(sizes) < MOST_BYTES
        page.locator("input[name=smooth]").fill("0.5")
        page.locator(LINES).nth(19).wait_for(state="attached")
        assert parse_qs(urlsplit(page.url).query) == {"smooth": ["0.5"]}

        page.goto(f"{url}/runs/{long_id}/charts")
        page.get_by_text("2,000 of 100,000 points").wait_for()
        box = page.locator(".nsewdrag").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 100, box["y"] + 50)
        page.mouse.down()
        page.mouse.move(box["x"] + 300, box["y"] + 55, steps=5)
        page.mouse.up()
        page.wait_for_function(
            "() => !document.querySelector('[data-note]').textContent.includes('100,000')"
        )
        assert "2,000 of" in page.locator("[data-note]").inner_text()
        assert page.evaluate("window.planted") is None
        assert wrong == []


def test_brush_on_an_axis_filters_the_table_and_stays_in_the_address(workspace: Workspace) -> None:
    experiment_id, run_ids = sweep(workspace)
    workspace.runs.rename(run_ids[0], PLANTED)
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        wrong = listened(page)
        page.goto(f"{url}/experiments/{experiment_id}/charts?kind=parallel")
        axis = page.locator('[data-axis="metrics.rmse"]')
        axis.wait_for()
        assert page.locator("path.run-line").count() == len(shown_rows(page)) == 24
        box = axis.bounding_box()
        assert box is not None
        middle = box["x"] + box["width"] / 2
        page.mouse.move(middle, box["y"] + box["height"] - 1)
        page.mouse.down()
        page.mouse.move(middle, box["y"] + box["height"] * 0.75, steps=4)
        page.mouse.up()
        kept = shown_rows(page)
        assert 4 <= len(kept) <= 8
        assert PLANTED in kept
        assert page.locator("path.run-line.is-out").count() == 24 - len(kept)
        (brush,) = parse_qs(urlsplit(page.url).query)["brush"]
        assert brush.startswith("metrics.rmse:")

        page.reload()
        axis.wait_for()
        assert shown_rows(page) == kept
        page.get_by_role("button", name="Clear the brush").click()
        assert len(shown_rows(page)) == 24
        assert "brush" not in page.url
        axis.press("Shift+ArrowDown")
        assert 0 < len(shown_rows(page)) < 24
        assert page.evaluate("window.planted") is None
        assert wrong == []


def test_each_kind_is_drawn_in_both_themes_without_complaint(workspace: Workspace) -> None:
    experiment_id, run_ids = sweep(workspace)
    drawn = {
        "bars": ".barlayer .point",
        "scatter": ".scatterlayer .point",
        "contour": ".contourlayer path",
        "box": ".boxlayer path",
        "parallel": "path.run-line",
    }
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        wrong = listened(page)
        for kind, mark in drawn.items():
            page.goto(f"{url}/experiments/{experiment_id}/charts?kind={kind}")
            page.locator(mark).first.wait_for(state="attached")
        light = page.locator("path.run-line").first.get_attribute("stroke")
        page.emulate_media(color_scheme="dark")
        page.wait_for_function(
            "before => document.querySelector('path.run-line').getAttribute('stroke') !== before",
            arg=light,
        )
        page.goto(f"{url}/compare?{'&'.join(f'run={each}' for each in run_ids[:3])}")
        page.locator(LINES).nth(2).wait_for(state="attached")
        page.locator("[data-themes] button[value=dark]").first.click()
        page.wait_for_function("() => document.documentElement.dataset.theme === 'dark'")
        page.locator(LINES).nth(2).wait_for(state="attached")
        assert json.dumps(wrong) == "[]"
