"""Runs side by side: what differs, by how much from the baseline, and charts of the same."""

from __future__ import annotations

import math

import pytest
from chart_records import figures, sweep
from reading import Element, Reader, parsed

from stageline.ui.compare.comparison import Cell, compare
from stageline.ui.formats import NOTHING
from stageline.workspace import Workspace


def rows(page: Element) -> dict[str, list[str]]:
    """Key -> the texts of its cells, with plain hyphens for minus signs."""
    table = page.one("table", cls="compare")
    return {
        row.all("th")[0].text: [cell.text.replace("\N{MINUS SIGN}", "-") for cell in row.all("td")]
        for body in table.all("tbody")
        for row in body.all("tr")
        if row.all("td")
    }


def two_runs(workspace: Workspace) -> list[str]:
    ids = []
    for rmse, accuracy, kind in ((10.0, 0.5, "a"), (8.0, 0.25, "b")):
        with workspace.runs.create("0", run_name=f"run {kind}", tags={"team": "blue"}) as run:
            run.log_params({"kind": kind, "same": "1"} | ({"only": "x"} if kind == "b" else {}))
            run.log_metrics({"rmse": rmse, "accuracy": accuracy, "constant": 1.0})
        ids.append(run.run_id)
    return ids


def test_only_differences_are_shown_with_signs_and_percents(
    workspace: Workspace, reader: Reader
) -> None:
    first, second = two_runs(workspace)
    page = reader.page("/compare", run=[first, second])
    found = rows(page)
    assert found["rmse"] == ["10", "8 -2 (-20.00%) better"]
    assert found["accuracy"] == ["0.5", "0.25 -0.25 (-50.00%) worse"]
    assert found["kind"] == ["a", "b"]
    assert found["only"] == [NOTHING, "x"]
    assert not {"same", "constant", "team"} & set(found)
    assert "1 row the same" in page.one("main").text


def test_all_rows_are_a_link_away(workspace: Workspace, reader: Reader) -> None:
    page = reader.page("/compare", run=two_runs(workspace))
    (link,) = [a for a in page.all("a") if a.text == "Show all rows"]
    assert {"same", "constant", "team", "rmse"} <= set(rows(reader.page(link["href"])))


def test_heads_are_names_and_another_baseline_turns_the_signs(
    workspace: Workspace, reader: Reader
) -> None:
    first, second = two_runs(workspace)
    page = reader.page("/compare", run=[first, second], baseline=second)
    heads = [
        th for th in page.one("table", cls="compare").one("thead").all("th") if th.all("small")
    ]
    assert [head.all("a")[0].text for head in heads] == ["run a", "run b"]
    assert [head.one("small").text for head in heads] == [first[:8], second[:8]]
    assert "is-baseline" in heads[1].classes
    assert rows(page)["rmse"] == ["10 +2 (+25.00%) worse", "8"]


def test_many_runs_stand_side_by_side(workspace: Workspace, reader: Reader) -> None:
    _, run_ids = sweep(workspace, 120, steps=2)
    page = reader.page("/compare", run=run_ids)
    assert len(rows(page)["rmse"]) == 120
    assert len(figures(page)["Parallel coordinates"]["runs"]) == 120
    assert len(figures(page)["rmse"]["runs"]) == 50


def test_run_is_taken_out_and_baseline_chosen_in_the_heads(
    workspace: Workspace, reader: Reader
) -> None:
    _, run_ids = sweep(workspace, 3, steps=1)
    page = reader.page("/compare", run=run_ids, baseline=run_ids[0])
    kept = [(one["name"], one["value"]) for one in page.one("form", id="pick").all("input")]
    (button,) = [one for one in page.all("button") if one.text == "Take try 1 out"]
    without = reader.get("/compare", params=[*kept, (button["name"], button["value"])])
    assert rows(parsed(without.text))["rmse"] == ["0", "2 +2 worse"]
    assert run_ids[1] not in str(without.url)
    (button,) = [one for one in page.all("button") if one.text == "set as baseline try 2"]
    other = reader.get("/compare", params=[*kept, (button["name"], button["value"])])
    assert rows(parsed(other.text))["rmse"][2] == "2"
    assert str(other.url).count("baseline") == 1


def test_page_grows_with_its_runs_and_no_faster(workspace: Workspace, reader: Reader) -> None:
    _, run_ids = sweep(workspace, 80, steps=1)
    few, many = (len(reader.get("/compare", params={"run": run_ids[:n]}).text) for n in (40, 80))
    assert many < 2.2 * few


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_runs_lead_to_the_experiments(
    workspace: Workspace, reader: Reader, count: int
) -> None:
    _, run_ids = sweep(workspace, 1)
    page = reader.page("/compare", run=run_ids[:count])
    assert "Choose two runs or more" in page.one("main").text


def test_run_that_is_not_there_is_named(workspace: Workspace, reader: Reader) -> None:
    _, run_ids = sweep(workspace, 1)
    page = reader.page("/compare", status=404, run=[*run_ids, "b" * 32])
    assert "b" * 32 in page.one("main").text


def test_too_many_runs_are_refused(reader: Reader) -> None:
    assert reader.page("/compare", status=400, run=[f"{n:032x}" for n in range(301)])


def test_datasets_are_told_apart_by_their_digests(workspace: Workspace, reader: Reader) -> None:
    _, run_ids = sweep(workspace, 3)
    assert rows(reader.page("/compare", run=run_ids))["wine"] == ["d0", "d1", "d1"]


def test_difference_from_zero_or_nan_has_no_percent(workspace: Workspace) -> None:
    runs = []
    for loss in (0.0, 0.5, math.nan):
        with workspace.runs.create("0") as run:
            run.log_metric("loss", loss)
        runs.append(workspace.runs.get(run.run_id))
    (metrics,) = [section for section in compare(runs) if section.title == "Metrics"]
    (row,) = metrics.rows
    assert [(cell.delta, cell.percent, cell.verdict) for cell in row.cells] == [
        (None, None, ""),
        (0.5, None, "worse"),
        (None, None, ""),
    ]
    assert [cell.is_best for cell in row.cells] == [True, False, False]


def test_long_numbers_of_params_are_cut_and_texts_are_not() -> None:
    assert Cell("0.00020281039752156397").shown == "0.00020281"
    assert Cell("0.1").shown == "0.1"
    assert Cell("a long text stays").shown == "a long text stays"
