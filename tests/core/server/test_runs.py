"""Experiments and runs by MLflow's protocol."""

from __future__ import annotations

import pytest
from asking import Asked

from stageline.workspace import Workspace


def test_experiment_is_created_found_renamed_tagged_and_put_aside(server: Asked) -> None:
    made = server.made("experiments/create", name="wine", tags=[{"key": "k", "value": "v"}])
    one = {"experiment_id": made["experiment_id"]}
    assert server.get("experiments/get-by-name", experiment_name="wine").json["experiment"][
        "tags"
    ] == [{"key": "k", "value": "v"}]
    server.made("experiments/update", **one, new_name="beer")
    server.made("experiments/set-experiment-tag", **one, key="a", value="b")
    server.made("experiments/delete-experiment-tag", **one, key="k")
    server.made("experiments/delete", **one)
    found = server.get("experiments/get", **one).json["experiment"]
    assert (found["name"], found["lifecycle_stage"]) == ("beer", "deleted")
    assert found["tags"] == [{"key": "a", "value": "b"}]
    server.made("experiments/restore", **one)
    assert server.get("experiments/get", **one).json["experiment"]["lifecycle_stage"] == "active"


def test_experiment_that_is_not_there_is_404_in_the_words_clients_look_for(server: Asked) -> None:
    by_name = server.get("experiments/get-by-name", experiment_name="nobody's")
    by_id = server.get("experiments/get", experiment_id="99")
    assert (by_name.status, by_name.code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert by_name.json["message"].startswith("Could not find experiment with name 'nobody's'")
    assert by_id.json["message"] == "No Experiment with id=99 exists"


def test_name_that_is_taken_is_400(server: Asked) -> None:
    server.made("experiments/create", name="wine")
    again = server.post("experiments/create", name="wine")
    assert (again.status, again.code) == (400, "RESOURCE_ALREADY_EXISTS")


def test_experiments_are_searched_in_pages(server: Asked) -> None:
    for name in ("a", "b", "c"):
        server.made("experiments/create", name=name)
    first = server.made("experiments/search", max_results=2, order_by=["name DESC"])
    rest = server.get(
        "experiments/search",
        max_results=9,
        order_by=["name DESC"],
        page_token=first["next_page_token"],
    ).json
    names = [one["name"] for one in first["experiments"] + rest["experiments"]]
    assert names == ["c", "b", "a", "Default"]
    assert "next_page_token" not in rest


def test_run_is_told_as_mlflow_tells_it(server: Asked) -> None:
    made = server.made(
        "runs/create", experiment_id="0", user_id="bob", run_name="n", start_time="1700000000000"
    )["run"]
    run_id = made["info"]["run_id"]
    assert made["info"] == {
        "run_id": run_id,
        "run_uuid": run_id,
        "run_name": "n",
        "experiment_id": "0",
        "user_id": "bob",
        "status": "RUNNING",
        "start_time": 1700000000000,
        "artifact_uri": f"mlflow-artifacts:/0/{run_id}/artifacts",
        "lifecycle_stage": "active",
    }
    tags = {"mlflow.runName": "n", "mlflow.user": "bob"}
    assert {tag["key"]: tag["value"] for tag in made["data"]["tags"]} == tags
    assert server.found(run_id) == made


def test_run_name_and_its_tag_may_not_differ(server: Asked) -> None:
    tags = [{"key": "mlflow.runName", "value": "other"}]
    refused = server.post("runs/create", experiment_id="0", run_name="one", tags=tags)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


def test_end_of_a_run_is_what_the_client_says(server: Asked) -> None:
    run_id = server.run()
    info = server.made("runs/update", run_id=run_id, status="FAILED", end_time=7)["run_info"]
    assert (info["status"], info["end_time"]) == ("FAILED", 7)
    assert run_id not in server.replica.runs.held
    again = server.made("runs/update", run_id=run_id, status=3, end_time=9, run_name="x")
    assert (again["run_info"]["status"], again["run_info"]["run_name"]) == ("FINISHED", "x")


def test_status_that_does_not_exist_is_refused(server: Asked) -> None:
    refused = server.post("runs/update", run_id=server.run(), status="DONE")
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


def test_runs_are_searched_in_order_and_in_pages(server: Asked) -> None:
    for number in range(3):
        run_id = server.run(run_name=f"r{number}")
        server.made("runs/log-metric", run_id=run_id, key="m", value=number, timestamp=1)
    query = {"experiment_ids": ["0"], "order_by": ["metrics.m DESC"]}
    first = server.made("runs/search", **query, max_results=2)
    rest = server.made("runs/search", **query, page_token=first["next_page_token"])
    names = [run["info"]["run_name"] for run in first["runs"] + rest["runs"]]
    assert names == ["r2", "r1", "r0"]
    assert (
        server.made("runs/search", **query, filter="metrics.m > 1.5")["runs"] == first["runs"][:1]
    )


def test_experiments_that_do_not_exist_have_no_runs(server: Asked) -> None:
    server.run()
    assert server.made("runs/search", experiment_ids=["77", "0"])["runs"]
    assert server.made("runs/search", experiment_ids=["77"]) == {"runs": []}


@pytest.mark.parametrize(
    "query",
    [
        {"filter": "nonsense"},
        {"max_results": 50_001},
        {"max_results": 0},
        {"page_token": "zz"},
        {"order_by": ["metrics.m SIDEWAYS"]},
        {"run_view_type": "SOME"},
    ],
)
def test_search_that_makes_no_sense_is_400(server: Asked, query: dict[str, object]) -> None:
    refused = server.post("runs/search", experiment_ids=["0"], **query)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")


def test_deleted_run_takes_nothing_until_it_is_restored(server: Asked) -> None:
    run_id = server.run()
    point = {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1}
    server.made("runs/delete", run_id=run_id)
    refused = server.post("runs/log-metric", **point)
    assert (refused.status, refused.code) == (400, "INVALID_PARAMETER_VALUE")
    assert "must be in the 'active' state" in refused.json["message"]
    assert server.made("runs/search", experiment_ids=["0"])["runs"] == []
    gone = server.made("runs/search", experiment_ids=["0"], run_view_type="DELETED_ONLY")
    assert [run["info"]["run_id"] for run in gone["runs"]] == [run_id]
    server.made("runs/restore", run_id=run_id)
    server.made("runs/log-metric", **point)


def test_run_of_http_does_not_vanish_with_the_server(server: Asked, workspace: Workspace) -> None:
    run_id = server.run()
    server.replica.close()
    again = Workspace(workspace.store, workspace.settings)
    assert str(again.runs.get(run_id).info.status) == "RUNNING"


def test_no_message_tells_where_the_store_is(server: Asked, workspace: Workspace) -> None:
    for reply in (
        server.get("runs/get", run_id="nothing"),
        server.post("runs/log-metric", run_id="nothing", key="m", value=1, timestamp=1),
        server.get("artifacts/list", run_id="nothing"),
    ):
        assert (reply.status, reply.code) == (404, "RESOURCE_DOES_NOT_EXIST")
        assert workspace.store.url not in reply.json["message"]
        assert reply.json["message"].startswith("Run with id=nothing not found")
