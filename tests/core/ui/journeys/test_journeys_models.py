"""A reader's way through models, versions, requests, history and lineage, in a browser, on the demo's store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo_registry import MODEL
from serving import ui_process

if TYPE_CHECKING:
    from demo_store import Team
    from looking import Look
    from serving import Served


MOVE = """(slider, then) => {
  slider.value = then;
  for (const kind of ["input", "change"]) slider.dispatchEvent(new Event(kind, {bubbles: true}));
}"""


def test_an_approver_opens_the_inbox_and_the_button_does_what_it_says(
    own_demo: Team, look: Look
) -> None:
    registry = own_demo.workspace.registry
    with ui_process(own_demo.folder, user="bob") as served:
        page = look.at(f"{served.url}/models")
        assert look.column("Name") == ["digits", MODEL]
        page.get_by_role("link", name=MODEL).click()
        page.wait_for_url(f"**/{MODEL}")
        assert look.column("Version") == ["v5", "v4", "v3", "v2", "v1"]
        gates = look.column("Gate to Production")
        assert gates[:2] == ["3/3 checks, 1 approval missing", "2/3 checks, 1 approval missing"]
        assert page.get_by_role("link", name="Requests").locator(".count").inner_text()[0] == "1"
        page.get_by_role("link", name="Decide").click()
        page.wait_for_url("**/requests?**")
        assert page.get_by_role("heading", level=2, name="Promote v5, archive v2").is_visible()
        page.get_by_label("comment").or_(page.locator("[name=comment]")).first.fill("go")
        page.get_by_role("button", name="Promote v5, archive v2").click()
        page.locator(".notice").wait_for()
        assert {one.version: one.current_stage for one in registry.versions(MODEL)} == {
            1: "Archived", 2: "Archived", 3: "Archived", 4: "None", 5: "Production",
        }  # fmt: skip
        assert registry.history(MODEL)[-1].actor == "bob"
        assert page.locator(".sidebar .count").count() == 0

        look.at(f"{served.url}/models/{MODEL}")
        page.locator("section", has_text="Roll back Production").get_by_label("Why").fill("slow")
        page.get_by_role("button", name="Roll back Production: v2 again, archive v5").click()
        page.locator(".notice").wait_for()
        assert registry.latest_versions(MODEL, ["Production"])[0].version == 2
        look.is_well(host=served.url)


def test_who_asked_may_not_answer(demo: Team, demo_pages: Served, look: Look) -> None:
    page = look.at(f"{demo_pages.url}/requests")
    assert "ann may not approve this: bob or carol may." in page.locator("main").inner_text()
    assert page.get_by_role("button", name="Promote v5").count() == 0
    look.is_well(host=demo_pages.url)


def test_a_version_says_what_each_button_would_do(
    demo: Team, demo_pages: Served, look: Look
) -> None:
    page = look.at(f"{demo_pages.url}/models/{MODEL}/versions/4")
    assert page.get_by_role("button", name="Promote v4, archive v2").is_disabled()
    assert "better rmse is 0.69505" in page.locator(".failing").first.inner_text()
    page.get_by_role("link", name="Compare with v2 in Production").click()
    page.wait_for_url("**/compare?**")
    assert "Difference" in page.locator("main table thead").first.inner_text()
    look.is_well(host=demo_pages.url)


def test_history_tells_what_was_in_production_at_a_moment(
    demo: Team, demo_pages: Served, look: Look
) -> None:
    page = look.at(f"{demo_pages.url}/models/{MODEL}/history")
    assert "v2" in page.locator(".standing dd").nth(1).inner_text()
    slider = page.locator("#as-of")
    slider.evaluate(
        MOVE,
        demo.now_ms - 45 * 24 * 3_600_000,
    )
    page.wait_for_url("**as_of=**")
    standing = dict(
        zip(
            page.locator(".standing").first.locator("dt").all_inner_texts(),
            page.locator(".standing").first.locator("dd").all_inner_texts(),
            strict=True,
        )
    )
    assert standing["Production"].startswith("v1")
    look.is_well(host=demo_pages.url)


def test_lineage_is_walked_by_clicking(demo: Team, demo_pages: Served, look: Look) -> None:
    page = look.at(f"{demo_pages.url}/lineage")
    page.locator("main table").get_by_role("link", name="v2").click()
    page.wait_for_url("**of=**")
    drawing = page.locator(".drawing")
    assert drawing.locator(".kind-dataset").count() == 1
    assert drawing.locator(".kind-task").count() == 2
    drawing.locator("a.thing", has_text="wine.csv").click()
    page.wait_for_url("**node=**")
    assert page.locator("#side-title").inner_text() == "wine.csv"
    page.locator("summary", has_text="The same as a list").click()
    assert page.locator(".list-card").get_by_role("link", name="wine.csv").first.is_visible()
    look.is_well(host=demo_pages.url)
