"""Registered models of another tracker, and the files of models that no run made, taken into a store."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.logged_model import TAG_MODEL_ID
from stageline.domain.model import ModelVersion, VersionFacts
from stageline.errors import NotAllowed, NotFound
from stageline.registry.adoption import adopt_model
from stageline.registry.facts import RunFacts, finite
from stageline.storage import layout
from stageline.storage.parallel import together
from stageline.storage.transfer import put_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.domain.logged_model import LoggedModel
    from stageline.exchange.belongings import SourceFiles, SourceRegistered, SourceVersion
    from stageline.registry.adoption import Adopted
    from stageline.storage.transfer import Progress
    from stageline.workspace import Workspace

_MODEL = re.compile(r"(?:^models:/|/models/)(m-[0-9a-f]{32})(?:/artifacts)?/?$")
_RUN = re.compile(r"(?:^runs:/|/)([0-9a-f]{32})/(?:artifacts/)?(.+?)/?$")


class _Place(NamedTuple):
    run_id: str | None
    path: str | None
    url: str | None
    model_id: str | None = None


def land_rootless_files(
    workspace: Workspace, model_id: str, files: SourceFiles, progress: Progress
) -> int:
    """Store the files of a model that no run made; how many."""
    root = layout.logged_model_artifacts(model_id)
    sizes = files.sizes()
    arrived = {entry.key[len(root) :]: entry.size for entry in workspace.store.list(root)}

    def send(path: str) -> None:
        with tempfile.TemporaryDirectory(prefix="stageline-import-") as made:
            if arrived.get(path) != sizes[path]:
                put_file(workspace.store, files.on_disk(path, Path(made)), root + path)
        progress(sizes[path])

    together(send, sizes)
    return len(sizes)


def land_registered(
    workspace: Workspace,
    registered: SourceRegistered,
    models: Mapping[str, LoggedModel],
    origin: str,
) -> Adopted:
    """Take in a registered model, whose runs and logged models are here already."""
    return adopt_model(
        workspace.registry,
        registered.name,
        [_version(workspace, registered.name, one, models) for one in registered.versions],
        description=registered.description,
        tags=registered.tags,
        aliases=registered.aliases,
        reason=f"imported from {origin}"[:1000],
    )


def _version(
    workspace: Workspace, name: str, version: SourceVersion, models: Mapping[str, LoggedModel]
) -> ModelVersion:
    place = _place(workspace, version, models)
    facts, path = _facts(workspace, place)
    tags = {**version.tags, **({TAG_MODEL_ID: place.model_id} if place.model_id else {})}
    return ModelVersion(
        name=name,
        version=version.version,
        creation_timestamp=version.creation_timestamp,
        last_updated_timestamp=version.last_updated_timestamp,
        current_stage=version.stage,
        description=version.description,
        source=facts.source,
        run_id=place.run_id,
        artifact_path=path,
        user_id=version.user_id,
        run_link=version.run_link,
        tags=tags,
        facts=finite(facts),
    )


def _place(
    workspace: Workspace, version: SourceVersion, models: Mapping[str, LoggedModel]
) -> _Place:
    """Where a version's files are here: with the run or logged model that has them, or where they were."""
    names = [version.storage_location, version.source]
    for name in [f"models:/{version.model_id}", *names]:
        found = _MODEL.search(name or "")
        model = models.get(found[1]) if found else None
        if model is not None and model.artifact_run_id is not None:
            return _Place(model.artifact_run_id, model.artifact_path, None, model.model_id)
        if model is not None:
            url = workspace.logged_models.artifact_uri(model)
            return _Place(version.run_id or None, None, url, model.model_id)
    for name in names:
        found = _RUN.search(name or "")
        if found and (not version.run_id or found[1] == version.run_id):
            return _Place(found[1], found[2], None)
    return _Place(version.run_id or None, None, version.source or version.storage_location)


def _facts(workspace: Workspace, place: _Place) -> tuple[VersionFacts, str | None]:
    """What the run and the files say, and the path among the run's artifacts, if the run is here and has them."""
    facts = RunFacts(workspace.store, workspace.runs)
    try:
        return facts.look(place.run_id, place.path, place.url), place.path
    except (NotFound, NotAllowed):
        source = place.url or f"runs:/{place.run_id}/{place.path}"
        return VersionFacts(source=source), None
