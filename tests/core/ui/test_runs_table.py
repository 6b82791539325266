"""The runs table of an experiment: what stands in it, and that its address decides it."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import pytest
from reading import Element, Reader

from stageline.workspace import Workspace

START = 1_700_000_000_000


@pytest.fixture
def experiment(workspace: Workspace) -> str:
    return workspace.experiments.create("wine").experiment_id


@pytest.fixture
def log(workspace: Workspace, experiment: str) -> Callable[..., str]:
    count = 0

    def add(
        name: str,
        status: str | None = "FINISHED",
        *,
        parent: str | None = None,
        tags: dict[str, str] | None = None,
        **values: float | str,
    ) -> str:
        nonlocal count
        count += 1
        above = {"mlflow.parentRunId": parent} if parent else {}
        run = workspace.runs.create(
            experiment, run_name=name, tags={**above, **(tags or {})}, start_time=START + count
        )
        run.log_metrics({k.removeprefix("m_"): v for k, v in values.items() if k.startswith("m_")})
        for key, value in values.items():
            if not key.startswith("m_"):
                run.log_param(key, value)
        if status:
            run.end(status)
        return run.info.run_id

    return add


@pytest.fixture
def table(reader: Reader, experiment: str) -> Callable[..., Element]:
    def get(status: int = 200, **query: object) -> Element:
        return reader.page(f"/experiments/{experiment}", status=status, **query)

    return get


def names(page: Element) -> list[str]:
    return [link.text for link in page.all("a", data_open="")]


def heads(page: Element) -> list[str]:
    return [link.text.split(" (")[0] for link in page.all("a", cls="sorter")]


def row_of(page: Element, name: str) -> list[str]:
    (row,) = [row for row in page.all("tr") if row.all("a", data_open="") and name in row.text]
    return [cell.text for cell in row.content if isinstance(cell, Element)][1:]


def total(page: Element) -> str:
    """With a plain hyphen."""
    text = page.all("nav", cls="pager")[0].all("span", cls="num")[0].text
    return text.replace("\N{EN DASH}", "-").removesuffix(" runs")


# -- columns --------------------------------------------------------------------------------------


def test_shows_what_tells_runs_apart(log: Callable, table: Callable) -> None:
    log("a", alpha="0.1", depth="2", batch="64", m_rmse=3.0, m_score=2.0)
    log("b", alpha="0.2", depth="4", batch="64", m_rmse=1.0, m_score=2.5)
    page = table()
    assert heads(page) == [
        "Status",
        "Name",
        "Started",
        "Duration",
        "rmse",
        "alpha",
        "depth",
        "score",
    ]
    assert names(page) == ["b", "a"]
    assert "1 constant column" in page.text
    assert total(page) == "1-2 of 2"


def test_experiment_says_which_metric_is_primary(
    workspace: Workspace, experiment: str, log: Callable, table: Callable
) -> None:
    log("a", m_rmse=3.0, m_gain=2.0)
    log("b", m_rmse=1.0, m_gain=1.0)
    workspace.experiments.set_tag(experiment, "mlflow.experiment.primaryMetric.name", "gain")
    page = table()
    assert heads(page)[4] == "gain"


def test_best_value_is_marked_with_the_direction(log: Callable, table: Callable) -> None:
    log("a", m_rmse=3.0, m_r2=0.5)
    log("b", m_rmse=1.0, m_r2=0.4)
    best = {cell.text: cell.classes for cell in table().all("td", cls="best")}
    assert set(best) == {"1 best", "0.5 best"}
    assert "best-least" in best["1 best"]
    assert "best-most" in best["0.5 best"]


def test_no_more_than_four_params_come_unasked(log: Callable, table: Callable) -> None:
    log("a", **{f"p{n}": "1" for n in range(6)})
    log("b", **{f"p{n}": "2" for n in range(6)})
    assert heads(table()) == ["Status", "Name", "Started", "Duration", "p0", "p1", "p2", "p3"]


def test_chosen_columns_are_shown_in_their_order_with_the_name(
    log: Callable, table: Callable
) -> None:
    log("a", alpha="0.1", m_rmse=3.0, tags={"team": "blue"})
    page = table(c=["tags.team", "metrics.rmse", "user"])
    assert heads(page) == ["Name", "team", "rmse", "User"]
    assert row_of(page, "a") == ["a", "blue", "3", "ann"]


def test_numbers_have_four_digits_and_all_of_them_on_hover(log: Callable, table: Callable) -> None:
    log("a", m_rmse=1 / 3, lr="0.30000000000000004")
    log("b", m_rmse=math.nan, lr="1")
    page = table()
    assert page.one("td", title="0.3333333333333333").text == "0.3333"
    assert row_of(page, "b")[4] == "NaN"
    assert page.one("td", title="0.30000000000000004").text == "0.3"


def test_chooser_finds_any_column_on_the_server(
    reader: Reader, experiment: str, log: Callable
) -> None:
    log("a", **{f"m_layer_{n}": float(n) for n in range(300)})
    address = f"/experiments/{experiment}/columns"
    found = reader.get(address, params={"q": "layer_29"}).json()
    assert {each["name"] for each in found} == {"metrics.layer_29"} | {
        f"metrics.layer_29{n}" for n in range(10)
    }
    assert len(reader.get(address, params={"q": "layer"}).json()) == 50


# -- order, pages, filters ------------------------------------------------------------------------


def test_sorts_metrics_params_as_numbers_and_durations(log: Callable, table: Callable) -> None:
    log("ten", depth="10", m_rmse=2.0)
    log("nine", depth="9", m_rmse=3.0)
    log("none", m_rmse=1.0)
    assert names(table(order="metrics.rmse")) == ["none", "ten", "nine"]
    assert names(table(order="-metrics.rmse")) == ["nine", "ten", "none"]
    assert names(table(order="params.depth")) == ["nine", "ten", "none"]
    assert names(table(order="name")) == ["nine", "none", "ten"]
    assert len(names(table(order="-duration"))) == 3


def test_pages_say_where_they_stand(log: Callable, table: Callable) -> None:
    for n in range(105):
        log(f"r{n}")
    assert total(table()) == "1-100 of 105"
    page = table(start="100")
    assert total(page) == "101-105 of 105"
    assert names(page) == ["r4", "r3", "r2", "r1", "r0"]
    assert "past the end" in table(start="900").text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rmse < 60 and alpha < .1", ["b"]),
        ("metrics.rmse < 60 and params.alpha >= 0.1", ["a"]),
        ("alpha = '0.05'", ["b"]),
        ("team = 'blue'", ["a"]),
        ("name = 'c'", ["c"]),
        ("status = 'failed'", ["c"]),
        ("`val/loss` > 1", ["c"]),
        ("val.loss > 1", ["a"]),
        ("run_name LIKE 'b%'", ["b"]),
        ("params.alpha IS NULL", ["c"]),
    ],
)
def test_filter_needs_no_prefix_where_one_thing_is_meant(
    log: Callable, table: Callable, text: str, expected: list[str]
) -> None:
    log("a", alpha="0.1", m_rmse=50.0, tags={"team": "blue"}, **{"m_val.loss": 2.0})
    log("b", alpha="0.05", m_rmse=40.0)
    log("c", "FAILED", m_rmse=70.0, **{"m_val/loss": 2.0})
    assert names(table(filter=text)) == expected


def test_filter_error_points_at_its_place_and_names_the_nearest_key(
    log: Callable, table: Callable
) -> None:
    log("a", alpha="0.1", m_rmse=50.0)
    page = table(400, filter="rmse < 60 and alhpa < .1")
    error = page.one("div", cls="filter-error")
    lines = "".join(error.one("pre").content).split("\n")
    assert lines[1].index("^") == lines[0].index("alhpa")
    assert "Did you mean 'alpha'?" in error.text
    mended = parse_qs(urlsplit(error.one("a")["href"]).query)["filter"]
    assert mended == ["rmse < 60 and params.alpha < .1"]


def test_filter_that_means_two_things_says_how_to_write_each(
    log: Callable, table: Callable
) -> None:
    log("a", loss="l2", m_loss=50.0)
    text = table(400, filter="loss < 60").one("div", cls="filter-error").text
    assert "metrics.loss or params.loss" in text
    assert names(table(filter="metrics.loss < 60")) == ["a"]


def test_filter_that_is_no_sentence_is_told_where(log: Callable, table: Callable) -> None:
    log("a", m_rmse=50.0)
    error = table(400, filter="rmse <").one("div", cls="filter-error")
    assert "a number" in error.text
    assert "".join(error.one("pre").content).split("\n")[1] == "      ^"


def test_chips_narrow_by_state_and_time_and_count_the_others(
    log: Callable, table: Callable
) -> None:
    log("a")
    log("b", "FAILED")
    log("c", "KILLED")
    page = table(state=["FAILED", "KILLED"])
    assert names(page) == ["c", "b"]
    assert total(page) == "1-2 of 2"
    chips = {chip.text for chip in page.all("a", cls="chip") if chip.get("data-count")}
    assert chips == {"Finished 1", "Failed 1", "Killed 1"}
    assert "No run matches" in table(since="1h").text


def test_empty_states_are_different_things(
    workspace: Workspace, experiment: str, log: Callable, table: Callable
) -> None:
    assert "No runs yet" in table().text
    assert "No deleted runs" in table(deleted="1").text
    log("a", m_rmse=1.0)
    assert "No run matches" in table(filter="rmse > 9").text


# -- families and groups --------------------------------------------------------------------------


def test_children_are_folded_under_their_parents(log: Callable, table: Callable) -> None:
    parent = log("parent")
    log("child", parent=parent)
    log("orphan", parent="0" * 32)
    page = table(open="")
    assert names(page) == ["orphan", "parent"]
    assert total(page) == "1-2 of 2"
    assert page.one("a", cls="fold").text == "+1"
    opened = table(open=parent)
    assert names(opened) == ["orphan", "parent", "child"]
    assert total(opened) == "1-2 of 2"
    assert "1 nested" in opened.text
    assert names(table(flat="1")) == ["orphan", "child", "parent"]


def test_children_of_few_runs_are_shown_until_somebody_folds_them(
    log: Callable, table: Callable
) -> None:
    parent = log("parent")
    log("child", parent=parent)
    page = table()
    assert names(page) == ["parent", "child"]
    fold = page.one("a", cls="fold")
    assert fold["aria-expanded"] == "true"
    assert parse_qs(urlsplit(fold["href"]).query, keep_blank_values=True) == {"open": [""]}
    for number in range(100):
        log(f"run {number}")
    assert len(names(table())) == 100
    assert "child" not in names(table(start="100"))


def test_filter_finds_children_by_themselves(log: Callable, table: Callable) -> None:
    parent = log("parent", m_rmse=9.0)
    log("child", parent=parent, m_rmse=1.0)
    assert names(table(filter="rmse < 5")) == ["child"]


def test_groups_have_count_mean_least_and_greatest(log: Callable, table: Callable) -> None:
    log("a", solver="cd", m_rmse=1.0)
    log("b", solver="cd", m_rmse=3.0)
    log("c", solver="cd", m_rmse=math.nan)
    log("d", m_rmse=7.0)
    page = table(group="params.solver", c="metrics.rmse")
    rows = [[cell.text for cell in row.all() if cell.tag in ("th", "td")] for row in page.all("tr")]
    assert rows[2:] == [["cd", "3", "2", "1", "3"], ["(none)", "1", "7", "7", "7"]]
    assert "4 runs in 2 groups" in page.text
    link = parse_qs(urlsplit(page.all("a", data_open="")[0]["href"]).query)
    assert names(table(filter=link["filter"][0])) == ["c", "b", "a"]


# -- marks ----------------------------------------------------------------------------------------


def test_pinned_runs_stand_first_once(log: Callable, table: Callable) -> None:
    first = log("first")
    log("second")
    page = table(pin=first)
    assert names(page) == ["first", "second"]
    assert total(page) == "1-2 of 2"
    assert [row["data-run"] for row in page.one("tbody", cls="pinned").all("tr")] == [first]


def test_neighbours_never_have_one_colour_and_a_run_keeps_its_own(
    log: Callable, table: Callable
) -> None:
    for n in range(30):
        log(f"r{n}")
    dots = [dot.classes[1] for dot in table().all("i", cls="dot")]
    assert all(one != other for one, other in pairwise(dots))
    assert dots == [dot.classes[1] for dot in table().all("i", cls="dot")]


def test_last_runs_are_drawn_oldest_first(log: Callable, table: Callable) -> None:
    for n in range(35):
        log(f"r{n}", "FAILED" if n == 34 else "FINISHED")
    strip = table().one("ol", cls="run-bars").all("a")
    assert len(strip) == 30
    assert "is-failed" in strip[-1].classes
    assert "r34" in strip[-1]["title"]


def test_stored_text_is_never_markup(log: Callable, table: Callable) -> None:
    evil = "<img src=x onerror=alert(1)>"
    log(evil, tags={"team": evil}, solver=evil)
    log("b", solver="cd")
    for page in (
        table(c=["tags.team", "params.solver", f"tags.{evil}"]),
        table(group="params.solver"),
        table(400, filter=f"solver = '{evil}' and x"),
    ):
        assert not page.all("img")
        assert evil in page.text or page.all("pre")


def test_links_to_other_views_keep_what_the_address_says(log: Callable, table: Callable) -> None:
    run_id = log("a", m_rmse=1.0)
    page = table(filter="rmse < 5", dense="1", run=run_id)
    (sorter,) = [link for link in page.all("a", cls="sorter") if link.text == "rmse"]
    kept = parse_qs(urlsplit(sorter["href"]).query)
    assert kept == {
        "filter": ["rmse < 5"],
        "dense": ["1"],
        "run": [run_id],
        "order": ["metrics.rmse"],
    }
    assert page.one("input", type="checkbox", value=run_id).get("checked") is not None
