"""What people see: Prefect's own pages, in a browser."""

from __future__ import annotations

import pytest
from pages import opened_page
from prefect import flow
from prefect.context import FlowRunContext
from rest import artifacts_of

from prefect_stageline import tracked_task
from prefect_stageline.cards import wait_for_cards
from stageline import DatasetInput, DatasetRef, active_run, log_metric
from stageline.workspace import Workspace

HOSTILE = '<img src=x onerror="document.title=1">|[a](javascript:alert(2))`` "];click n0 "x" www.example.com'


@tracked_task
def train(alpha: float, note: str) -> dict[str, float]:
    for step in range(30):
        log_metric("loss", 1 / (step + 1), step=step)
    run = active_run()
    assert run is not None
    run.log_input(DatasetInput(DatasetRef(name="wine.csv", digest="d1", source=note)))
    run.log_input(DatasetInput(DatasetRef(name=note, digest="d2", source="s3://b/x")))
    return {"rmse": alpha}


@flow
def shown() -> str:
    train(0.1, HOSTILE)
    train(0.2, f"{HOSTILE} again")
    wait_for_cards(60)
    context = FlowRunContext.get()
    assert context is not None
    assert context.flow_run is not None
    return str(context.flow_run.id)


@pytest.mark.slow
def test_the_card_shows_figures_a_course_and_the_lineage_as_a_drawing(workspace: Workspace):
    (card, *_) = artifacts_of(shown())["stageline-card-shown-train"]
    with opened_page(f"/v2/artifacts/artifact/{card['id']}") as page:
        drawing = page.locator("svg[aria-roledescription^=flowchart]")
        drawing.wait_for()
        told = drawing.text_content()
        assert "wine.csv" in told
        assert "read" in told
        assert "<img src=x" in told
        row = page.get_by_role("row", name="loss")
        assert row.get_by_text("0.0333333").count() == 2
        assert "█" in row.inner_text()
        assert page.get_by_text("alpha", exact=True).count() == 1
        check_nothing_was_obeyed(page)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["", "/v2"])
def test_the_table_compares_runs_and_obeys_no_cell(workspace: Workspace, version: str):
    (table,) = artifacts_of(shown())["stageline-metrics-shown"]
    with opened_page(f"{version}/artifacts/artifact/{table['id']}") as page:
        page.get_by_role("columnheader", name="metric rmse").wait_for()
        assert page.get_by_text("0.1", exact=True).count() >= 1
        assert "<img src=x" in page.locator("table").inner_text()
        check_nothing_was_obeyed(page)


@pytest.mark.slow
def test_the_first_ui_shows_the_card_too_with_the_drawing_as_text(workspace: Workspace):
    (card, *_) = artifacts_of(shown())["stageline-card-shown-train"]
    with opened_page(f"/artifacts/artifact/{card['id']}") as page:
        page.get_by_role("row", name="loss").wait_for()
        assert "flowchart LR" in page.locator("pre").last.inner_text()
        check_nothing_was_obeyed(page)


def check_nothing_was_obeyed(page) -> None:  # type: ignore[no-untyped-def]
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("a[href*=javascript], a[href*='example.com']").count() == 0
    assert page.title() != "1"
