"""What a person sees in Airflow's pages, in a browser."""

from __future__ import annotations

import pytest
from browser import open_browser
from rest import Rest
from standalone import Standalone

pytestmark = pytest.mark.slow


def test_the_button_on_the_page_of_a_task_leads_to_its_run(
    begun, admin: Rest, standalone: Standalone, pages: str
):
    dag_run = begun["retried"].succeeded()

    with open_browser() as browser:
        browser.add_cookies([{"name": "_token", "value": admin.token, "url": standalone.url}])
        page = browser.new_page()
        page.goto(f"{standalone.url}{dag_run.page}/tasks/fail_once/details")
        link = page.get_by_text("Stageline run", exact=True)
        told = link.get_attribute("href") or ""
        with browser.expect_page() as opened:
            link.click()
        opened.value.wait_for_load_state()
        shown = opened.value.get_by_role("heading").inner_text()

    assert told == f"{pages}{shown}"
    assert dag_run.links("fail_once") == {"Stageline run": told}
