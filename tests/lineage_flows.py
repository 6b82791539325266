"""What lineage is drawn from: pipelines, models, promotions and deployments, recorded as their users would."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

from stageline import Workspace, fluent
from stageline.clock import SYSTEM_CLOCK, Clock
from stageline.domain.graph import LineageGraph, NodeKind
from stageline.domain.policy import Policy
from stageline.domain.run import DatasetInput, DatasetRef, RunStatus
from stageline.settings import Settings
from stageline.storage.memory import MemoryStore
from stageline.storage.port import ObjectStore
from stageline.tasks import (
    PipelineIdentity,
    Session,
    TaskCall,
    TaskIdentity,
    end_parent,
    open_parent,
    tracked_call,
)

CODE = {
    "mlflow.source.git.commit": "0123456789abcdef0123456789abcdef01234567",
    "mlflow.source.git.branch": "main",
    "mlflow.source.git.repoURL": "git@example.com:team/wine.git",
    "mlflow.source.name": "train.py",
    "stageline.source.git.dirty": "true",
}
PAGE = "https://orchestra.example/runs/nightly-1/train"


def workspace_in(
    folder: Path, store: ObjectStore | None = None, clock: Clock = SYSTEM_CLOCK
) -> Workspace:
    """On a store in memory, as a new process would open it: no cache, no knowledge."""
    return Workspace(
        store or MemoryStore(f"memory://{uuid.uuid4().hex}"),
        Settings(cache=str(folder / uuid.uuid4().hex), spool=str(folder / "spool"), user="ann"),
        clock,
    )


def data(name: str = "wine.csv", digest: str = "d1", namespace: str = "s3://data") -> DatasetInput:
    """A dataset, as an input."""
    return DatasetInput(
        DatasetRef(namespace=namespace, name=name, digest=digest, source_type="s3"),
        {"mlflow.data.context": "training"},
    )


def trained(workspace: Workspace, *inputs: DatasetInput, rmse: float = 0.5, **how: Any) -> str:
    """A run that read `inputs` and logged a model; its id."""
    tags = {**CODE, **how.pop("tags", {})}
    with workspace.runs.create(run_name=how.pop("run_name", "train"), tags=tags, **how) as run:
        run.log_inputs(inputs or [data()])
        run.log_params({"alpha": 0.1})
        run.log_metrics({"rmse": rmse})
        workspace.artifacts(run.run_id).log_text("flavors: {}\n", "model/MLmodel")
    return run.run_id


def promoted(workspace: Workspace, run_id: str, name: str = "wine") -> int:
    """The version of a run's model, asked for by ann, approved by bob, and in Production."""
    registry = workspace.registry
    version = registry.register(name, run_id=run_id, artifact_path="model").version
    if registry.get_policy(name, "Production") is None:
        registry.set_policy(name, "Production", Policy(approvals=1))
    request = registry.request_transition(
        name, version, "Production", archive_existing=True, comment="better by far"
    )
    registry.approve(name, request.number, actor="bob", comment="looks good")
    return version


def deployed(workspace: Workspace, version: int, target: str = "eu", name: str = "wine") -> None:
    """The version runs at `target`."""
    workspace.registry.set_deployment(name, version, target, url=f"https://{target}.example/score")


def pipeline(workspace: Workspace) -> tuple[str, str]:
    """A pipeline's run with a task that trains in it: the ids of both."""

    def session() -> Session:
        return Session(workspace, fluent.activated)

    flow = PipelineIdentity(orchestrator="orchestra", pipeline="nightly", pipeline_run="nightly/1")
    task = TaskIdentity(
        orchestrator="orchestra",
        pipeline="nightly",
        pipeline_run="nightly/1",
        task="train",
        links={"orchestra": PAGE},
    )
    parent = open_parent(TaskCall(identity=flow, open_session=session), {})
    assert parent.run is not None
    parent.run.log_inputs([data("raw.csv", "r1")])

    def train() -> dict[str, float]:
        run = fluent.active_run()
        assert run is not None
        run.log_inputs([data()])
        workspace.artifacts(run.run_id).log_text("flavors: {}\n", "model/MLmodel")
        return {"rmse": 0.25}

    tracked_call(train, (), {}, TaskCall(identity=task, open_session=session))
    end_parent(flow.run_id, RunStatus.FINISHED)
    return flow.run_id, task.run_id


def arrows(graph: LineageGraph) -> list[str]:
    """Each edge by the labels of its ends."""
    return sorted(
        f"{graph.node(edge.source).label} -{edge.kind}-> {graph.node(edge.target).label}"
        for edge in graph.edges
    )


def labels(graph: LineageGraph, kind: NodeKind) -> list[str]:
    return sorted(node.label for node in graph.of_kind(kind))


CHAIN = [
    "train -registered-> wine v1",
    "wine v1 -deployed-> eu",
    "wine v1 -in_stage-> wine Production",
    "wine.csv -read-> train",
]
