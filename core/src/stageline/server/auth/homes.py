"""Which experiment runs and logged models belong to, and what it is called: remembered, since each request asks."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, TypeVar

from stageline.errors import NotFound

if TYPE_CHECKING:
    from stageline.server.replica import Replica

T = TypeVar("T")

NAME_KNOWN_S = 5.0
"""Seconds that an experiment's name is taken for what it was; to which one a run belongs never changes."""
MOST = 10_000


class NotKnown(Exception):
    """The store would have to be asked."""


class Homes:
    """Of one worker. Safe from many threads."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._names: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._runs: OrderedDict[str, str] = OrderedDict()
        self._models: OrderedDict[str, str] = OrderedDict()

    def of_run(self, run_id: str, *, waits: bool = True) -> str:
        """The id of a run's experiment. Raises `NotFound`, or `NotKnown`."""
        known = self._runs.get(run_id)
        if known is None:
            if not waits:
                raise NotKnown
            known = self._replica.experiment_of(run_id)
            _keep(self._runs, run_id, known)
        return known

    def of_logged_model(self, model_id: str, *, waits: bool = True) -> str:
        """The id of a logged model's experiment. Raises `NotFound`, or `NotKnown`."""
        known = self._models.get(model_id)
        if known is None:
            if not waits:
                raise NotKnown
            found = self._replica.workspace.logged_models.get(model_id, even_deleted=True)
            known = found.experiment_id
            _keep(self._models, model_id, known)
        return known

    def experiment_name(self, experiment_id: str, *, waits: bool = True) -> str:
        """What an experiment is called, or was some seconds ago. Raises `NotFound`, or `NotKnown`."""
        known = self._names.get(experiment_id)
        now = time.monotonic()
        if known is not None and now - known[1] < NAME_KNOWN_S:
            return known[0]
        if not waits:
            raise NotKnown
        try:
            name = self._replica.workspace.experiments.get(experiment_id).name
        except NotFound as error:
            raise NotFound(f"No Experiment with id={experiment_id} exists") from error
        _keep(self._names, experiment_id, (name, now))
        return name


def _keep(known: OrderedDict[str, T], key: str, value: T) -> None:
    known[key] = value
    while len(known) > MOST:
        known.popitem(last=False)
