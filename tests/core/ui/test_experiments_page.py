"""The list of experiments: how the runs of each stand, what is found and in which order, and its forms."""

from __future__ import annotations

import pytest
from reading import Element, Reader

from stageline.domain.run import RunStatus
from stageline.workspace import Workspace

PLANTED = "<script>alert('planted')</script>"


def measured(
    workspace: Workspace, experiment_id: str, start_time: int | None = None, **metrics: float
) -> str:
    """A run that has ended well."""
    run = workspace.runs.create(experiment_id, run_name="one", start_time=start_time)
    run.log_metrics(metrics)
    run.end()
    return run.info.run_id


def rows(page: Element) -> dict[str, Element]:
    """By name."""
    return {row.one("a", data_open="").text: row for row in page.one("tbody").all("tr")}


def test_a_row_says_how_the_runs_stand(workspace: Workspace, reader: Reader) -> None:
    made = workspace.experiments.create(
        "wine", {"team": "lab", "mlflow.note.content": "Red\nwines"}
    )
    for start, value in ((1000, 0.7), (2000, 0.1234567), (3000, 0.4)):
        measured(workspace, made.experiment_id, start, rmse=value)
    failed = workspace.runs.create(made.experiment_id, start_time=4000)
    failed.end(RunStatus.FAILED)
    row = rows(reader.page("/experiments"))["wine"]
    cells = [cell.text for cell in row.all("td")]
    assert cells[0] == "4"
    assert cells[2].startswith("Failed")
    assert row.one("time")["title"].endswith("UTC")
    assert cells[3].startswith("0.1235 rmse")
    assert cells[5] == "ann"
    assert row.one("th").one("small").text == "Red"
    assert row.one("a", cls="chip").text == "team lab"
    label = row.one("svg", cls="run-bars")["aria-label"]
    assert label == "Last 4 runs: 3 finished, 1 failed"


def test_the_best_is_what_the_experiment_says_it_is(workspace: Workspace, reader: Reader) -> None:
    made = workspace.experiments.create("odd")
    for value in (1.0, 5.0, float("nan")):
        measured(workspace, made.experiment_id, zeal=value, rmse=value)
    where = f"/experiments/{made.experiment_id}/metric"
    assert "1 rmse" in rows(reader.page("/experiments"))["odd"].text
    reader.submit(where, metric="zeal", direction="greater")
    assert "5 zeal" in rows(reader.page("/experiments"))["odd"].text
    reader.submit(where, metric="zeal", direction="less")
    assert "1 zeal" in rows(reader.page("/experiments"))["odd"].text
    reader.submit(where, metric="zeal", direction="")
    assert rows(reader.page("/experiments"))["odd"].all("span", cls="num-text") == []


def test_deleted_runs_do_not_count(workspace: Workspace, reader: Reader) -> None:
    made = workspace.experiments.create("wine")
    kept, gone = (measured(workspace, made.experiment_id, rmse=value) for value in (2.0, 1.0))
    workspace.runs.delete(gone)
    row = rows(reader.page("/experiments"))["wine"]
    assert row.all("td")[0].text == "1"
    assert "2 rmse" in row.text
    assert kept != gone


def test_the_latest_runs_decide_the_order_until_somebody_asks_for_another(
    workspace: Workspace, reader: Reader
) -> None:
    for name, runs, start in (("b", 1, 3000), ("a", 3, 1000), ("c", 2, 2000)):
        made = workspace.experiments.create(name)
        for number in range(runs):
            workspace.runs.create(made.experiment_id, start_time=start + number).end()
    assert list(rows(reader.page("/experiments"))) == ["b", "c", "a", "Default"]
    assert list(rows(reader.page("/experiments", order="name"))) == ["a", "b", "c", "Default"]
    assert list(rows(reader.page("/experiments", order="-name"))) == ["Default", "c", "b", "a"]
    assert list(rows(reader.page("/experiments", order="-runs"))) == ["a", "c", "b", "Default"]
    heads = reader.page("/experiments", order="-runs").one("thead")
    assert heads.all("th")[1].text == "Runs (descending)"
    assert heads.all("th")[1].one("a")["href"] == "/experiments?order=runs"


def test_words_and_filters_find(workspace: Workspace, reader: Reader) -> None:
    workspace.experiments.create(
        "churn/berlin", {"team": "Blue", "mlflow.note.content": "for sales"}
    )
    workspace.experiments.create("churn/paris", {"team": "red"})
    for text, found in (
        ("churn", ["churn/berlin", "churn/paris"]),
        ("BLUE berlin", ["churn/berlin"]),
        ("sales", ["churn/berlin"]),
        ("tags.team = 'red'", ["churn/paris"]),
        ("name LIKE '%paris'", ["churn/paris"]),
    ):
        assert sorted(rows(reader.page("/experiments", q=text))) == found


