"""One step up or down: which links lead to the things of a level, or away from them. Asks in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from stageline.domain.graph import EdgeKind
from stageline.domain.model import ModelVersion, Stage
from stageline.domain.model_input import loaded_model
from stageline.domain.task_tags import TAG_CACHED_FROM
from stageline.lineage.keys import (
    DatasetKey,
    DeploymentKey,
    ForeignKey,
    Key,
    ModelKey,
    RunKey,
    StageKey,
    VersionKey,
    model_key,
)

if TYPE_CHECKING:
    from stageline.domain.run import DatasetInput, DatasetRef, Run
    from stageline.lineage.records import Records

One = TypeVar("One", bound=Key)


class Link(NamedTuple):
    """An edge, with what is at its ends."""

    source: Key
    target: Key
    kind: EdgeKind
    dataset: DatasetRef | None = None
    """The source, if that is a dataset."""


def links_up(level: Sequence[Key], records: Records) -> Iterator[Link]:
    """The links that lead to the things of `level`."""
    runs = _only(RunKey, level)
    records.load(one.run_id for one in runs)
    for key in runs:
        run = records.run(key.run_id)
        if run is not None:
            yield from run_links_up(run)
    for model in _only(ModelKey, level):
        if model.run_id is not None:
            yield Link(RunKey(model.run_id), model, EdgeKind.LOGGED)
    for version_key in _only(VersionKey, level):
        known = records.version(version_key.name, version_key.version)
        if known is not None:
            yield from _origin(version_key, known.version, records)
    for stage in _only(StageKey, level):
        for version in records.versions(stage.name):
            if version.current_stage == stage.stage:
                yield Link(_key(version), stage, EdgeKind.IN_STAGE)
    for place in _only(DeploymentKey, level):
        for version in records.versions(place.name):
            if place.target in version.deployments:
                yield Link(_key(version), place, EdgeKind.DEPLOYED)


def links_down(level: Sequence[Key], records: Records) -> Iterator[Link]:
    """The links that lead away from the things of `level`."""
    for dataset in _only(DatasetKey, level):
        for run in records.readers(dataset.name, dataset.digest):
            yield from (link for link in run_links_up(run) if link.source == dataset)
    yield from _from_runs(_only(RunKey, level), records)
    yield from _from_models(_only(ModelKey, level), records)
    yield from _from_versions(_only(VersionKey, level), records)


def run_links_up(run: Run) -> Iterator[Link]:
    """What a run says of where it comes from."""
    key = RunKey(run.info.run_id)
    if run.parent_run_id:
        yield Link(RunKey(run.parent_run_id), key, EdgeKind.NESTED)
    for given in run.inputs.dataset_inputs:
        yield _input_link(given, key)
    producer = run.data.tags.get(TAG_CACHED_FROM)
    if producer:
        yield Link(RunKey(producer), key, EdgeKind.CACHED)


def _input_link(given: DatasetInput, run: RunKey) -> Link:
    uri = loaded_model(given)
    if uri is not None:
        return Link(model_key(uri), run, EdgeKind.LOADED)
    ref = given.dataset
    return Link(DatasetKey(ref.namespace, ref.name, ref.digest), run, EdgeKind.READ, dataset=ref)


def _origin(key: VersionKey, version: ModelVersion, records: Records) -> Iterator[Link]:
    origin = version.origin
    if origin is not None and origin.store == records.sources.url:
        yield Link(VersionKey(origin.name, origin.version), key, EdgeKind.COPIED)
    elif origin is not None:
        yield Link(ForeignKey(origin.store, origin.name, origin.version), key, EdgeKind.COPIED)
    if version.run_id is not None:
        yield Link(RunKey(version.run_id), key, EdgeKind.REGISTERED)
    if version.source and (version.run_id is None or version.source.startswith("models:")):
        source = model_key(version.source)
        is_copy = isinstance(source, VersionKey)
        yield Link(source, key, EdgeKind.COPIED if is_copy else EdgeKind.REGISTERED)


def _from_runs(runs: Sequence[RunKey], records: Records) -> Iterator[Link]:
    if not runs:
        return
    ids = [one.run_id for one in runs]
    among = set(runs)
    for run in (*records.children(ids), *records.spared(ids)):
        yield from (link for link in run_links_up(run) if link.source in among)
    registered: set[ModelKey] = set()
    for version in records.all_versions():
        for link in _origin(_key(version), version, records):
            if link.source in among:
                registered.add(ModelKey(version.run_id, version.artifact_path or ""))
                yield link
    for key in runs:
        for folder in records.model_folders(key.run_id):
            model = ModelKey(key.run_id, folder)
            if model not in registered:
                yield Link(key, model, EdgeKind.LOGGED)
    # A registered model stands for its folder, unless somebody loaded the folder itself.
    for link in _loads(sorted(map(_uri, registered)), registered, records):
        if isinstance(link.source, ModelKey) and link.source.run_id is not None:
            yield Link(RunKey(link.source.run_id), link.source, EdgeKind.LOGGED)


def _from_models(models: Sequence[ModelKey], records: Records) -> Iterator[Link]:
    if not models:
        return
    among = set(models)
    for version in records.all_versions():
        yield from (
            link for link in _origin(_key(version), version, records) if link.source in among
        )
    yield from _loads([_uri(one) for one in models], among, records)


def _from_versions(versions: Sequence[VersionKey], records: Records) -> Iterator[Link]:
    if not versions:
        return
    among = set(versions)
    for key in versions:
        known = records.version(key.name, key.version)
        if known is None or known.is_deleted:
            continue
        if known.version.current_stage != Stage.NONE.value:
            yield Link(key, StageKey(key.name, known.version.current_stage), EdgeKind.IN_STAGE)
        for target in sorted(known.version.deployments):
            yield Link(key, DeploymentKey(key.name, target), EdgeKind.DEPLOYED)
    for version in records.all_versions():
        for link in _origin(_key(version), version, records):
            if link.kind is EdgeKind.COPIED and link.source in among:
                yield link
    yield from _loads([one.uri for one in versions], among, records)


def _loads(
    uris: Sequence[str], among: set[ModelKey] | set[VersionKey], records: Records
) -> Iterator[Link]:
    for run in records.loaders(uris):
        for link in run_links_up(run):
            if link.kind is EdgeKind.LOADED and link.source in among:
                yield link


def _uri(model: ModelKey) -> str:
    return model.path if model.run_id is None else f"runs:/{model.run_id}/{model.path}"


def _key(version: ModelVersion) -> VersionKey:
    return VersionKey(version.name, version.version)


def _only(kind: type[One], level: Sequence[Key]) -> list[One]:
    return [one for one in level if isinstance(one, kind)]
