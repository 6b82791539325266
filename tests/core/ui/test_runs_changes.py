"""What is done from the runs table: to many runs at once, its CSV, and views that are saved for all."""

from __future__ import annotations

import csv
import io
from urllib.parse import parse_qs, urlsplit

import pytest
from reading import Reader

from stageline.domain.run import LifecycleStage
from stageline.errors import NotAllowed, NotFound
from stageline.tracking.saved_views import SavedViews
from stageline.workspace import Workspace


@pytest.fixture
def experiment(workspace: Workspace) -> str:
    return workspace.experiments.create("wine").experiment_id


def logged(workspace: Workspace, experiment: str, name: str, **how: object) -> str:
    run = workspace.runs.create(experiment, run_name=name, start_time=1_700_000_000_000)
    run.log_metrics({"rmse": float(len(name))})
    for key, value in how.items():
        run.log_param(key, value)
    run.end()
    return run.info.run_id


def stage(workspace: Workspace, run_id: str) -> LifecycleStage:
    return workspace.runs.get(run_id).info.lifecycle_stage


# -- many runs at once ----------------------------------------------------------------------------


def test_selected_runs_are_tagged(reader: Reader, workspace: Workspace, experiment: str) -> None:
    one, other, third = (logged(workspace, experiment, name) for name in "abc")
    page = reader.submit(
        f"/experiments/{experiment}/bulk", action="tag", run=[one, other], key="team", value="blue"
    )
    assert "Tagged 2 runs" in page.text
    assert [workspace.runs.get(each).data.tags.get("team") for each in (one, other, third)] == [
        "blue",
        "blue",
        None,
    ]


def test_selected_runs_are_deleted_and_restored(
    reader: Reader, workspace: Workspace, experiment: str
) -> None:
    kept, gone = logged(workspace, experiment, "kept"), logged(workspace, experiment, "gone")
    address = f"/experiments/{experiment}"
    page = reader.submit(f"{address}/bulk", action="delete", run=[gone], next=address)
    assert [row["data-run"] for row in page.all("tr") if row.get("data-run")] == [kept]
    assert stage(workspace, gone) is LifecycleStage.DELETED
    deleted = reader.page(address, deleted="1")
    assert [row["data-run"] for row in deleted.all("tr") if row.get("data-run")] == [gone]
    reader.submit(f"{address}/bulk", action="restore", run=[gone])
    assert stage(workspace, gone) is LifecycleStage.ACTIVE


