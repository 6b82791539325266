"""What trained what is in Production, on which data, by which commit, and who let it in: one frozen answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from stageline.domain.model import ModelVersion
from stageline.domain.model_input import loaded_model
from stageline.domain.run import (
    TAG_GIT_BRANCH,
    TAG_GIT_COMMIT,
    TAG_GIT_DIRTY,
    TAG_GIT_REPO_URL,
    TAG_SOURCE_NAME,
    DatasetInput,
    Run,
)
from stageline.domain.task_tags import (
    TAG_ORCHESTRATOR,
    TAG_PIPELINE,
    TAG_PIPELINE_RUN,
    TAG_TASK,
    TAG_TASK_INDEX,
)
from stageline.lineage.nodes import run_links
from stageline.lineage.standing import Entered, standing

if TYPE_CHECKING:
    from datetime import datetime

    from stageline.lineage.records import Records

GENERATIONS = 8
"""How far up the runs that a run is nested in are asked for data."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The code that ran; what is not known is empty."""

    commit: str = ""
    branch: str = ""
    repository: str = ""
    entry_point: str = ""
    is_dirty: bool | None = None
    """Whether a tracked file differed from the commit; None if nobody looked."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """The orchestrator's task that the run was."""

    orchestrator: str
    pipeline: str = ""
    pipeline_run: str = ""
    task: str = ""
    index: str = ""
    links: dict[str, str] = {}
    """Pages about its last attempt."""


class ReadDataset(msgspec.Struct, frozen=True, kw_only=True):
    """A dataset, and the run that read it: the version's own, or one that it is nested in."""

    run_id: str
    input: DatasetInput


class ProductionTrace(msgspec.Struct, frozen=True, kw_only=True):
    """What stands behind one version."""

    uri: str
    """What was asked about."""
    as_of: int | None
    """Unix milliseconds; None for now."""
    version: ModelVersion
    """As it stood then."""
    others: tuple[int, ...]
    """The other versions in the same stage."""
    run: Run | None
    """As it stands now; None if the version has none, or it is gone."""
    run_is_missing: bool
    """Whether the version names a run that is gone; `version.facts` tells its metrics then."""
    params: dict[str, str]
    metrics: dict[str, float]
    datasets: tuple[ReadDataset, ...]
    models: tuple[str, ...]
    """URIs of models that the run itself loaded."""
    source: Source
    task: Task | None
    """None if no orchestrator ran it."""
    entered: Entered | None
    """How it came to its stage; None while it is where versions begin."""


def trace(uri: str, records: Records, as_of: int | datetime | None) -> ProductionTrace:
    """See `Lineage.trace`."""
    found = standing(uri, records.sources.registry(), as_of)
    version = found.version
    run = records.run(version.run_id) if version.run_id is not None else None
    lineage = [] if run is None else _with_ancestors(run, records)
    return ProductionTrace(
        uri=uri,
        as_of=found.as_of,
        version=version,
        others=found.others,
        run=run,
        run_is_missing=version.run_id is not None and run is None,
        params={} if run is None else run.data.params,
        metrics=version.facts.metrics if run is None else run.data.metrics,
        datasets=tuple(
            ReadDataset(run_id=one.info.run_id, input=given)
            for one in lineage
            for given in one.inputs.dataset_inputs
            if loaded_model(given) is None
        ),
        models=tuple(
            loaded
            for given in (run.inputs.dataset_inputs if run else ())
            if (loaded := loaded_model(given)) is not None
        ),
        source=Source() if run is None else _source(run),
        task=None if run is None else _task(run),
        entered=found.entered,
    )


def _with_ancestors(run: Run, records: Records) -> list[Run]:
    """The run, then what it is nested in: a pipeline's data is its tasks' data."""
    found = {run.info.run_id: run}
    for _ in range(GENERATIONS):
        if not run.parent_run_id or run.parent_run_id in found:
            break
        parent = records.run(run.parent_run_id)
        if parent is None:
            break
        found[parent.info.run_id] = run = parent
    return list(found.values())


def _source(run: Run) -> Source:
    tags = run.data.tags
    dirty = tags.get(TAG_GIT_DIRTY)
    return Source(
        commit=tags.get(TAG_GIT_COMMIT, ""),
        branch=tags.get(TAG_GIT_BRANCH, ""),
        repository=tags.get(TAG_GIT_REPO_URL, ""),
        entry_point=tags.get(TAG_SOURCE_NAME, ""),
        is_dirty=None if dirty is None else dirty.lower() == "true",
    )


def _task(run: Run) -> Task | None:
    tags = run.data.tags
    if TAG_ORCHESTRATOR not in tags:
        return None
    return Task(
        orchestrator=tags[TAG_ORCHESTRATOR],
        pipeline=tags.get(TAG_PIPELINE, ""),
        pipeline_run=tags.get(TAG_PIPELINE_RUN, ""),
        task=tags.get(TAG_TASK, ""),
        index=tags.get(TAG_TASK_INDEX, ""),
        links=run_links(run),
    )
