"""Keys as nodes: what the graph tells of each run, dataset, version, stage and deployment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import assert_never

from stageline.domain.graph import Node, NodeKind
from stageline.domain.run import (
    TAG_GIT_BRANCH,
    TAG_GIT_COMMIT,
    TAG_GIT_DIRTY,
    TAG_GIT_REPO_URL,
    TAG_SOURCE_NAME,
    LifecycleStage,
)
from stageline.domain.task_tags import (
    TAG_ORCHESTRATOR,
    TAG_PIPELINE,
    TAG_PIPELINE_RUN,
    TAG_TASK,
    TAG_TASK_INDEX,
)
from stageline.lineage.keys import (
    DatasetKey,
    DeploymentKey,
    ForeignKey,
    Key,
    ModelKey,
    RunKey,
    StageKey,
    VersionKey,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.domain.run import DatasetRef, Run
    from stageline.lineage.records import KnownVersion, Records

_TOLD_TAGS = {
    "commit": TAG_GIT_COMMIT,
    "branch": TAG_GIT_BRANCH,
    "is_dirty": TAG_GIT_DIRTY,
    "repository": TAG_GIT_REPO_URL,
    "entry_point": TAG_SOURCE_NAME,
    "orchestrator": TAG_ORCHESTRATOR,
    "pipeline": TAG_PIPELINE,
    "pipeline_run": TAG_PIPELINE_RUN,
    "task": TAG_TASK,
    "task_index": TAG_TASK_INDEX,
}


def describe(key: Key, records: Records, datasets: Mapping[str, DatasetRef]) -> Node:
    """The node of a key. `datasets` holds what was met, by node id; runs and versions are in `records`."""
    match key:
        case RunKey():
            return _run_node(key, records)
        case DatasetKey():
            return _dataset_node(key, datasets.get(key.id))
        case ModelKey():
            return _model_node(key)
        case VersionKey():
            return _version_node(key, records.version(key.name, key.version))
        case ForeignKey():
            told = {"store": key.store, "name": key.name, "version": str(key.version)}
            label = f"{key.name} v{key.version} in {key.store}"
            return Node(id=key.id, kind=NodeKind.VERSION, label=label, attributes=told)
        case StageKey():
            return Node(
                id=key.id,
                kind=NodeKind.STAGE,
                label=f"{key.name} {key.stage}",
                attributes={"name": key.name, "stage": key.stage},
            )
        case DeploymentKey():
            return _deployment_node(key, records)
        case _:
            assert_never(key)


def run_attributes(run: Run) -> dict[str, str]:
    """What a run's node tells."""
    info, tags = run.info, run.data.tags
    told = {
        "run_id": info.run_id,
        "experiment_id": info.experiment_id,
        "status": str(info.status),
        "reason": info.reason or "",
        "user": info.user_id,
        "start_time": str(info.start_time),
        "end_time": "" if info.end_time is None else str(info.end_time),
        "lifecycle_stage": ""
        if info.lifecycle_stage is LifecycleStage.ACTIVE
        else str(info.lifecycle_stage),
        "parent_run_id": run.parent_run_id or "",
        "attempt": str(run.attempts[-1].number) if run.attempts else "",
        **{name: tags.get(tag, "") for name, tag in _TOLD_TAGS.items()},
    }
    return {name: value for name, value in told.items() if value}


def run_links(run: Run) -> dict[str, str]:
    """The orchestrator's pages: of the last attempt that has any."""
    return next((dict(one.links) for one in reversed(run.attempts) if one.links), {})


def _run_node(key: RunKey, records: Records) -> Node:
    run = records.run(key.run_id)
    if run is None:
        problem = records.problems.get(key.run_id, "")
        return Node(
            id=key.id,
            kind=NodeKind.RUN,
            label=key.run_id,
            attributes={"run_id": key.run_id, **({"problem": problem} if problem else {})},
            is_missing=True,
        )
    return Node(
        id=key.id,
        kind=NodeKind.RUN,
        label=run.info.run_name or run.info.run_id,
        attributes=run_attributes(run),
        links=run_links(run),
    )


def _dataset_node(key: DatasetKey, ref: DatasetRef | None) -> Node:
    told = {
        "namespace": key.namespace,
        "name": key.name,
        "digest": key.digest,
        "source_type": ref.source_type if ref else "",
        "source": ref.source if ref else "",
    }
    return Node(
        id=key.id,
        kind=NodeKind.DATASET,
        label=key.name,
        attributes={name: value for name, value in told.items() if value},
        is_missing=ref is None,
    )


def _model_node(key: ModelKey) -> Node:
    return Node(
        id=key.id,
        kind=NodeKind.MODEL,
        label=key.path,
        attributes={"path": key.path, **({"run_id": key.run_id} if key.run_id else {})},
    )


def _version_node(key: VersionKey, known: KnownVersion | None) -> Node:
    told = {"name": key.name, "version": str(key.version)}
    links: dict[str, str] = {}
    if known is not None:
        version = known.version
        told |= {
            "run_id": version.run_id or "",
            "artifact_path": version.artifact_path or "",
            "source": version.source,
            "user": version.user_id,
            "creation_time": str(version.creation_timestamp),
            "digest": version.facts.digest,
            "renamed_to": known.renamed_to,
        }
        if not known.is_deleted:
            told |= {"stage": version.current_stage, "aliases": ",".join(version.aliases)}
        if version.run_link:
            links["run"] = version.run_link
    return Node(
        id=key.id,
        kind=NodeKind.VERSION,
        label=f"{key.name} v{key.version}",
        attributes={name: value for name, value in told.items() if value},
        links=links,
        is_missing=known is None or known.is_deleted,
    )


def _deployment_node(key: DeploymentKey, records: Records) -> Node:
    told = {"name": key.name, "target": key.target}
    links: dict[str, str] = {}
    for version in records.versions(key.name):
        found = version.deployments.get(key.target)
        if found is not None:
            told |= {"version": str(version.version), "by": found.by, "time": str(found.time)}
            pages = {"deployment": found.url, "orchestrator": found.link}
            links = {name: url for name, url in pages.items() if url}
    return Node(id=key.id, kind=NodeKind.DEPLOYMENT, label=key.target, attributes=told, links=links)
