"""That a run loaded a model, noted as an input of the run: what lineage knows of batch scoring and of evaluations."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from stageline.domain.model_input import model_input
from stageline.domain.names import MAX_DATASET_DIGEST_LENGTH, MAX_DATASET_NAME_LENGTH
from stageline.errors import StagelineError
from stageline.fluent.session import get_workspace
from stageline.models.uri import RegisteredVersion, RunModel, parse_model_uri

if TYPE_CHECKING:
    from stageline.tracking.active import ActiveRun

_log = logging.getLogger("stageline")


def fixed_uri(uri: str) -> str:
    """A URI that means the same model for ever: of a stage or an alias the version that it names now.

    Raises:
        InvalidInput: it begins like a model's URI and is not well-formed.
        NotFound: there is no such model, version, stage or alias.
    """
    place = parse_model_uri(uri)
    if not isinstance(place, RegisteredVersion):
        return str(place)
    found = get_workspace().registry.get_by_uri(str(place))
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
