"""The list of models, and the table of one model's versions."""

from __future__ import annotations

from promoting import registered, rows, with_policy
from reading import Reader

from stageline.registry import Policy
from stageline.workspace import Workspace


def test_an_empty_registry_says_how_to_register(reader: Reader) -> None:
    page = reader.page("/models")
    assert "No models yet" in page.text
    assert "stageline registry register" in page.one("code").text


def test_a_model_is_listed_with_what_its_stages_hold(workspace: Workspace, reader: Reader) -> None:
    with_policy(workspace)
    workspace.registry.set_alias("wine", "champion", 1)
    (row,) = rows(reader.page("/models"))
    assert row[:4] == ["wine", "Production v1", "@champion v1", "v3"]


def test_search_finds_names_descriptions_and_tags(workspace: Workspace, reader: Reader) -> None:
    registry = workspace.registry
    registry.create_registered_model("wine", description="How good it is")
    registry.create_registered_model("fraud", tags={"team": "risk"})
    assert [row[0] for row in rows(reader.page("/models", q="GOOD"))] == ["wine"]
    assert [row[0] for row in rows(reader.page("/models", q="team=risk"))] == ["fraud"]
    assert "No model fits" in reader.page("/models", q="nothing of that").text


def test_models_are_sorted_and_cut_into_pages(workspace: Workspace, reader: Reader) -> None:
    for number in range(53):
        workspace.registry.create_registered_model(f"model-{number:02}")
    first = rows(reader.page("/models", order="-name"))
    assert [first[0][0], first[-1][0], len(first)] == ["model-52", "model-03", 50]
    rest = rows(reader.page("/models", order="-name", start="50"))
    assert [row[0] for row in rest] == ["model-02", "model-01", "model-00"]
    reader.page("/models", order="colour", status=400)
    reader.page("/models", start="-1", status=400)


def test_versions_tell_stage_gate_metric_and_distance(workspace: Workspace, reader: Reader) -> None:
    with_policy(workspace)
    page = reader.page("/models/wine")
    third, second, first = (row[:6] for row in rows(page))
    assert third == ["v3", "None", "", "1/2 checks, 1 approval missing", "0.9", "+0.2 worse"]
    assert second == ["v2", "None", "", "2/2 checks, 1 approval missing", "0.6", "\u22120.1 better"]
    assert first == ["v1", "Production", "", "in the stage", "0.7", "\u2013"]
    run_id = workspace.registry.get_version("wine", 2).run_id
    assert page.all("a", href=f"/runs/{run_id}")


def test_versions_are_filtered_by_stage(workspace: Workspace, reader: Reader) -> None:
    with_policy(workspace)
    assert [row[0] for row in rows(reader.page("/models/wine", stage="production"))] == ["v1"]
    assert "No version is in Staging" in reader.page("/models/wine", stage="Staging").text
    reader.page("/models/wine", stage="Nowhere", status=400)


def test_a_given_approval_is_counted(workspace: Workspace, reader: Reader) -> None:
    registered(workspace, 0.6)
    workspace.registry.set_policy("wine", "Production", Policy(approvals=2))
    number = workspace.registry.request_transition("wine", 1, "Production", actor="eve").number
    workspace.registry.approve("wine", number, actor="bob")
    assert rows(reader.page("/models/wine"))[0][3] == "1 approval missing"


def test_a_model_that_is_not_there_is_a_page(reader: Reader) -> None:
    assert reader.page("/models/nothing", status=404).one("h1").text == "Not here"
    reader.page("/models/nothing/versions/1", status=404)
    reader.page("/models/nothing/history", status=404)