def test_run_that_may_not_be_deleted_keeps_no_other_from_it(
    reader: Reader, workspace: Workspace, experiment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound, free = logged(workspace, experiment, "bound"), logged(workspace, experiment, "free")

    def check(run_id: str) -> None:
        if run_id == bound:
            raise NotAllowed("it is in Production")

    monkeypatch.setattr(workspace.runs, "check_deletable", check)
    page = reader.submit(f"/experiments/{experiment}/bulk", action="delete", run=[bound, free])
    assert stage(workspace, free) is LifecycleStage.DELETED
    assert stage(workspace, bound) is LifecycleStage.ACTIVE
    assert "Deleted 1 run; 1 not: it is in Production" in page.text


def test_runs_of_another_experiment_can_not_be_changed_here(
    reader: Reader, workspace: Workspace, experiment: str
) -> None:
    other = workspace.experiments.create("other").experiment_id
    run_id = logged(workspace, other, "a")
    page = reader.submit(
        f"/experiments/{experiment}/bulk", status=404, action="delete", run=[run_id]
    )
    assert "not of this experiment" in page.text
    assert stage(workspace, run_id) is LifecycleStage.ACTIVE


def test_comparing_leads_to_the_page_that_does(
    reader: Reader, workspace: Workspace, experiment: str
) -> None:
    ids = [logged(workspace, experiment, name) for name in "ab"]
    answer = reader.post(
        f"/experiments/{experiment}/compare",
        data={"csrf": reader.token(), "run": ids},
        follow_redirects=False,
    )
    place = urlsplit(answer.headers["location"])
    assert (place.path, parse_qs(place.query)) == ("/compare", {"run": ids})


def test_nothing_is_done_to_no_runs(reader: Reader, experiment: str) -> None:
    page = reader.submit(f"/experiments/{experiment}/bulk", status=400, action="delete")
    assert "no run is selected" in page.text


# -- selections and views -------------------------------------------------------------------------


def test_long_selection_gets_a_short_address(
    reader: Reader, workspace: Workspace, experiment: str
) -> None:
    ids = [logged(workspace, experiment, f"r{n}") for n in range(12)]
    address = f"/experiments/{experiment}"
    few = reader.post(f"{address}/choice", data={"csrf": reader.token(), "run": ids[:10]}).json()
    assert few == {"run": ids[:10]}
    kept = reader.post(f"{address}/choice", data={"csrf": reader.token(), "run": ids}).json()
    assert len(kept["choice"]) == 10
    page = reader.page(address, choice=kept["choice"])
    ticked = [box["value"] for box in page.all("input", name="run") if box.get("checked") == ""]
    assert sorted(ticked) == sorted(ids)


def test_saved_view_brings_everybody_to_the_same_table(
    reader: Reader, workspace: Workspace, experiment: str
) -> None:
    logged(workspace, experiment, "a")
    address = f"/experiments/{experiment}"
    query = "filter=rmse+%3C+5&order=-metrics.rmse&c=metrics.rmse"
    page = reader.submit(f"{address}/views", name="Best  ones", next=f"{address}?{query}")
    (link,) = [each for each in page.all("a") if each.text == "Best ones"]
    opened = reader.get(link["href"])
    assert (opened.url.path, parse_qs(opened.url.query.decode())) == (address, parse_qs(query))
    reader.submit(f"{link['href']}/delete")
    assert workspace.views.named(experiment) == []
    assert reader.get(link["href"]).status_code == 404


def test_view_that_is_saved_again_is_replaced(workspace: Workspace, experiment: str) -> None:
    views = SavedViews(workspace.store, workspace.clock)
    views.save(experiment, "best", "order=a", "ann")
    views.save(experiment, "best", "order=b", "bo")
    views.save(experiment, "All", "", "bo")
    assert [(v.name, v.query, v.actor) for v in views.named(experiment)] == [
        ("All", "", "bo"),
        ("best", "order=b", "bo"),
    ]


def test_view_of_a_strange_id_is_not_there(workspace: Workspace, experiment: str) -> None:
    for view_id in ("../../secret", "0123456789", ""):
        with pytest.raises(NotFound):
            workspace.views.get(experiment, view_id)
        with pytest.raises(NotFound):
            workspace.views.choice(experiment, view_id)


# -- CSV ------------------------------------------------------------------------------------------


def test_csv_has_all_that_match_in_the_order_of_the_table(
    reader: Reader, workspace: Workspace, experiment: str
) -> None:
    for n in range(250):
        logged(workspace, experiment, "r" * (n + 1), depth=n)
    answer = reader.get(
        f"/experiments/{experiment}/runs.csv",
        params={
            "filter": "rmse > 20",
            "order": "metrics.rmse",
            "c": ["params.depth", "metrics.rmse"],
        },
    )
    head, *rows = csv.reader(io.StringIO(answer.text))
    assert head[-2:] == ["params.depth", "metrics.rmse"]
    assert [row[-1] for row in rows] == [f"{n}.0" for n in range(21, 251)]
    assert rows[0][head.index("started")] == "2023-11-14T22:13:20.000Z"
    assert "attachment" in answer.headers["content-disposition"]


def test_csv_gives_a_spreadsheet_no_formula(
    reader: Reader, workspace: Workspace, experiment: str
) -> None:
    logged(workspace, experiment, "=1+1", alpha="-0.5", note="@SUM(A1)")
    answer = reader.get(f"/experiments/{experiment}/runs.csv", params={"all": "1"})
    head, row = csv.reader(io.StringIO(answer.text))
    found = dict(zip(head, row, strict=True))
    assert found["name"] == "'=1+1"
    assert found["params.alpha"] == "-0.5"
    assert found["params.note"] == "'@SUM(A1)"


def test_csv_of_more_columns_than_one_query_takes(
    reader: Reader, workspace: Workspace, experiment: str
) -> None:
    run = workspace.runs.create(experiment, run_name="wide")
    run.log_metrics({f"m{n:04}": float(n) for n in range(1_300)})
    run.end()
    answer = reader.get(f"/experiments/{experiment}/runs.csv", params={"all": "1"})
    head, row = csv.reader(io.StringIO(answer.text))
    found = dict(zip(head, row, strict=True))
    assert [found[f"metrics.m{n:04}"] for n in (0, 499, 500, 1_299)] == [
        "0.0",
        "499.0",
        "500.0",
        "1299.0",
    ]
