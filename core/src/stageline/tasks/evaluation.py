"""A model measured on data and judged: the table says what was measured and what was wanted, as a gate's does."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from stageline.domain.gate import Decision, GateFacts, check_gate
from stageline.domain.model import Actor, VersionFacts
from stageline.domain.policy import AnyRule, BetterRule, MetricRule, Policy, checked_policy
from stageline.errors import InvalidInput, NotFound
from stageline.models.uri import RunModel
from stageline.tasks.model_use import fixed_uri, note_data, note_loaded

if TYPE_CHECKING:
    from stageline.models.loading import LoadedModel
    from stageline.models.logged import Models
    from stageline.registry.registry import Registry
    from stageline.tracking.active import ActiveRun
    from stageline.tracking.runs import Runs

PREFIX = "eval_"
"""Before the name of a metric that is noted at the model's own run: what training itself measured stays."""
_CANDIDATE, _BASELINE = 1, 0


class ModelWorkspace(Protocol):
    """The part of a workspace that works on models."""

    @property
    def models(self) -> Models:
        """Models by URI."""

    @property
    def registry(self) -> Registry:
        """The registered models."""

    @property
    def runs(self) -> Runs:
        """The runs of the store."""

    @property
    def storage_options(self) -> Mapping[str, Any]:
        """Options of fsspec for data beside the store."""


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    model_uri: str
    """The model, by a name that does not move on."""
    baseline_uri: str | None
    """What it was compared with; None if nothing is in the stage yet."""
    rows: int
    metrics: dict[str, float]
    """The first is the one that the baseline is compared by."""
    direction: str
    """Which value of that is better: `min` or `max`."""
    baseline: dict[str, float]
    decision: Decision

    @property
    def passed(self) -> bool:
        """Whether it met all that was asked."""
        return self.decision.allowed


def evaluate_model(
    workspace: ModelWorkspace,
    model_uri: str,
    data: str,
    target: str,
    *,
    metrics: Sequence[str],
    conditions: Sequence[str] = (),
    baseline: str | None = None,
    margin: float = 0.0,
    inputs: Sequence[str] | None = None,
    prefix: str | None = PREFIX,
    run: ActiveRun | None = None,
) -> Evaluation:
    """Measure a model, and what it is to replace, on the same data.

    Args:
        workspace: Where the models are.
        model_uri: As `load_model` takes it.
        data: A path or URL of a file or a folder of files: Parquet, CSV or JSON lines.
        target: The column that holds what is to be predicted.
        metrics: Names of `METRICS`. The first is the one that is compared with the baseline's.
        conditions: What they must meet, in the language of search: `metrics.rmse < 0.8`.
        baseline: URI of the model to be better than. `models:/<name>/<stage>` of an empty stage is no hurdle.
        margin: By how much it must be better.
        inputs: Columns to give to the model, if its signature does not name them.
        prefix: Before the metrics' names where they are noted at the run that logged the model; None: nowhere.
        run: The run of the evaluation itself, where it has one: gets the metrics, and what was read.

    Raises:
        InvalidInput: a metric or condition is unknown, or some rows do not fit the model.
        NotFound: there is no such model or data.
        NotAllowed: the model takes trust; see `load_model`.
    """
    measures = _measures(metrics)
    policy = _policy(metrics[0], measures, conditions, baseline, margin)
    fixed = fixed_uri(lambda: workspace.registry, model_uri)
    held = _held(workspace, baseline)
    measured, rows = _measured(workspace, fixed, data, target, measures, inputs, run)
    theirs: dict[str, float] = {}
    if held is not None:
        theirs, _ = _measured(workspace, held, data, target, measures, inputs, run)
    if run is not None:
        note_data(run, workspace.storage_options, data, "evaluation")
        run.log_metrics(measured)
    if prefix is not None:
        _note(workspace, fixed, {f"{prefix}{name}": value for name, value in measured.items()})
    decision = check_gate(
        policy,
        GateFacts(
            version=_CANDIDATE,
            from_stage="candidate",
            to_stage="next stage",
            actor=Actor(""),
            candidate=VersionFacts(metrics=measured),
            incumbents={_BASELINE: VersionFacts(metrics=theirs)} if held else {},
        ),
    )
    return Evaluation(
        model_uri=fixed,
        baseline_uri=held,
        rows=rows,
        metrics=measured,
        direction=measures[metrics[0]].direction,
        baseline=theirs,
        decision=decision,
    )


class Measure(msgspec.Struct, frozen=True):
    """A metric: how it is computed of what is true and what was predicted, and which is better."""

    compute: Callable[[Any, Any], float]
    direction: str


