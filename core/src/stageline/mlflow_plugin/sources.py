"""What a source that MLflow registers means here: a folder among a run's artifacts wherever it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stageline.domain.logged_model import TAG_MODEL_ID
from stageline.errors import InvalidInput
from stageline.mlflow_plugin.addresses import PLAIN, parse_files
from stageline.mlflow_plugin.opened import opened
from stageline.models.uri import RunModel, parse_model_uri

if TYPE_CHECKING:
    from stageline.domain.logged_model import LoggedModel
    from stageline.domain.model import ModelVersion
    from stageline.workspace import Workspace


class Source(NamedTuple):
    """Where a version's files are."""

    run_id: str | None
    path: str | None
    """Among the run's artifacts; None: at `url`."""
    url: str | None
    model_id: str | None = None
    is_elsewhere_named: bool = False
    """Whether the source, as it was given, is another name for that."""


def located(workspace: Workspace, source: str, run_id: str | None, model_id: str | None) -> Source:
    """Look a source up: `models:/m-...`, `models:/name/1`, `runs:/...`, a URI of this plugin, or any other.

    Raises:
        NotFound: there is no such model or version.
        InvalidInput: it is malformed, or the run given is not that of the model.
    """
    if source.startswith("models:/m-"):
        model = workspace.logged_models.get(source.removeprefix("models:/").split("/")[0])
        return _of_model(workspace, model, run_id)
    if source.startswith("models:/"):
        version = workspace.registry.get_by_uri(source)
        return _of_version(version)
    if source.startswith("runs:/"):
        parsed = parse_model_uri(source)
        assert isinstance(parsed, RunModel)
        return _of_run(parsed.run_id, parsed.path, source, run_id, model_id)
    if source.split(":")[0].split("+")[0] == PLAIN:
        files = parse_files(source)
        if files.run_id is not None and opened(files.store_url) is workspace and files.path:
            return _of_run(files.run_id, files.path, source, run_id, model_id)
        raise InvalidInput(
            f"Invalid model version source: '{source}'. It lies in another Stageline store: copy the version with "
            "`stageline registry copy`, or log the model in this store"
        )
    return Source(run_id or None, None, source, model_id)


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
