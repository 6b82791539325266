"""The pages of charts: which runs and metrics they draw, what their scripts are told, and their tables."""

from __future__ import annotations

from typing import Any

import pytest
from chart_records import figures, long_series, sweep
from reading import Reader

from stageline.workspace import Workspace

SERIES = "/experiments/{}/charts/series"


def names(data: dict[str, Any]) -> list[str]:
    return [run["name"] for run in data["runs"]]


def test_lines_are_of_the_ten_best_by_the_primary_metric(
    workspace: Workspace, reader: Reader
) -> None:
    experiment_id, _ = sweep(workspace)
    page = reader.page(f"/experiments/{experiment_id}/charts")
    drawn = figures(page)
    assert next(iter(drawn)) == "rmse"
    assert names(drawn["rmse"]) == [f"try {number}" for number in range(10)]
    assert "The 10 runs with the least rmse" in page.one("main").text
    assert drawn["rmse"]["series"] == SERIES.format(experiment_id)


def test_order_and_filter_of_the_address_choose_the_runs(
    workspace: Workspace, reader: Reader
) -> None:
    experiment_id, run_ids = sweep(workspace)
    path = f"/experiments/{experiment_id}/charts"
    ordered = reader.page(path, order="-metrics.rmse", top=5)
    assert names(figures(ordered)["rmse"]) == [f"try {n}" for n in (23, 22, 21, 20, 19)]
    narrowed = reader.page(path, filter="rmse < 3 and kernel = 'rbf'")
    assert names(figures(narrowed)["rmse"]) == ["try 1"]
    chosen = reader.page(path, run=[run_ids[20], run_ids[3]])
    assert sorted(names(figures(chosen)["rmse"])) == ["try 20", "try 3"]


def test_metric_without_steps_is_drawn_as_bars_of_last_values(
    workspace: Workspace, reader: Reader
) -> None:
    experiment_id, _ = sweep(workspace, 3)
    page = reader.page(f"/experiments/{experiment_id}/charts")
    kinds = {figure.one("h3").text: figure["data-chart"] for figure in page.all("figure")}
    assert kinds == {"rmse": "lines", "r2": "bars", "system/cpu": "bars"}
    assert figures(page)["r2"]["values"] == [0.0, 0.01, 0.02]


def test_bars_are_usual_where_no_run_has_a_second_step(
    workspace: Workspace, reader: Reader
) -> None:
    experiment_id, _ = sweep(workspace, 3, steps=1)
    page = reader.page(f"/experiments/{experiment_id}/charts")
    (tab,) = [
        link
        for link in page.one("nav", aria_label="Kinds of charts").all("a")
        if link.get("aria-current")
    ]
    assert tab.text == "Bars"


def test_each_figure_says_the_same_as_a_table(workspace: Workspace, reader: Reader) -> None:
    experiment_id, _ = sweep(workspace, 3)
    page = reader.page(f"/experiments/{experiment_id}/charts")
    for figure in page.all("figure"):
        assert len(figure.one("table").one("tbody").all("tr")) == 3
    rows = page.all("figure")[0].one("tbody").all("tr")
    assert [cell.text for cell in rows[1].all("td")] == ["1", "4"]


def test_parallel_axes_are_what_varies_with_the_primary_metric_last(
    workspace: Workspace, reader: Reader
) -> None:
    experiment_id, _ = sweep(workspace)
    page = reader.page(f"/experiments/{experiment_id}/charts", kind="parallel")
    axes = figures(page)["Parallel coordinates"]["axes"]
    assert [axis["name"] for axis in axes] == [
        "params.alpha",
        "params.kernel",
        "metrics.r2",
        "metrics.rmse",
    ]
    assert [axis["log"] for axis in axes] == [True, False, False, False]
    assert axes[1]["categories"] == ["linear", "rbf"]


def test_brush_in_the_address_filters_the_table_without_a_script(
    workspace: Workspace, reader: Reader
) -> None:
    experiment_id, _ = sweep(workspace)
    page = reader.page(
        f"/experiments/{experiment_id}/charts",
        kind="parallel",
        brush=["metrics.rmse:0..5.5", "params.kernel:0.9..1.1"],
    )
    shown = [row for row in page.one("table").one("tbody").all("tr") if row.get("hidden") is None]
    assert [row.one("th").text for row in shown] == ["try 1", "try 3", "try 5"]
    assert "3 of 24 runs" in page.one("main").text


def test_contour_needs_twenty_runs(workspace: Workspace, reader: Reader) -> None:
    experiment_id, _ = sweep(workspace)
    path = f"/experiments/{experiment_id}/charts"
    assert reader.page(path, kind="contour").all("figure")
    few = reader.page(path, kind="contour", filter="rmse < 19")
    assert not few.all("figure")
    assert "Too few runs" in few.one("main").text


