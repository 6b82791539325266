"""The tree of files in a browser: arrow keys show files, and the address says which."""

from __future__ import annotations

from typing import TYPE_CHECKING

from browser import open_browser
from browsing import listened, served
from processes import until
from run_records import full_run

if TYPE_CHECKING:
    from stageline.workspace import Workspace


def test_arrow_keys_walk_the_tree_and_the_address_follows(workspace: Workspace) -> None:
    run_id = full_run(workspace)
    with served(workspace) as address, open_browser() as browser:
        page = browser.new_page()
        wrong = listened(page)
        page.goto(f"{address}/runs/{run_id}/artifacts?path=labels.json")
        page.locator('[data-path="labels.json"]').focus()
        page.evaluate("window.isSamePage = true")
        page.keyboard.press("ArrowDown")
        page.wait_for_url("**path=report.md")
        page.locator("#artifact h2", has_text="report.md").wait_for()
        assert page.locator("#artifact em").text_content() == "well"
        # A closed folder is opened, and what is in it comes next.
        page.locator('[data-path="code"]').focus()
        for key in ("ArrowRight", "ArrowRight"):
            page.keyboard.press(key)
        page.wait_for_url("**path=code%2Ftrain.py")
        page.locator("#artifact h2", has_text="train.py").wait_for()
        page.keyboard.press("ArrowLeft")
        assert page.evaluate("document.activeElement.dataset.path") == "code"
        page.keyboard.press("ArrowLeft")
        assert page.locator('[data-path="code/train.py"]').is_hidden()
        page.go_back()
        page.locator("#artifact h2", has_text="report.md").wait_for()
        assert page.locator('[data-path="report.md"]').get_attribute("aria-current") == "page"
        assert page.evaluate("window.isSamePage") is True
        assert wrong == []


def test_slider_shows_the_image_of_a_step(workspace: Workspace) -> None:
    run_id = full_run(workspace)
    with served(workspace) as address, open_browser() as browser:
        page = browser.new_page()
        page.goto(f"{address}/runs/{run_id}")
        image = page.locator("[data-images] img")
        assert "step+10" in (image.get_attribute("src") or "")
        page.locator('[data-images] input[type="range"]').fill("0")
        assert "step+1+" in (image.get_attribute("src") or "")
        assert image.get_attribute("alt") == "val/sample at step 1"
        until(lambda: bool(image.evaluate("i => i.complete && i.naturalWidth == 64")), "the image")
