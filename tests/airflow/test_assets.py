"""Models as assets: their URIs, what their events say, and DAGs that are scheduled on them."""

from __future__ import annotations

import json
import textwrap
from types import SimpleNamespace

import pytest
from airflow.sdk import Asset
from models import registered

from airflow_provider_stageline.assets import dataset_asset, model_asset, transitions_of

PROMOTING = """
from airflow.sdk import dag
from airflow_provider_stageline.assets import model_asset
from airflow_provider_stageline.operators.stages import TransitionStageOperator

@dag
def pipeline():
    TransitionStageOperator(
        task_id="promote", model="line", version=1, stage="Production",
        outlets=[model_asset("line", "Production", watch=False)],
    )

pipeline()
"""


def test_a_models_uri_names_connection_model_and_stage():
    asset = model_asset("wine / red", "Production", stageline_conn_id="team")

    assert asset.uri == "stageline://team/models/wine%20%2F%20red/Production"
    assert asset.name == "team/models/wine%20%2F%20red/Production"
    (watcher,) = asset.watchers
    kwargs = watcher.trigger.serialize()[1]
    assert (kwargs["model"], kwargs["stages"]) == ("wine / red", ["Production"])


@pytest.mark.parametrize(
    "uri", ["stageline://c/wine", "stageline:///models/wine", "stageline://c/models//x"]
)
def test_what_names_no_model_is_no_uri(uri):
    with pytest.raises(ValueError, match="names no model"):
        Asset(uri=uri)


def test_data_is_an_asset_by_its_url():
    assert dataset_asset("s3://bucket/train.csv").group == "ml-dataset"


def test_transitions_are_told_once_and_in_order_however_they_came():
    def told(number: int, **extra: object) -> SimpleNamespace:
        values = {"key": f"wine:{number}:1", "time": number, "model": "wine"}
        return SimpleNamespace(extra=extra.get("extra", values))

    watched = {"from_trigger": True, "payload": {"key": "wine:1:1", "time": 1, "model": "wine"}}
    events = {
        "a": [told(2), told(1, extra=watched), told(0, extra={"by": "hand"})],
        "b": [told(1), told(3, extra=None)],
    }

    found = transitions_of({"triggering_asset_events": events})  # type: ignore[typeddict-item]

    assert [one["key"] for one in found] == ["wine:1:1", "wine:2:1"]
    assert transitions_of({}) == []  # type: ignore[typeddict-item]


def test_the_event_of_an_outlet_says_what_a_watcher_would(dag_runs, workspace):
    registered(workspace, 2.5)
    script = """
        from airflow.models.asset import AssetEvent
        from airflow.utils.session import create_session

        answer = run("pipeline")
        with create_session() as session:
            answer["events"] = [event.extra for event in session.query(AssetEvent)]
    """

    found = dag_runs.do(PROMOTING, textwrap.dedent(script))

    assert found["state"] == "success", dag_runs.log
    (extra,) = found["events"]
    (event,) = workspace.registry.follow().events
    assert extra["key"] == event.key
    wanted = {"model": "line", "version": 1, "stage": "Production", "metrics": {"error": 0.5}}
    assert extra.items() >= wanted.items()
    assert extra["run_id"] == workspace.registry.get_version("line", 1).run_id


def test_a_dag_that_is_scheduled_on_a_model_keeps_its_watcher_through_serialization(dag_runs):
    dags = """
        from airflow.sdk import dag
        from airflow_provider_stageline.assets import model_asset

        @dag(schedule=[model_asset("wine", "Production")])
        def pipeline(): ...

        pipeline()
    """
    script = """
        from airflow.serialization.serialized_objects import DagSerialization

        answer = DagSerialization.to_dict(dag_of("pipeline"))
        DagSerialization.from_dict(answer)
    """

    found = json.dumps(dag_runs.do(dags, textwrap.dedent(script)))

    assert "stageline://stageline_default/models/wine/Production" in found
    assert "airflow_provider_stageline.triggers.ModelStageEventTrigger" in found