def test_a_wrong_filter_is_told_under_its_box(reader: Reader) -> None:
    page = reader.page("/experiments", status=400, q="name == 'a'")
    box = page.one("input", name="q")
    assert box["value"] == "name == 'a'"
    assert "Invalid comparator" in page.one("p", id=box["aria-describedby"]).text
    assert page.all("table") == []


def test_the_ways_of_showing_nothing_differ(workspace: Workspace, reader: Reader) -> None:
    untouched = reader.page("/experiments").one("main").text
    assert "No runs yet" in untouched
    assert "start_run" in untouched
    none_match = reader.page("/experiments", q="zzz").one("main")
    assert none_match.one("h2").text == "No experiment like that"
    assert "/experiments" in [one["href"] for one in none_match.all("a", cls="btn")]
    assert "Nothing is deleted" in reader.page("/experiments", show="deleted").one("main").text
    workspace.runs.create("0").end()
    assert "No runs yet" not in reader.page("/experiments").one("main").text


def test_many_experiments_come_in_pages_with_the_true_total(
    workspace: Workspace, reader: Reader
) -> None:
    for number in range(52):
        workspace.experiments.create(f"e{number:02}")
    page = reader.page("/experiments", order="name")
    assert page.one("nav", cls="pager").text.startswith("1\N{EN DASH}50 of 53")
    page = reader.get(page.one("a", rel="next")["href"])
    assert "51\N{EN DASH}53 of 53" in page.text
    assert reader.page("/experiments", status=400, start="-1").one("h1")


def test_a_new_experiment_says_who_made_it(workspace: Workspace, reader: Reader) -> None:
    fields = {"csrf": reader.token(), "name": " wine ", "description": "Reds"}
    answer = reader.post("/experiments", data=fields, follow_redirects=False)
    made = workspace.experiments.get_by_name("wine")
    assert answer.headers["location"] == f"/experiments/{made.experiment_id}"
    assert made.tags == {"mlflow.note.content": "Reds"}
    assert workspace.experiments.creator(made.experiment_id) == "ann"


def test_settings_rename_describe_and_tag(workspace: Workspace, reader: Reader) -> None:
    made = workspace.experiments.create("wine", {"team": "a", "mlflow.note.content": "old"})
    here = f"/experiments/{made.experiment_id}"
    page = reader.submit(f"{here}/rename", name="reds")
    assert page.one("p", cls="notice").text == "Renamed to reds"
    reader.submit(f"{here}/describe", description="")
    reader.submit(f"{here}/tags", key="tier", value="gold")
    reader.submit(f"{here}/tags", remove="team")
    found = workspace.experiments.get(made.experiment_id)
    assert (found.name, found.tags) == ("reds", {"tier": "gold"})
    assert reader.submit(f"{here}/tags", status=400, key=" ", value="x").one("h1")
    assert reader.submit(f"{here}/rename", status=409, name="Default").one("h1")


def test_a_deleted_experiment_waits_to_be_restored(workspace: Workspace, reader: Reader) -> None:
    made = workspace.experiments.create("wine")
    here = f"/experiments/{made.experiment_id}"
    page = reader.submit(f"{here}/delete")
    assert "wine" not in rows(page)
    assert "wine" in rows(reader.page("/experiments", show="deleted"))
    page = reader.page(f"{here}/settings")
    assert [form["action"] for form in page.one("main").all("form")] == [f"{here}/restore"]
    reader.submit(f"{here}/restore")
    assert "wine" in rows(reader.page("/experiments"))


def test_the_default_experiment_can_not_be_deleted(reader: Reader) -> None:
    page = reader.page("/experiments/0/settings").one("main")
    actions = [one["action"] for one in page.all("form")]
    assert "/experiments/0/delete" not in actions
    assert reader.submit("/experiments/0/delete", status=400).one("h1")


@pytest.mark.parametrize("path", ["/experiments", "/experiments/{id}/settings"])
def test_what_was_planted_stays_text(workspace: Workspace, reader: Reader, path: str) -> None:
    made = workspace.experiments.create(
        PLANTED, {"mlflow.note.content": PLANTED, "team": '"><img src=x onerror=alert(1)>'}
    )
    run = workspace.runs.create(made.experiment_id, run_name=PLANTED)
    run.log_metrics({"rmse": 1.0})
    run.end()
    page = reader.page(path.format(id=made.experiment_id))
    scripts = page.all("script")
    assert [one["src"].rpartition("/")[2] for one in scripts] == ["base.js"]
    assert page.all("img") == []
    assert PLANTED in page.one("main").text
    assert not any(name.startswith("on") for one in page.all() for name in one.attributes)


def test_the_sidebar_counts_open_requests(workspace: Workspace, reader: Reader) -> None:
    assert reader.page("/experiments").all("span", cls="count") == []
    registry = workspace.registry
    registry.register("wine", source="s3://elsewhere/model")
    registry.request_transition("wine", 1, "Production")
    reader.submit("/theme", theme="", next="/experiments")  # whatever is sent makes it look again
    assert reader.page("/experiments").one("span", cls="count").text == "1 open"
