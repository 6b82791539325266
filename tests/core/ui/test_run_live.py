"""The page of a run that goes on, in a real browser: it follows the run, and leaves alone what somebody has in hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import open_browser
from browsing import listened, served

from stageline.workspace import Workspace

WITHIN_MS = 30_000


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"), user="ann")


def test_page_follows_a_run_until_its_end(workspace: Workspace) -> None:
    experiment_id = workspace.experiments.create("wine").experiment_id
    run = workspace.runs.create(experiment_id, run_name="long")
    run.log_metric("loss", 0.5, step=1)
    run.flush()
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        wrong = listened(page)
        page.goto(f"{url}/runs/{run.run_id}")
        page.locator(".tag-form input[name=key]").first.fill("half typed")
        loss = page.get_by_role("row", name="loss").locator(".last")
        assert loss.inner_text() == "0.5"
        run.log_metric("loss", 0.25, step=2)
        run.log_param("depth", 3)
        run.flush()
        page.locator(".metrics .last", has_text="0.25").wait_for(timeout=WITHIN_MS)
        # A part that was not there stands where it would have stood.
        titles = page.locator(".run-split > .stack:first-child > section > h2")
        assert [text.split()[0] for text in titles.all_inner_texts()][:2] == ["Metrics", "Params"]
        run.end()
        page.wait_for_selector(".run-head .status-finished", timeout=WITHIN_MS)
        assert page.locator(".tag-form input[name=key]").first.input_value() == "half typed"
        assert wrong == []


def test_page_of_a_run_that_ended_asks_for_nothing_more(workspace: Workspace) -> None:
    experiment_id = workspace.experiments.create("wine").experiment_id
    with workspace.runs.create(experiment_id, run_name="short") as run:
        run.log_metric("loss", 0.5)
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        page.goto(f"{url}/runs/{run.run_id}")
        assert page.locator('script[src*="run_live"]').count() == 0
