"""OpenLineage events of what was really recorded, judged by OpenLineage's own classes and our facets' schemas."""

from __future__ import annotations

import json
import uuid
from importlib import resources
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from lineage_flows import data, deployed, pipeline, promoted, trained
from openlineage.client import event_v2, facet_v2
from openlineage.client.serde import Serde

from stageline import Workspace
from stageline.domain.graph import LineageGraph
from stageline.domain.model_input import model_input
from stageline.lineage.export.openlineage import to_openlineage
from stageline.lineage.export.openlineage_facets import OWN_FILE, SCHEMAS, repository_url

KNOWN = {
    "parent": facet_v2.parent_run.ParentRunFacet,
    "errorMessage": facet_v2.error_message_run.ErrorMessageRunFacet,
    "jobType": facet_v2.job_type_job.JobTypeJobFacet,
    "sourceCodeLocation": facet_v2.source_code_location_job.SourceCodeLocationJobFacet,
    "version": facet_v2.dataset_version_dataset.DatasetVersionDatasetFacet,
}
OWN = json.loads(
    resources.files("stageline").joinpath(OWN_FILE.removeprefix("stageline/")).read_text()
)


def facets_of(given: dict[str, Any]) -> dict[str, Any]:
    """Each facet as OpenLineage's class of it, which refuses what it does not know; ours by their schemas."""
    made: dict[str, Any] = {}
    for name, facet in given.items():
        if name not in KNOWN:
            pointer = facet["_schemaURL"].partition("#")[2]
            assert pointer.startswith(f"{OWN_FILE}/$defs/")
            schema = OWN["$defs"][pointer.rpartition("/")[2]]
            Draft202012Validator(schema).validate(facet)
            assert set(facet) <= set(schema["properties"])
            continue
        fields = {key: value for key, value in facet.items() if not key.startswith("_")}
        if name == "parent":
            parts = facet_v2.parent_run
            fields = {"run": parts.Run(**fields["run"]), "job": parts.Job(**fields["job"])}
        made[name] = KNOWN[name](**fields, producer=facet["_producer"])
        assert facet["_schemaURL"] == made[name]._schemaURL
    return made


def accepted(event: dict[str, Any]) -> None:
    """The event out of OpenLineage's classes says the same as ours, apart from our own facets."""

    def dataset(kind: type, given: dict[str, Any]) -> Any:
        return kind(given["namespace"], given["name"], facets=facets_of(given["facets"]))

    if "dataset" in event:
        Draft202012Validator.check_schema(OWN)
        made: Any = event_v2.DatasetEvent(
            eventTime=event["eventTime"],
            producer=event["producer"],
            dataset=dataset(event_v2.StaticDataset, event["dataset"]),
        )
    else:
        run, job = event["run"], event["job"]
        made = event_v2.RunEvent(
            eventType=event_v2.RunState(event["eventType"]),
            eventTime=event["eventTime"],
            producer=event["producer"],
            run=event_v2.Run(run["runId"], facets=facets_of(run["facets"])),
            job=event_v2.Job(job["namespace"], job["name"], facets=facets_of(job["facets"])),
            inputs=[dataset(event_v2.InputDataset, one) for one in event["inputs"]],
            outputs=[dataset(event_v2.OutputDataset, one) for one in event["outputs"]],
        )
    theirs = json.loads(Serde.to_json(made))
    assert _plain(theirs) == _plain(event)


def _plain(value: Any) -> Any:
    """Without our own facets, and without what is empty, which the classes write and the specification does not ask."""
    if isinstance(value, dict):
        kept = {k: _plain(v) for k, v in value.items() if not k.startswith("stageline_")}
        return {k: v for k, v in kept.items() if v not in (None, {}, [])}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def events_of(workspace: Workspace, graph: LineageGraph) -> list[dict[str, Any]]:
    events = to_openlineage(graph, workspace.store.url)
    for event in events:
        accepted(event)
    times = [event["eventTime"] for event in events]
    assert times == sorted(times)
    return events


def test_schemas_named_are_those_of_the_installed_release() -> None:
    assert {name: KNOWN[name]._get_schema() for name in SCHEMAS} == SCHEMAS


def test_training_reads_data_and_makes_a_version(workspace: Workspace) -> None:
    run_id = trained(workspace)
    deployed(workspace, promoted(workspace, run_id))
    workspace.registry.set_alias("wine", "champion", 1)
    start, end = events_of(workspace, workspace.lineage.of("models:/wine/1"))
    assert (start["eventType"], end["eventType"]) == ("START", "COMPLETE")
    assert start["run"]["runId"] == end["run"]["runId"] == str(uuid.UUID(run_id))
    (read,) = end["inputs"]
    assert (read["namespace"], read["name"]) == ("s3://data", "wine.csv")
    assert read["facets"]["version"]["datasetVersion"] == "d1"
    (made,) = end["outputs"]
    assert (made["namespace"], made["name"]) == (workspace.store.url, "models/wine/versions/1")
    facet = made["facets"]["stageline_modelVersion"]
    assert (facet["stage"], facet["aliases"], facet["deployments"]) == (
        "Production",
        ["champion"],
        ["eu"],
    )
    assert facet["runId"] == run_id
    assert start["outputs"] == []


