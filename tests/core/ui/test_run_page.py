"""The page of one run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from reading import Reader
from run_records import AIRFLOW, START, full_run

from stageline.domain import events as ev
from stageline.domain.policy import Policy
from stageline.domain.run import TAG_NOTE, RunStatus
from stageline.server.caller import Caller, Grant
from stageline.ui.formats import duration

if TYPE_CHECKING:
    from reading import Element
    from starlette.types import ASGIApp, Receive, Scope, Send

    from stageline.workspace import Workspace


def facts(page: Element) -> dict[str, str]:
    box = page.all("dl", cls="facts")[0]
    names, values = box.all("dt"), box.all("dd")
    return {name.text: value.text for name, value in zip(names, values, strict=True)}


def rows(page: Element, caption: str) -> list[list[str]]:
    table = next(one for one in page.all("table") if one.one("caption").text == caption)
    cells = [[c.text for c in row.content if not isinstance(c, str)] for row in table.all("tr")]
    return cells[1:]


def test_metrics_come_first_with_last_least_greatest_and_a_drawing(
    workspace: Workspace, reader: Reader
) -> None:
    page = reader.page(f"/runs/{full_run(workspace)}")
    loss, rmse = rows(page, "Metrics")
    assert loss == ["loss", "0.02625", "", "0.02625", "2", "39", "40"]
    assert rmse == ["rmse", "0.618", "", "0.618", "0.618", "0", "1"]
    assert len(page.all("svg", cls="spark")) == 1
    assert rows(page, "System metrics")[0][0] == "system/cpu"
    assert page.all("h2")[0].text.startswith("Metrics")


def test_head_tells_the_task_its_try_and_the_commit_with_links(
    workspace: Workspace, reader: Reader
) -> None:
    page = reader.page(f"/runs/{full_run(workspace)}")
    told = facts(page)
    assert told["DAG run"] == "train_daily scheduled__1"
    assert told["Task"] == "train try 2"
    assert told["Commit"] == "0123456789ab on main uncommitted changes"
    links = [a["href"] for a in page.all("a") if "href" in a.attributes]
    assert AIRFLOW in links
    assert AIRFLOW.partition("/tasks/")[0] in links
    commit = "https://github.com/acme/wine/commit/0123456789abcdef0123456789abcdef01234567"
    assert commit in links


def test_duration_is_that_of_the_attempts(workspace: Workspace, reader: Reader) -> None:
    page = reader.page(f"/runs/{full_run(workspace)}")
    assert facts(page)["Duration"] == "6.5 s in 2 attempts"
    attempts = page.one("ol", cls="attempts").text
    assert "MemoryError: too many rows" in attempts
    assert "Failed" in attempts


def test_a_run_that_was_reopened_a_day_later_did_not_work_for_a_day(
    workspace: Workspace, reader: Reader
) -> None:
    run = workspace.runs.create(run_name="r", start_time=START)
    run.end()
    day = 86_400_000
    ended = workspace.runs.get(run.run_id).info.end_time
    assert ended is not None
    stored = workspace.runs.stored(run.run_id)
    for event in (
        ev.StatusSet((ended + day) * 1_000_000, RunStatus.RUNNING),
        ev.StatusSet((ended + day + 1) * 1_000_000, RunStatus.FINISHED, ended + day + 2_000),
    ):
        workspace.runs.append_to(stored, event)
    page = reader.page(f"/runs/{run.run_id}")
    assert facts(page)["Duration"] == duration(ended - START + 2_000)


def test_what_it_read_and_made_leads_to_models_and_lineage(
    workspace: Workspace, reader: Reader
) -> None:
    run_id = full_run(workspace)
    page = reader.page(f"/runs/{run_id}")
    read = rows(page, "Datasets and models that this run read")
    assert ["wine.csv", "training", "d1", "s3://lake/wine.csv"] in read
    assert ["wine v1", "model", "", "models:/wine/1"] in read
    made = rows(page, "Models that this run logged, and the versions made of them")
    assert made == [["model", "wine v1 None"]]
    links = [a["href"] for a in page.all("a") if "href" in a.attributes]
    assert "/models/wine/versions/1" in links
    assert any(link.startswith("/lineage?of=") for link in links)
    assert f"/runs/{run_id}/charts" in links


def test_parent_children_and_the_last_runs_are_linked(workspace: Workspace, reader: Reader) -> None:
    first, second = full_run(workspace), full_run(workspace)
    page = reader.page(f"/runs/{second}")
    parent = workspace.runs.get(second).parent_run_id
    assert parent is not None
    assert facts(page)["Part of"] == "train_daily scheduled__1"
    assert f"/runs/{parent}" in [a.get("href") for a in page.one("aside").all("a")]
    strip = page.one("ol", cls="run-bars").all("a")
    assert sorted(a["href"] for a in strip) == sorted([f"/runs/{first}", f"/runs/{second}"])
    assert [a["href"] for a in strip if a.get("aria-current")] == [f"/runs/{second}"]
    inside = rows(reader.page(f"/runs/{parent}"), "Runs that were started within this one")
    assert [row[1] for row in inside] == ["train"]


def test_output_is_told_by_its_last_lines(workspace: Workspace, reader: Reader) -> None:
    run = workspace.runs.create(run_name="talks")
    text = "".join(f"line {n}\n" for n in range(500))
    run.record(ev.OutputWritten(START, "stdout", text))
    run.end()
    page = reader.page(f"/runs/{run.run_id}")
    lines = page.one("pre", cls="output").all("span")
    assert [lines[0].text, lines[-1].text] == ["line 300", "line 499"]
    assert "The last 200 of 500 lines." in page.text


def test_images_of_a_key_come_in_the_order_of_their_steps(
    workspace: Workspace, reader: Reader
) -> None:
    page = reader.page(f"/runs/{full_run(workspace)}")
    figure = page.one("figure")
    assert "val/sample" in figure.text
    assert [a["data-step"] for a in figure.one("ol").all("a")] == ["1", "2", "10"]
    answer = reader.get(figure.one("img")["src"])
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")


def test_a_run_with_many_metrics_sends_the_first_and_says_so(
    workspace: Workspace, reader: Reader
) -> None:
    run = workspace.runs.create(run_name="many")
    run.log_batch([(f"m{n:04}", float(n), 0, START) for n in range(450)])
    run.end()
    page = reader.page(f"/runs/{run.run_id}")
    assert len(rows(page, "Metrics")) == 200
    assert "250 more metrics: show all" in page.text
    assert len(rows(reader.page(f"/runs/{run.run_id}", all=1), "Metrics")) == 450


def test_a_run_that_is_open_in_this_process_is_shown_as_it_is(
    workspace: Workspace, reader: Reader
) -> None:
    run = workspace.runs.create(run_name="live")
    run.log_metrics({"loss": 1.0}, step=1)
    run.log_metrics({"loss": 0.5}, step=2)
    page = reader.page(f"/runs/{run.run_id}")
    assert rows(page, "Metrics")[0][1] == "0.5"
    assert "status-running" in page.all("span", cls="status")[0].classes
    run.end()


def test_an_unknown_run_is_not_found(reader: Reader) -> None:
    assert "not found" in reader.page("/runs/" + "0" * 32, status=404).text


@pytest.mark.parametrize("name", ["another", "<b>bold</b>"])
def test_rename(workspace: Workspace, reader: Reader, name: str) -> None:
    run_id = full_run(workspace)
    page = reader.submit(f"/runs/{run_id}/name", name=name)
    assert page.one("h1").text == name
    assert workspace.runs.get(run_id).info.run_name == name


def test_a_blank_name_is_refused(workspace: Workspace, reader: Reader) -> None:
    run_id = full_run(workspace)
    reader.submit(f"/runs/{run_id}/name", name="  ", status=400)
    assert workspace.runs.get(run_id).info.run_name == "train"


def test_description_is_shown_as_markdown_and_can_be_removed(
    workspace: Workspace, reader: Reader
) -> None:
    run_id = full_run(workspace)
    page = reader.submit(f"/runs/{run_id}/description", text="now **bold**\r\nand more")
    assert page.one("div", cls="prose").one("strong").text == "bold"
    assert page.one("textarea", name="text").text == "now **bold** and more"
    page = reader.submit(f"/runs/{run_id}/description", text="")
    assert not page.all("div", cls="prose")
    assert TAG_NOTE not in workspace.runs.get(run_id).data.tags


def test_tags_are_set_and_removed(workspace: Workspace, reader: Reader) -> None:
    run_id = full_run(workspace)
    reader.submit(f"/runs/{run_id}/tags", key="stage of work", value="draft & more")
    assert workspace.runs.get(run_id).data.tags["stage of work"] == "draft & more"
    page = reader.submit(f"/runs/{run_id}/tags/delete", key="team")
    assert "team" not in workspace.runs.get(run_id).data.tags
    assert "Tag team removed" in page.text


def test_a_deleted_run_can_be_restored_and_nothing_else(
    workspace: Workspace, reader: Reader
) -> None:
    run = workspace.runs.create(run_name="r")
    run.end()
    page = reader.submit(f"/runs/{run.run_id}/delete")
    assert page.one("span", cls="badge-bad").text == "Deleted"
    actions = [form["action"] for form in page.one("main").all("form")]
    assert actions == [f"/runs/{run.run_id}/restore"]
    reader.submit(f"/runs/{run.run_id}/tags", key="a", value="b", status=403)
    reader.submit(f"/runs/{run.run_id}/restore")
    assert workspace.runs.get(run.run_id).info.lifecycle_stage == "active"


def test_a_run_whose_version_is_protected_is_not_deleted(
    workspace: Workspace, reader: Reader
) -> None:
    run_id = full_run(workspace)
    workspace.registry.transition("wine", 1, "Production")
    workspace.registry.set_policy("wine", "Production", Policy(is_protected=True))
    told = reader.submit(f"/runs/{run_id}/delete", status=403).text
    assert "wine" in told
    assert workspace.runs.get(run_id).info.lifecycle_stage == "active"


@pytest.mark.parametrize(
    "deed", ["name", "description", "tags", "tags/delete", "delete", "restore"]
)
def test_a_form_without_a_token_changes_nothing(
    workspace: Workspace, reader: Reader, deed: str
) -> None:
    run_id = full_run(workspace)
    before = workspace.runs.get(run_id)
    fields = {"name": "x", "text": "x", "key": "team", "value": "x"}
    assert reader.post(f"/runs/{run_id}/{deed}", data=fields).status_code == 403
    assert workspace.runs.get(run_id) == before


def test_links_to_lineage_open(workspace: Workspace, reader: Reader) -> None:
    page = reader.page(f"/runs/{full_run(workspace)}")
    links = [a["href"] for a in page.one("main").all("a") if a["href"].startswith("/lineage?")]
    assert len(links) == 2
    for link in links:
        reader.page(link)


class As:
    """An application as one caller sees it."""

    def __init__(self, app: ASGIApp, caller: Caller) -> None:
        self._app = app
        self._caller = caller

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope.setdefault("state", {})["caller"] = self._caller
        await self._app(scope, receive, send)


def test_who_may_read_one_experiment_sees_no_form_and_nothing_of_others(
    workspace: Workspace,
) -> None:
    secret = workspace.experiments.get_or_create("secret").experiment_id
    parent = workspace.runs.create(secret, run_name="hidden name")
    run_id = full_run(workspace)
    workspace.runs.set_tags(run_id, {"mlflow.parentRunId": parent.run_id})
    app = FastAPI()
    app.add_middleware(As, caller=Caller("eve", [Grant(frozenset({"read"}), ("wine",), ())]))
    eve = Reader(workspace, app=app)
    page = eve.page(f"/runs/{run_id}")
    assert page.one("main").all("form") == []
    assert "hidden name" not in page.text
    assert [
        row[1] for row in rows(page, "Models that this run logged, and the versions made of them")
    ] == ["not registered"]
    eve.page(f"/runs/{parent.run_id}", status=403)
    eve.page(f"/runs/{parent.run_id}/artifacts", status=403)
    assert eve.get(f"/runs/{parent.run_id}/raw/a.txt").status_code == 403
    eve.submit(f"/runs/{run_id}/name", name="x", status=403)
    parent.end()
