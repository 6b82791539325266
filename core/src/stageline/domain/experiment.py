"""An experiment, a named collection of runs, and the document that its journal holds."""

from __future__ import annotations

import msgspec

from stageline.domain.ids import DEFAULT_EXPERIMENT_ID, DEFAULT_EXPERIMENT_NAME
from stageline.domain.run import LifecycleStage

EXPERIMENT_FORMAT = "stageline.experiment/1"
NAME_CLAIM_FORMAT = "stageline.name/1"


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment as it stands."""

    experiment_id: str
    name: str
    artifact_location: str = ""
    """Where its runs' artifacts lie; the empty string means: in the store, each under its run."""
    lifecycle_stage: LifecycleStage = LifecycleStage.ACTIVE
    creation_time: int = 0
    """Unix time in milliseconds."""
    last_update_time: int = 0
    tags: dict[str, str] = {}


class ExperimentEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Entry of an experiment's journal: what happened, and the whole state after it."""

    format: str = EXPERIMENT_FORMAT
    txn: str
    time: int
    actor: str
    action: str
    """created | renamed | tagged | deleted | restored"""
    previous_name: str | None = None
    """The name to go back to while the claim of the new one has not been made."""
    state: Experiment


class NameClaim(msgspec.Struct, frozen=True, kw_only=True):
    """Entry of a name's journal: which experiment took it."""

    format: str = NAME_CLAIM_FORMAT
    txn: str
    time: int
    experiment_id: str


def default_experiment() -> Experiment:
    """The experiment that every store has before anything is written to it."""
    return Experiment(experiment_id=DEFAULT_EXPERIMENT_ID, name=DEFAULT_EXPERIMENT_NAME)