def _sklearn(name: str, direction: str, **options: Any) -> Measure:
    def compute(true: Any, predicted: Any) -> float:
        # Late: scikit-learn costs a second.
        from sklearn import metrics

        return float(getattr(metrics, name)(true, predicted, **options))

    return Measure(compute, direction)


def _rmse(true: Any, predicted: Any) -> float:
    return math.sqrt(METRICS["mse"].compute(true, predicted))


METRICS: Mapping[str, Measure] = {
    "rmse": Measure(_rmse, "min"),
    "mse": _sklearn("mean_squared_error", "min"),
    "mae": _sklearn("mean_absolute_error", "min"),
    "mape": _sklearn("mean_absolute_percentage_error", "min"),
    "r2": _sklearn("r2_score", "max"),
    "accuracy": _sklearn("accuracy_score", "max"),
    "balanced_accuracy": _sklearn("balanced_accuracy_score", "max"),
    "f1": _sklearn("f1_score", "max", average="macro", zero_division=0),
    "precision": _sklearn("precision_score", "max", average="macro", zero_division=0),
    "recall": _sklearn("recall_score", "max", average="macro", zero_division=0),
}
"""Scikit-learn's; of several classes the mean over the classes."""


def _measures(names: Sequence[str]) -> dict[str, Measure]:
    unknown = [name for name in names if name not in METRICS]
    if unknown or not names or isinstance(names, str):
        raise InvalidInput(f"metrics={names!r}: expected a list of some of {', '.join(METRICS)}")
    return {name: METRICS[name] for name in names}


def _policy(
    first: str,
    measures: Mapping[str, Measure],
    conditions: Sequence[str],
    baseline: str | None,
    margin: float,
) -> Policy:
    rules: list[AnyRule] = [MetricRule(condition=condition) for condition in conditions]
    if baseline is not None:
        direction: Any = measures[first].direction
        rules.append(BetterRule(metric=first, direction=direction, margin=margin))
    policy = checked_policy(Policy(rules=tuple(rules)), ())
    missing = sorted(policy.metrics - set(measures))
    if missing:
        raise InvalidInput(
            f"the conditions name metrics that are not measured, {missing}: add them to metrics"
        )
    return policy


def _held(workspace: ModelWorkspace, uri: str | None) -> str | None:
    if uri is None:
        return None
    try:
        return fixed_uri(lambda: workspace.registry, uri)
    except NotFound:
        if not uri.startswith("models:/"):
            raise
        return None  # nothing has been promoted yet


def _measured(
    workspace: ModelWorkspace,
    uri: str,
    data: str,
    target: str,
    measures: Mapping[str, Measure],
    inputs: Sequence[str] | None,
    run: ActiveRun | None,
) -> tuple[dict[str, float], int]:
    model = workspace.models.load(uri)
    if run is not None:
        note_loaded(run, uri, model.metadata.model_uuid)
    true, predicted = _columns(model, data, target, inputs, workspace.storage_options)
    if not len(true):
        raise InvalidInput(f"there are no rows in {data}: nothing can be measured")
    return {name: one.compute(true, predicted) for name, one in measures.items()}, len(true)


def _columns(
    model: LoadedModel,
    data: str,
    target: str,
    inputs: Sequence[str] | None,
    options: Mapping[str, Any],
) -> tuple[Any, Any]:
    """What is true and what is predicted, row by row. The rest of the data is never held at once."""
    from stageline.models.arrow import parquet
    from stageline.models.data_scoring import Scoring
    from stageline.models.predicting import predict_files
    from stageline.storage.files import Files

    scoring = Scoring(keep=(target,), inputs=None if inputs is None else tuple(inputs))
    with tempfile.TemporaryDirectory(prefix="stageline-evaluation-") as folder:
        place = str(Path(folder, "scored.parquet"))
        scored = predict_files(model, data, place, scoring, files=Files(options))
        made = [name for name in scored.columns if name != target]
        if len(made) != 1:
            raise InvalidInput(
                f"the model predicts {len(made)} columns ({', '.join(made)}): one can be compared with {target!r}"
            )
        table = parquet.read_table(place).to_pandas()
    true = table[target]
    if str(true.dtype) in ("object", "str", "string"):  # a text file's columns are kept as text
        true = true.astype(table[made[0]].dtype)
    return true.to_numpy(), table[made[0]].to_numpy()


def _note(workspace: ModelWorkspace, model_uri: str, metrics: Mapping[str, float]) -> None:
    """Put the metrics where gates look: at the run that logged the model."""
    place = workspace.models.locate(model_uri)
    if not isinstance(place, RunModel):
        return
    run = workspace.runs.find_open(place.run_id)
    if run is not None:
        run.log_metrics(dict(metrics))
        return
    run = workspace.runs.opened(place.run_id)
    try:
        run.log_metrics(dict(metrics))
    finally:
        run.leave()