def test_code_is_located(workspace: Workspace) -> None:
    (event, _) = events_of(workspace, workspace.lineage.of(trained(workspace), depth=0))
    place = event["job"]["facets"]["sourceCodeLocation"]
    assert place["url"] == "ssh://git@example.com/team/wine.git"
    assert place["repoUrl"] == "git@example.com:team/wine.git"
    assert (place["type"], place["version"][:4], place["path"]) == ("git", "0123", "train.py")
    assert repository_url("https://example.com/x.git") == "https://example.com/x.git"
    assert repository_url("C:\\repo") == repository_url("/srv/repo") == ""


def test_task_names_its_pipeline_as_its_parent(workspace: Workspace) -> None:
    flow, task = pipeline(workspace)
    events = events_of(workspace, workspace.lineage.of(task))
    by_run = {event["run"]["runId"]: event for event in events}
    child, parent = by_run[str(uuid.UUID(task))], by_run[str(uuid.UUID(flow))]
    facet = child["run"]["facets"]["parent"]
    assert facet["run"]["runId"] == parent["run"]["runId"]
    assert facet["job"]["name"] == parent["job"]["name"] == "nightly"
    assert child["job"]["name"] == "nightly.train"
    assert child["job"]["facets"]["jobType"]["jobType"] == "TASK"
    assert child["run"]["facets"]["stageline_run"]["links"]
    assert "parent" not in parent["run"]["facets"]


def test_failure_tells_its_message(workspace: Workspace) -> None:
    with (
        pytest.raises(ValueError, match="bad alpha"),
        workspace.runs.create(run_name="train") as run,
    ):
        raise ValueError("bad alpha")
    start, end = events_of(workspace, workspace.lineage.of(run.run_id))
    assert end["eventType"] == "FAIL"
    assert end["run"]["facets"]["errorMessage"]["message"] == "ValueError: bad alpha"
    assert "errorMessage" not in start["run"]["facets"]


def test_killed_run_is_aborted_and_open_run_has_no_end(workspace: Workspace) -> None:
    with pytest.raises(KeyboardInterrupt), workspace.runs.create() as killed:
        raise KeyboardInterrupt
    (_, end) = events_of(workspace, workspace.lineage.of(killed.run_id))
    assert end["eventType"] == "ABORT"
    with workspace.runs.create() as still:
        (only,) = events_of(workspace, workspace.lineage.of(still.run_id))
    assert only["eventType"] == "START"


def test_batch_run_has_the_version_as_an_input(workspace: Workspace) -> None:
    promoted(workspace, trained(workspace))
    batch = trained(workspace, model_input("models:/wine/1", "u"), run_name="batch")
    events = events_of(workspace, workspace.lineage.of(batch, direction="up"))
    scoring = [one for one in events if one["run"]["runId"] == str(uuid.UUID(batch))]
    assert [one["name"] for one in scoring[-1]["inputs"]] == ["models/wine/versions/1"]


def test_version_that_no_run_made_is_told_by_itself(workspace: Workspace) -> None:
    workspace.registry.register("wine", source="s3://models/wine")
    (event,) = events_of(workspace, workspace.lineage.of("models:/wine/1"))
    assert event["schemaURL"].endswith("/DatasetEvent")
    assert event["dataset"]["name"] == "models/wine/versions/1"


def test_unregistered_model_is_an_output(workspace: Workspace) -> None:
    run_id = trained(workspace)
    (_, end) = events_of(workspace, workspace.lineage.of(run_id))
    assert [one["name"] for one in end["outputs"]] == [f"runs/{run_id}/model"]


def test_odd_names_ids_and_times_are_accepted(workspace: Workspace) -> None:
    name = 'a"\n\u202e<script>'
    with workspace.runs.create(run_id="my-own-run", run_name=name, start_time=10**15) as run:
        run.log_inputs([data(name=name, namespace="")])
    (start, _) = events_of(workspace, workspace.lineage.of(run.run_id))
    assert start["run"]["runId"] == str(uuid.uuid5(uuid.NAMESPACE_URL, "stageline:my-own-run"))
    assert start["inputs"][0]["namespace"] == workspace.store.url
    assert start["inputs"][0]["name"] == name


def test_what_is_gone_is_no_event(workspace: Workspace) -> None:
    batch = trained(workspace, model_input("models:/wine/7", "u"), run_name="batch")
    events = events_of(workspace, workspace.lineage.of(batch))
    assert len(events) == 2
    assert events[0]["inputs"][0]["name"] == "models/wine/versions/7"