def test_axes_of_points_are_in_the_address(workspace: Workspace, reader: Reader) -> None:
    experiment_id, _ = sweep(workspace, 4)
    page = reader.page(
        f"/experiments/{experiment_id}/charts", kind="scatter", across="params.kernel",
        up="metrics.r2", colour="params.alpha",
    )  # fmt: skip
    data = figures(page)["r2 by kernel"]
    assert (data["across"]["name"], data["colour"]["log"]) == ("params.kernel", True)
    assert data["up"]["values"] == [0.0, 0.01, 0.02, 0.03]
    chosen = [
        option["value"] for option in page.all("option") if option.get("selected") is not None
    ]
    assert chosen == ["params.kernel", "metrics.r2", "params.alpha"]


def test_nothing_to_draw_no_match_and_bad_filter_are_three_things(
    workspace: Workspace, reader: Reader
) -> None:
    empty = workspace.experiments.get_or_create("empty").experiment_id
    assert "Nothing to draw yet" in reader.page(f"/experiments/{empty}/charts").one("main").text
    experiment_id, _ = sweep(workspace, 3)
    path = f"/experiments/{experiment_id}/charts"
    assert "No run matches" in reader.page(path, filter="rmse < -1").one("main").text
    bad = reader.page(path, status=400, filter="rmze < 1")
    assert "rmse" in bad.one("p", cls="field-error").text
    assert reader.page("/experiments/12345/charts", status=404)


def test_run_has_its_courses_and_those_of_the_machine_apart(
    workspace: Workspace, reader: Reader
) -> None:
    with workspace.runs.create("0", run_name="one") as run:
        for step in range(3):
            run.log_batch([("loss", 1.0, step, 1), ("system/cpu", 2.0, step, 1)])
        run.log_metric("final", 0.5)
    page = reader.page(f"/runs/{run.run_id}/charts")
    groups = page.all("div", cls="charts")
    assert [[f.one("h3").text for f in group.all("figure")] for group in groups] == [
        ["loss"],
        ["system/cpu"],
    ]
    assert page.one("dl", cls="facts").text == "final 0.5"


def test_series_are_thinned_and_say_so(workspace: Workspace, reader: Reader) -> None:
    experiment_id, run_id = long_series(workspace, 50_000)
    found = reader.get(
        SERIES.format(experiment_id), params={"run": run_id, "metric": "loss"}
    ).json()["loss"]
    (line,) = found["lines"]
    assert len(line["x"]) == len(line["y"]) == 2000
    assert (line["x"][0], line["x"][-1], line["run_id"]) == (0, 49_999, run_id)
    assert found["note"] == "2,000 of 50,000 points"


def test_zoom_fetches_finer_points_of_that_stretch_alone(
    workspace: Workspace, reader: Reader
) -> None:
    _, run_id = long_series(workspace, 50_000)
    found = reader.get(
        f"/runs/{run_id}/charts/series", params={"metric": "loss", "from": 1000, "to": 1500}
    ).json()["loss"]
    assert found["lines"][0]["x"] == list(range(999, 1502))
    assert found["note"] == ""


def test_series_of_several_runs_and_metrics_are_one_question(
    workspace: Workspace, reader: Reader
) -> None:
    experiment_id, run_ids = sweep(workspace, 3)
    found = reader.get(
        SERIES.format(experiment_id),
        params={"run": run_ids, "metric": ["rmse", "r2", "nobody has it"]},
    ).json()
    assert [line["run_id"] for line in found["rmse"]["lines"]] == run_ids
    assert found["rmse"]["lines"][1]["y"] == [9.0, 7.0, 5.0, 3.0, 1.0]
    assert found["nobody has it"] == {"lines": [], "note": ""}


def test_series_of_another_experiment_are_not_found(workspace: Workspace, reader: Reader) -> None:
    _, run_id = long_series(workspace, 3)
    other, _ = sweep(workspace, 1)
    answer = reader.get(SERIES.format(other), params={"run": run_id, "metric": "loss"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"metric": "loss"}, 400),
        ({"run": "a" * 32, "metric": "loss"}, 404),
        ({"run": ["a"] * 1, "metric": "loss", "x": "sideways"}, 400),
        ({"run": [f"{n:032x}" for n in range(51)], "metric": "loss"}, 400),
    ],
)
def test_series_that_can_not_be_read_are_refused(
    reader: Reader, query: dict[str, Any], status: int
) -> None:
    assert reader.get(SERIES.format("0"), params=query).status_code == status


def test_text_of_users_is_no_markup_in_the_data_of_scripts(
    workspace: Workspace, reader: Reader
) -> None:
    evil = "</script><script>window.planted=1</script>"
    with workspace.runs.create("0", run_name=evil) as run:
        run.log_params({"a": evil})
        run.log_batch([("loss", 1.0, step, 1) for step in range(3)])
    for kind in ("lines", "bars", "scatter", "box", "parallel"):
        answer = reader.get("/experiments/0/charts", params={"kind": kind})
        assert evil not in answer.text
    assert names(figures(reader.page("/experiments/0/charts"))["loss"]) == [evil]
    assert reader.get(f"/runs/{run.run_id}/charts").text.count(evil) == 0
