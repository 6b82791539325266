"""That a run loaded a model or read data, noted as its inputs: what lineage knows of batch scoring and evaluations."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.domain.model_input import model_input
from stageline.domain.names import MAX_DATASET_DIGEST_LENGTH, MAX_DATASET_NAME_LENGTH
from stageline.errors import StagelineError
from stageline.models.uri import RegisteredVersion, RunModel, parse_model_uri

if TYPE_CHECKING:
    from stageline.registry.registry import Registry
    from stageline.tracking.active import ActiveRun

_log = logging.getLogger("stageline")


def fixed_uri(registry: Callable[[], Registry], uri: str) -> str:
    """A URI that means the same model for ever: of a stage or an alias the version that it names now.

    Raises:
        InvalidInput: it begins like a model's URI and is not well-formed.
        NotFound: there is no such model, version, stage or alias.
    """
    place = parse_model_uri(uri)
    if not isinstance(place, RegisteredVersion):
        return str(place)
    found = registry().get_by_uri(str(place))
    return f"models:/{found.name}/{found.version}"


def note_loaded(run: ActiveRun, uri: str, model_uuid: str | None) -> None:
    """Note it, where the model has a name in this store; what goes wrong is told, and never costs the model."""
    if not isinstance(parse_model_uri(uri), (RegisteredVersion, RunModel)):
        return
    if len(uri) > MAX_DATASET_NAME_LENGTH:
        _log.warning(
            "the run %s loaded %s...: too long a name to be recorded", run.run_id, uri[:80]
        )
        return
    digest = model_uuid or ""
    if not 0 < len(digest) <= MAX_DATASET_DIGEST_LENGTH:
        digest = hashlib.sha256(uri.encode()).hexdigest()[:32]
    try:
        run.log_inputs([model_input(uri, digest)])
    except StagelineError as error:
        _log.warning("can not record that the run %s loaded %s: %s", run.run_id, uri, error)


def note_data(run: ActiveRun, options: Mapping[str, Any], url: str, context: str) -> None:
    """Note the files at a URL as a dataset, known again by their names and sizes: they may be too large to hash."""
    from stageline.domain.run import DatasetInput
    from stageline.models.data_format import data_files
    from stageline.storage.files import Files
    from stageline.tracking.datasets import from_uri

    found = [tuple(file) for file, _ in data_files(Files(options), url)]
    digest = hashlib.sha256(msgspec.json.encode(found)).hexdigest()
    run.log_input(DatasetInput(from_uri(url, digest=digest), {"mlflow.data.context": context}))
