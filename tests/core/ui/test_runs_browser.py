"""The runs table in a real browser: what its script adds, and that a live page moves nothing."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from browser import open_browser
from browsing import counted, listened, served

from stageline.workspace import Workspace

MOST_BYTES = 200_000
"""Of a cold load of a page with a table."""
START = 1_790_000_000_000


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"), user="ann")


def sweep(workspace: Workspace, count: int) -> tuple[str, list[str]]:
    experiment_id = workspace.experiments.create("wine").experiment_id
    ids = []
    for n in range(count):
        above = {"mlflow.parentRunId": ids[0]} if n in (1, 2) else {}
        run = workspace.runs.create(
            experiment_id, run_name=f"r{n}", tags=above, start_time=START + n
        )
        run.log_param("depth", n)
        run.log_metrics({f"loss_{k}": float(n * k) for k in range(12)})
        run.end()
        ids.append(run.info.run_id)
    return experiment_id, ids


def asked(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


def test_table_of_a_hundred_rows_costs_less_than_200_kb_and_asks_no_other_host(
    workspace: Workspace,
) -> None:
    experiment_id, _ = sweep(workspace, 110)
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        wrong, sizes, hosts = listened(page), counted(page), set()
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(f"{url}/experiments/{experiment_id}")
        page.wait_for_load_state("networkidle")
        assert page.locator("tr[data-run]").count() == 100
        assert 10_000 < sum(sizes) < MOST_BYTES
        assert hosts == {urlsplit(url).netloc}
        assert wrong == []


def test_selection_is_part_of_the_address_and_of_the_links(workspace: Workspace) -> None:
    experiment_id, ids = sweep(workspace, 20)
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        wrong = listened(page)
        page.goto(f"{url}/experiments/{experiment_id}")
        page.keyboard.press("j")
        page.keyboard.press("x")
        page.wait_for_url("**run=**")
        assert asked(page.url) == {"run": [ids[-1]]}
        page.get_by_role("link", name="loss_1 ").first.click()
        page.wait_for_url("**order=**")
        assert asked(page.url)["run"] == [ids[-1]]
        assert page.locator("tr.is-selected").count() == 1
        page.locator("[data-all]").click()
        page.wait_for_url("**choice=**")
        assert "run" not in asked(page.url)
        page.reload()
        assert page.locator("tr.is-selected").count() == page.locator("tr[data-run]").count() == 20
        page.keyboard.press("c")
        page.wait_for_url("**/compare?**")
        assert len(asked(page.url)["run"]) == 20
        assert wrong == []


def test_live_page_renews_cells_and_moves_nothing(workspace: Workspace) -> None:
    experiment_id, _ = sweep(workspace, 30)
    run = workspace.runs.create(experiment_id, run_name="live", start_time=START - 1)
    run.log_metrics({"loss_0": 100.0})
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        wrong = listened(page)
        page.goto(f"{url}/experiments/{experiment_id}?c=metrics.loss_0&order=metrics.loss_0")
        cell = page.locator(f"tr[data-run='{run.info.run_id}'] td.num")
        assert cell.inner_text() == "100"
        before = page.locator("tr[data-run]").evaluate_all("rows => rows.map(r => r.dataset.run)")
        page.evaluate("document.querySelector('.runs-box').scrollTop = 120")
        run.log_metrics({"loss_0": -5.0})
        newer = workspace.runs.create(experiment_id, run_name="newer", start_time=START + 99)
        newer.log_metrics({"loss_0": -9.0})
        page.locator("[data-news] a").wait_for()
        page.wait_for_function(
            "id => document.querySelector(`tr[data-run='${id}'] td.num`).innerText.includes('5')",
            arg=run.info.run_id,
        )
        after = page.locator("tr[data-run]").evaluate_all("rows => rows.map(r => r.dataset.run)")
        assert after == before
        assert page.evaluate("document.querySelector('.runs-box').scrollTop") == 120
        assert page.locator("[data-news]").inner_text().startswith("1 run more")
        assert wrong == []
        run.end()
        newer.end()


def test_children_unfold_where_they_stand_and_the_address_says_so(workspace: Workspace) -> None:
    experiment_id, ids = sweep(workspace, 60)
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        page.goto(f"{url}/experiments/{experiment_id}?open=")
        page.evaluate("document.querySelector('.runs-box').scrollTop = 9999")
        place = page.evaluate("document.querySelector('.runs-box').scrollTop")
        page.locator(".fold").click()
        page.locator(f"tr[data-run='{ids[1]}']").wait_for()
        assert asked(page.url) == {"open": [ids[0]]}
        assert page.evaluate("document.querySelector('.runs-box').scrollTop") == place > 0
        page.go_back()
        page.locator(f"tr[data-run='{ids[1]}']").wait_for(state="detached")


def test_columns_are_found_by_typing_and_ticked(workspace: Workspace) -> None:
    experiment_id, _ = sweep(workspace, 3)
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        wrong = listened(page)
        page.goto(f"{url}/experiments/{experiment_id}?c=name&c=params.depth&filter=depth+%3C+9")
        page.locator("#columns summary").click()
        page.locator("#column-search").fill("loss_11")
        page.get_by_label("loss_11").check()
        page.get_by_label("depth").uncheck()
        page.get_by_role("button", name="Show these").click()
        page.wait_for_url("**loss_11**")
        assert asked(page.url) == {"c": ["name", "metrics.loss_11"], "filter": ["depth < 9"]}
        assert wrong == []


def test_table_is_what_assistive_technology_reads(workspace: Workspace) -> None:
    experiment_id, _ = sweep(workspace, 3)
    with served(workspace) as url, open_browser() as context:
        page = context.new_page()
        page.goto(f"{url}/experiments/{experiment_id}")
        nameless = page.evaluate(
            "[...document.querySelectorAll('main :is(a, button, input, select, summary)')]"
            ".filter(e => e.checkVisibility() && !(e.innerText || e.ariaLabel || e.labels?.length))"
            ".map(e => e.outerHTML)"
        )
        assert nameless == [], json.dumps(nameless)
        assert page.get_by_role("heading", level=1).inner_text() == "wine"
        assert page.get_by_role("table", name="Runs of wine").count() == 1
