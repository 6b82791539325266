"""Each page in both themes: axe finds nothing critical or serious, and on a phone nothing moves sideways."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from looking import PHONE, Look
from pages_of import TWINS, addresses

if TYPE_CHECKING:
    from demo_store import Team
    from playwright.sync_api import Page
    from serving import Served

ROOT = Path(__file__).parents[4]
AXE = Path(os.environ.get("AXE_SCRIPT", ROOT / ".venv/tools/axe-core-4.14.1/package/axe.min.js"))
GRAVE = ("critical", "serious")


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core."""
    if not AXE.is_file():
        pytest.skip("axe-core is not here: `make test-core` fetches it, and needs npm")
    return AXE.read_text()


def test_axe_finds_nothing_grave_on_any_page_in_either_theme(
    axe: str, demo: Team, demo_pages: Served, look: Look
) -> None:
    found = {}
    look.page.emulate_media(reduced_motion="reduce")
    for name, path in addresses(demo).items():
        if name in TWINS:
            continue
        look.page.goto(demo_pages.url + path)
        look.page.wait_for_load_state("load")
        if look.page.locator("[data-plotly]").count():
            look.page.locator(".js-plotly-plot, path.run-line").first.wait_for(state="attached")
        look.page.evaluate(f"{axe}; 0")  # by the debugger: the policy forbids it as a script
        for theme in ("light", "dark"):
            look.page.emulate_media(color_scheme=theme)
            if grave := _grave(look.page):
                found[name, theme] = grave
    assert found == {}, "\n".join(f"{where}: {each}" for where, each in found.items())
    look.is_well(host=demo_pages.url)


def test_no_page_moves_sideways_on_a_phone(demo: Team, demo_pages: Served, look: Look) -> None:
    wide = {}
    look.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    for name, path in addresses(demo).items():
        look.page.goto(demo_pages.url + path)
        look.page.wait_for_load_state("load")
        width = look.page.evaluate("document.documentElement.scrollWidth")
        if width > PHONE["width"]:
            wide[name] = width
    assert wide == {}
    look.is_well(host=demo_pages.url)


def _grave(page: Page) -> list[Any]:
    answer = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        (rule["id"], rule["impact"], [node["html"][:160] for node in rule["nodes"][:6]])
        for rule in answer["violations"]
        if rule["impact"] in GRAVE
    ]
