"""What a source that MLflow registers means here: a folder among a run's artifacts wherever it is one.

Needs no MLflow: the server reads sources by this too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from stageline.domain.logged_model import TAG_MODEL_ID
from stageline.errors import InvalidInput
from stageline.models.uri import LoggedModelId, RegisteredVersion, RunModel, parse_model_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from stageline.domain.logged_model import LoggedModel
    from stageline.domain.model import ModelVersion
    from stageline.workspace import Workspace


_LOGGED = re.compile(r"models:/m-[\w-]+")
"""Exactly: a registered model may have a name that begins so, and then a version follows."""


class Owned(NamedTuple):
    """Files of this store that a source names: of a run, or of a logged model."""

    run_id: str | None
    model_id: str | None
    path: str
    """Among them."""


class Source(NamedTuple):
    """Where a version's files are."""

    run_id: str | None
    path: str | None
    """Among the run's artifacts; None: at `url`."""
    url: str | None
    model_id: str | None = None
    is_elsewhere_named: bool = False
    """Whether the source, as it was given, is another name for that."""


Named: TypeAlias = Owned | RegisteredVersion | None
"""What a source names; None: a place elsewhere."""


def read_source(source: str, owned: Callable[[str], Owned | None]) -> Named:
    """Read `models:/m-...`, `models:/name/1`, `runs:/...`, a URI of artifacts, or any other.

    Args:
        source: As the client gave it.
        owned: Whose files an artifact URI names; None: nobody's here.

    Raises:
        InvalidInput: it is malformed.
    """
    if _LOGGED.fullmatch(source):
        return Owned(None, source.removeprefix("models:/"), "")
    if source.startswith(("models:", "runs:")):
        parsed = parse_model_uri(source)
        if isinstance(parsed, RegisteredVersion):
            return parsed
        if isinstance(parsed, LoggedModelId):
            return Owned(None, parsed.model_id, "")
        assert isinstance(parsed, RunModel)
        return Owned(parsed.run_id, None, parsed.path)
    place = owned(source)
    if place is not None and place.model_id is None and not place.path:
        raise InvalidInput(
            f"Invalid model version source: '{source}'. It names all artifacts of a run: name the model's folder"
        )
    return place


def located(
    workspace: Workspace, source: str, named: Named, run_id: str | None, model_id: str | None
) -> Source:
    """Look up what a source names.

    Args:
        workspace: The store.
        source: As the client gave it.
        named: What it was read as.
        run_id: The run that it should be of, if any.
        model_id: The logged model that it should be, if any.

    Raises:
        NotFound: there is no such model or version.
        InvalidInput: the run or the model given is another one.
    """
    if named is None:
        return Source(run_id or None, None, source, model_id)
    if isinstance(named, RegisteredVersion):
        return _of_version(workspace.registry.get_by_uri(source))
    if named.model_id is not None:
        _refuse_other_model(source, model_id, named.model_id)
        return _of_model(workspace, workspace.logged_models.get(named.model_id), run_id)
    assert named.run_id is not None
    return _of_run(named.run_id, named.path, source, run_id, model_id)


def _refuse_other_model(source: str, asked: str | None, found: str) -> None:
    if asked and asked != found:
        raise InvalidInput(
            f"Invalid model version source: '{source}'. The model_id request parameter says {asked}"
        )


def _of_model(workspace: Workspace, model: LoggedModel, run_id: str | None) -> Source:
    if run_id and model.source_run_id and run_id != model.source_run_id:
        raise InvalidInput(
            f"Invalid model version source: models:/{model.model_id}. The run {run_id} did not log that model; "
            f"{model.source_run_id} did"
        )
    if model.artifact_run_id is not None:
        return Source(model.artifact_run_id, model.artifact_path, None, model.model_id, True)
    url = workspace.logged_models.artifact_uri(model)
    return Source(run_id or None, None, url, model.model_id, True)


def _of_version(version: ModelVersion) -> Source:
    model_id = version.tags.get(TAG_MODEL_ID)
    if version.run_id and version.artifact_path:
        return Source(version.run_id, version.artifact_path, None, model_id, True)
    return Source(version.run_id, None, version.source, model_id, True)


def _of_run(
    owner: str,
    path: str,
    source: str,
    run_id: str | None,
    model_id: str | None,
) -> Source:
    if run_id and run_id != owner:
        raise InvalidInput(
            f"Invalid model version source: '{source}'. It lies among the artifacts of the run {owner}, not of {run_id}"
        )
    return Source(owner, path, None, model_id, source.startswith("runs:/"))
