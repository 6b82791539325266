"""Lineage as a drawing, as a list, and for other programs."""

from __future__ import annotations

import json

import pytest
from promoting import trained, with_policy
from reading import Element, Reader

from stageline.ui.lineage.layout import lay_out
from stageline.ui.lineage.things import Link, Picture, Thing
from stageline.workspace import Workspace


@pytest.fixture
def deployed(workspace: Workspace) -> Workspace:
    with_policy(workspace)
    workspace.registry.set_deployment("wine", 1, "shop", url="https://shop.example/score")
    return workspace


def things(page: Element) -> set[str]:
    return {one.one("title").text for one in page.all("a", cls="thing")}


def test_without_a_target_the_models_are_offered(deployed: Workspace, reader: Reader) -> None:
    page = reader.page("/lineage")
    assert page.all("a", href="/lineage?of=models%3A%2Fwine%2F1")
    assert "Production v1" in page.text


def test_the_drawing_goes_from_the_data_to_the_deployment(
    deployed: Workspace, reader: Reader
) -> None:
    page = reader.page("/lineage", of="models:/wine/Production")
    assert things(page) == {
        "dataset wine.csv", "commit 01234567", "run sweep 0.7", "version wine v1",
        "stage wine Production", "deployment shop",
    }  # fmt: skip
    places = {
        one.one("title").text.split()[0]: float(one.one("g")["transform"][10:].split()[0])
        for one in page.all("a", cls="thing")
    }
    assert places["dataset"] < places["run"] < places["version"] < places["stage"]
    assert places["commit"] < places["run"]


def test_the_task_of_the_orchestrator_is_a_thing(workspace: Workspace, reader: Reader) -> None:
    run_id = trained(workspace, 0.7)
    tags = {"stageline.orchestrator": "orchestra", "stageline.pipeline": "nightly"}
    workspace.runs.set_tags(run_id, {**tags, "stageline.task": "train"})
    assert "task train" in things(reader.page("/lineage", of=run_id))


def test_a_thing_is_shown_beside_the_drawing(deployed: Workspace, reader: Reader) -> None:
    page = reader.page("/lineage", of="models:/wine/Production", node="deployment:wine/shop")
    side = page.one("aside", id="side")
    assert side.one("h2").text == "shop"
    assert side.all("a", href="https://shop.example/score")
    assert "runs at wine v1 version" in side.text
    assert deployed.store.url not in page.text


def test_every_drawn_thing_is_in_the_list(deployed: Workspace, reader: Reader) -> None:
    page = reader.page("/lineage", of="models:/wine")
    listed = page.one("details", cls="list-card").text
    for one in page.all("a", cls="thing"):
        assert one.one("title").text.split(" ", 1)[1].split(",")[0] in listed


def test_what_is_farther_than_three_links_is_counted(workspace: Workspace, reader: Reader) -> None:
    parent = None
    for number in range(6):
        tags = {"mlflow.parentRunId": parent} if parent else {}
        with workspace.runs.create(run_name=f"step {number}", tags=tags) as run:
            parent = run.run_id
    page = reader.page("/lineage", of=parent)
    assert things(page) == {"run step 5", "run step 4", "run step 3", "run step 2, 1 more beyond"}
    assert "+1" in [one.text for one in page.all("g", cls="more")]


def test_the_exports_are_those_of_the_command(deployed: Workspace, reader: Reader) -> None:
    document = json.loads(reader.get("/lineage/export/json?of=models:/wine/1").text)
    assert document["format"] == "stageline.lineage/1"
    assert reader.get("/lineage/export/mermaid?of=models:/wine/1").text.startswith("flowchart LR")
    assert reader.get("/lineage/export/dot?of=models:/wine/1").text.startswith("digraph")
    lines = reader.get("/lineage/export/openlineage?of=models:/wine/1").text.splitlines()
    assert {json.loads(line)["eventType"] for line in lines} >= {"START", "COMPLETE"}
    assert reader.get("/lineage/export/doc?of=models:/wine/1").status_code == 400


def test_what_is_not_there_is_a_page(reader: Reader) -> None:
    reader.page("/lineage", of="models:/nothing/1", status=404)
    reader.page("/lineage", of="dataset:nothing.csv", status=404)


def test_a_direction_that_there_is_not_is_refused(deployed: Workspace, reader: Reader) -> None:
    page = reader.page("/lineage", of="models:/wine/1", direction="sideways", status=400)
    assert "expected one of up, down, both" in page.text


def test_a_circle_is_laid_out() -> None:
    drawn = [Thing(one, "run", one, "", {}, None, "") for one in "abcd"]
    links = [Link("a", "b", ""), Link("b", "c", ""), Link("c", "a", ""), Link("a", "a", "")]
    layout = lay_out(Picture(drawn, links, 0, False))
    assert {one.thing.id for one in layout.placed} == set("abcd")
    assert len(layout.lines) == 3
    corners = [(one.x, one.y) for one in layout.placed]
    assert len(set(corners)) == 4
