"""Logged models and the registry on a store that is away over the network, and between replicas."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import Asked

from stageline.server.options import Options
from stageline.workspace import Workspace


@pytest.fixture(params=["log", "store"])
def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Asked, Asked]]:
    """Two of one store, each with a spool of its own, as on two machines."""
    url = f"memory://models-anywhere-{uuid.uuid4().hex}"
    options = Options(durability=request.param)
    one, two = (
        Workspace.open(url, cache=str(tmp_path / name), spool=str(tmp_path / name / "spool"))
        for name in ("one", "two")
    )
    with Asked(one, options) as here, Asked(two, options) as there:
        yield here, there


def test_model_is_known_to_the_other_replica_when_it_was_answered(
    replicas: tuple[Asked, Asked],
) -> None:
    here, there = replicas
    run_id = here.run()
    made = here.made("logged-models", experiment_id="0", name="net", source_run_id=run_id)
    info = made["model"]["info"]
    place = info["artifact_uri"].replace(
        "mlflow-artifacts:/", "/api/2.0/mlflow-artifacts/artifacts/"
    )
    plain = {"content-type": "text/plain"}
    assert there.ask("PUT", f"{place}/MLmodel", b"flavors: {}\n", headers=plain).status == 200
    assert here.ask("GET", f"{place}/MLmodel").content == b"flavors: {}\n"
    there.made("registered-models/create", name="wine")
    source = f"models:/{info['model_id']}"
    version = here.made("model-versions/create", name="wine", source=source)["model_version"]
    assert version["run_id"] == run_id
    moved = {"name": "wine", "version": "1", "stage": "Production"}
    there.made("model-versions/transition-stage", **moved)
    found = here.get("model-versions/get", name="wine", version="1").json["model_version"]
    assert found["current_stage"] == "Production"
    told = there.get("model-versions/get-download-uri", name="wine", version="1").json
    assert told["artifact_uri"] == f"mlflow-artifacts:/0/{run_id}/artifacts/net"


def test_what_two_replicas_measure_of_a_model_adds_up(replicas: tuple[Asked, Asked]) -> None:
    here, there = replicas
    run_id, other = here.run(), there.run()
    made = here.made("logged-models", experiment_id="0", source_run_id=run_id)["model"]["info"]
    for server, run, value in ((here, run_id, 0.5), (there, other, 0.75)):
        server.made(
            "runs/log-metric", run_id=run, key="acc", value=value, timestamp=1, model_id=made["model_id"]
        )  # fmt: skip
        server.made("runs/update", run_id=run, status="FINISHED", end_time=2)
    for server in replicas:
        model = server.get(f"logged-models/{made['model_id']}").json["model"]
        assert {(one["run_id"], one["value"]) for one in model["data"]["metrics"]} == {
            (run_id, 0.5),
            (other, 0.75),
        }


def test_models_of_one_name_do_not_share_a_folder(replicas: tuple[Asked, Asked]) -> None:
    run_id = replicas[0].run()
    places = []
    for server, content in zip(replicas, (b"first", b"second"), strict=True):
        made = server.made("logged-models", experiment_id="0", name="net", source_run_id=run_id)
        uri = made["model"]["info"]["artifact_uri"]
        places.append(uri.replace("mlflow-artifacts:/", "/api/2.0/mlflow-artifacts/artifacts/"))
        plain = {"content-type": "text/plain"}
        assert server.ask("PUT", f"{places[-1]}/MLmodel", content, headers=plain).status == 200
    found = [replicas[1].ask("GET", f"{place}/MLmodel").content for place in places]
    assert found == [b"first", b"second"]
