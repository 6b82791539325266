"""The metric by which the runs of an experiment are told apart: as its tags say, else the one that most runs have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.query import Entity
from stageline.ui.primary import Primary, sign_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stageline.domain.experiment import Experiment
    from stageline.tracking.run_table import ColumnFacts

# The names that MLflow has for the same (mlflow/utils/mlflow_tags.py).
TAG_METRIC = "mlflow.experiment.primaryMetric.name"
TAG_GREATER_IS_BETTER = "mlflow.experiment.primaryMetric.greaterIsBetter"
SYSTEM = "system/"
"""Before the metrics that a machine measures of itself."""


def chosen_metric(experiment: Experiment) -> Primary | None:
    """The metric that somebody chose for the experiment."""
    key = experiment.tags.get(TAG_METRIC, "").strip()
    return Primary(key, _sign(experiment, key)) if key else None


def experiment_metric(experiment: Experiment, columns: Iterable[ColumnFacts]) -> Primary | None:
    """The chosen one, else one that most runs have; none without metrics.

    Of several, a name that says which way it is better goes before one that does not, validation before training.
    """
    chosen = chosen_metric(experiment)
    if chosen is not None:
        return chosen
    metrics = [
        one for one in columns if one.entity is Entity.METRIC and not one.key.startswith(SYSTEM)
    ]
    if not metrics:
        return None
    most = max(one.runs for one in metrics)
    common = [one.key for one in metrics if one.runs * 2 >= most]
    key = min(common, key=lambda one: (not sign_of(one), _distance(one), one))
    return Primary(key, _sign(experiment, key))


def _distance(key: str) -> int:
    """From data that the model has not seen."""
    lowered = key.lower()
    if lowered.startswith(("val", "test", "eval")):
        return 0
    return 2 if lowered.startswith("train") else 1


def _sign(experiment: Experiment, key: str) -> int:
    said = experiment.tags.get(TAG_GREATER_IS_BETTER, "").lower()
    return {"true": 1, "false": -1}.get(said) or sign_of(key)
