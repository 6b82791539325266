"""How well an estimator fits the data that it was trained on, by the names that the field gives these metrics."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PREFIX = "training_"

_log = logging.getLogger("stageline")


def training_metrics(
    estimator: Any, data: Any, target: Any, weight: Any, pos_label: Any
) -> dict[str, float]:
    """The metrics of a classifier or regressor, and the score of whatever has one; those that fail are left out."""
    from sklearn.base import is_classifier, is_regressor  # late: whoever has an estimator has it

    found: dict[str, Callable[[], Any]] = {}
    if target is not None and is_classifier(estimator):
        found |= _of_classifier(estimator, data, target, weight, pos_label)
    elif target is not None and is_regressor(estimator):
        found |= _of_regressor(estimator, data, target, weight)
    if hasattr(estimator, "score"):
        named = {} if weight is None else {"sample_weight": weight}
        found["score"] = lambda: estimator.score(
            data, *([] if target is None else [target]), **named
        )
    return _measured(found, type(estimator).__name__)


def _measured(metrics: dict[str, Callable[[], Any]], name: str) -> dict[str, float]:
    found = {}
    for metric, measure in metrics.items():
        try:
            found[PREFIX + metric] = float(measure())
        except Exception as error:  # of any kind: a metric is a foreign function on foreign data
            _log.warning("the metric %s of a %s is not logged: %s", PREFIX + metric, name, error)
    return found


def _of_classifier(
    estimator: Any, data: Any, target: Any, weight: Any, pos_label: Any
) -> dict[str, Callable[[], Any]]:
    from sklearn import metrics

    predicted = estimator.predict(data)
    each: dict[str, Any] = {"sample_weight": weight}
    of_class = {
        **each,
        "average": "weighted" if pos_label is None else "binary",
        "zero_division": 0,
    }
    if pos_label is not None:
        of_class["pos_label"] = pos_label
    found: dict[str, Callable[[], Any]] = {
        "precision_score": lambda: metrics.precision_score(target, predicted, **of_class),
        "recall_score": lambda: metrics.recall_score(target, predicted, **of_class),
        "f1_score": lambda: metrics.f1_score(target, predicted, **of_class),
        "accuracy_score": lambda: metrics.accuracy_score(target, predicted, **each),
    }
    if hasattr(estimator, "predict_proba"):
        chances = estimator.predict_proba(data)
        one = chances[:, 1] if chances.shape[1] == 2 else chances
        found["log_loss"] = lambda: metrics.log_loss(target, chances, **each)
        found["roc_auc"] = lambda: metrics.roc_auc_score(
            target, one, average="weighted", multi_class="ovo", **each
        )
    return found


def _of_regressor(
    estimator: Any, data: Any, target: Any, weight: Any
) -> dict[str, Callable[[], Any]]:
    from sklearn import metrics

    predicted = estimator.predict(data)
    each = {"sample_weight": weight}
    return {
        "mean_squared_error": lambda: metrics.mean_squared_error(target, predicted, **each),
        "mean_absolute_error": lambda: metrics.mean_absolute_error(target, predicted, **each),
        "r2_score": lambda: metrics.r2_score(target, predicted, **each),
        "root_mean_squared_error": lambda: (
            metrics.mean_squared_error(target, predicted, **each) ** 0.5
        ),
    }
