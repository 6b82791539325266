"""What a person sees in Airflow's pages, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from browser import open_browser
from rest import Rest
from standalone import Standalone

from stageline.registry import Policy
from stageline.workspace import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


@contextmanager
def opened(standalone: Standalone, person: Rest, address: str) -> Iterator[Page]:
    """A page of Airflow, to somebody who has signed in; nothing on it breaks a policy or raises."""
    with open_browser() as browser:
        browser.add_cookies([{"name": "_token", "value": person.token, "url": standalone.url}])
        page = browser.new_page()
        complaints: list[str] = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda said: complaints.append(said.text) if _is_policy(said.text) else None
        )
        page.goto(f"{standalone.url}{address}")
        yield page
        assert complaints == []


def _is_policy(text: str) -> bool:
    return "Content Security Policy" in text or "sandboxed frame" in text


def test_the_button_on_the_page_of_a_task_leads_to_its_run(
    begun, admin: Rest, standalone: Standalone, pages: str
):
    dag_run = begun["retried"].succeeded()

    with opened(standalone, admin, f"{dag_run.page}/tasks/fail_once/details") as page:
        link = page.get_by_text("Stageline run", exact=True)
        told = link.get_attribute("href") or ""
        with page.context.expect_page() as other:
            link.click()
        other.value.wait_for_load_state()
        shown = other.value.get_by_role("heading").inner_text()

    assert told == f"{pages}{shown}"
    assert dag_run.links("fail_once") == {"Stageline run": told}


def test_a_dag_run_has_a_tab_that_draws_its_lineage(begun, admin: Rest, standalone: Standalone):
    dag_run = begun["mapped"].succeeded()

    with opened(standalone, admin, dag_run.page) as page:
        page.get_by_role("link", name="Lineage", exact=True).click()
        frame = page.frame_locator('iframe[title="Lineage"]')
        frame.get_by_role("heading", level=1).wait_for()
        drawn = frame.locator("svg a").all_text_contents()

    assert len([one for one in drawn if "train [" in one]) == 3
    assert any("airflow pipeline" in one for one in drawn)


def test_a_task_instance_has_a_tab_that_shows_its_run(begun, admin: Rest, standalone: Standalone):
    dag_run = begun["mapped"].succeeded()

    with opened(standalone, admin, f"{dag_run.page}/tasks/train/mapped/1") as page:
        page.evaluate("localStorage.setItem('theme', 'dark')")
        page.reload()
        page.get_by_role("link", name="Run", exact=True).click()
        frame = page.frame_locator('iframe[title="Run"]')
        heading = frame.get_by_role("heading", level=1).inner_text()
        theme = frame.locator("html").get_attribute("data-theme")
        metrics = frame.get_by_role("table", name="Metrics", exact=True).inner_text()
        params = frame.get_by_role("table", name="Params", exact=True).inner_text()
        frame.get_by_role("link", name="Charts", exact=True).click()
        frame.locator(".js-plotly-plot svg .lines").first.wait_for(state="attached")
        frame.get_by_role("link", name="Artifacts", exact=True).click()
        frame.get_by_role("link", name="notes.txt").first.click()
        frame.get_by_text("a file of this task").wait_for()
        frame.get_by_role("link", name="Overview", exact=True).click()
        frame.get_by_role("link", name="Airflow").first.click()
        told = frame.get_by_role("status").inner_text()

    assert (heading, theme) == ("train [1]", "dark")
    assert "This frame opens no windows. The address is" in told
    assert "0.1" in metrics.split()
    assert "0.1" in params.split()


def test_models_are_in_the_navigation_and_approved_there_by_name(
    begun, approver: Rest, standalone: Standalone, standalone_store: Workspace
):
    registry = standalone_store.registry
    with standalone_store.runs.create() as run:
        standalone_store.artifacts(run.run_id).log_text("flavors: {}\n", "model/MLmodel")
    version = registry.register("wine", run_id=run.run_id, artifact_path="model")
    registry.set_policy("wine", "Production", Policy(approvals=1))
    registry.request_transition("wine", version.version, "Production", comment="the new one")

    with opened(standalone, approver, "/") as page:
        page.get_by_role("button", name="Browse").click()
        page.get_by_role("menuitem", name="Models").click()
        frame = page.frame_locator('iframe[title="Models"]')
        frame.get_by_role("link", name="wine", exact=True).first.wait_for()
        frame.get_by_role("link", name="Requests").click()
        frame.get_by_role("link", name="wine v1").first.click()
        # The first request stands on the page before too: what is filled in there would be left behind.
        frame.owner.element_handle().content_frame().wait_for_url("**request=*")
        frame.get_by_label("Comment").first.fill("looks right")
        frame.get_by_role("button", name="Approve: promote v1").click()
        frame.get_by_role("status").wait_for()
        notice = frame.get_by_role("status").inner_text()

    assert "is in Production" in notice
    (request,) = [one for name, one in registry.requests(status=None) if name == "wine"]
    assert [(one.by, one.comment) for one in request.approvals] == [(approver.user, "looks right")]
