"""MLflow's route that lists a run's files, for its pages and its clients of Java and R."""

from __future__ import annotations

from stageline.server import asks
from stageline.server.endpoint import Call, Endpoint
from stageline.server.file_places import run_files
from stageline.server.mlflow_shapes import Shape, artifact_uri
from stageline.server.wire import required


def list_artifacts(call: Call, ask: asks.ListArtifacts) -> Shape:
    run_id = required("run_id", ask.run_id or ask.run_uuid)
    info = call.workspace.runs.get(run_id).info
    files = [
        {"path": one.path, "is_dir": one.is_dir}
        | ({} if one.file_size is None else {"file_size": one.file_size})
        for one in run_files(call.replica, run_id).list(ask.path)
    ]
    return {"root_uri": artifact_uri(call.replica, info), "files": files}


ENDPOINTS = [Endpoint("GET", "artifacts/list", asks.ListArtifacts, list_artifacts)]
