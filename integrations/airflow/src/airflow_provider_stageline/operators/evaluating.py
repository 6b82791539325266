"""A model measured on data, against thresholds and against what it is to replace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_stageline.operators.blocking import Blocking, OnBlock
from airflow_provider_stageline.operators.operator import failing_for_good
from airflow_provider_stageline.operators.recorded import RecordedOperator
from airflow_provider_stageline.reaching import open_workspace

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stageline.tasks import Evaluation


class EvaluateModelOperator(RecordedOperator, Blocking):
    """Measures a model, and its baseline, on the same data; the table of what was wanted is in the log and the result.

    The metrics are noted at the run that logged the model too, as `eval_<metric>`: there the gates of the registry
    find them.

    Args:
        model_uri: `runs:/<run_id>/<path>`, `models:/<name>/<version, stage or latest>`, or a URL.
        data: Path or URL of a file or a folder of files: Parquet, CSV or JSON lines.
        target: The column that holds what is to be predicted.
        metrics: Such as `rmse`, `mae`, `r2`, `accuracy`, `f1`; the first is the one that the baseline is compared by.
        thresholds: Conditions, as gates have them: `metrics.rmse < 0.8`.
        baseline: A stage of the model that `model_uri` names, or any URI. An empty stage is no hurdle.
        margin: By how much the model must be better.
        inputs: Columns to give to the model, if its signature does not name them.
        on_block: If it does not pass: `fail`, `skip` what is downstream, or only `tell`.
        ignore_downstream_trigger_rules: See `StageGateOperator`.
    """

    inherits_from_skipmixin = True
    template_fields: Sequence[str] = (
        "model_uri", "data", "target", "metrics", "thresholds", "baseline", *RecordedOperator.template_fields
    )  # fmt: skip

    def __init__(
        self,
        *,
        model_uri: str,
        data: str,
        target: str,
        metrics: Sequence[str],
        thresholds: Sequence[str] = (),
        baseline: str | None = None,
        margin: float = 0.0,
        inputs: Sequence[str] | None = None,
        on_block: OnBlock = "fail",
        ignore_downstream_trigger_rules: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model_uri = model_uri
        self.data = data
        self.target = target
        self.metrics = metrics
        self.thresholds = thresholds
        self.baseline = baseline
        self.margin = margin
        self.inputs = inputs
        self.on_block = on_block
        self.ignore_downstream_trigger_rules = ignore_downstream_trigger_rules

    def execute(self, context: Context) -> dict[str, Any]:
        """Measure, judge, and tell."""
        with failing_for_good():
            found: Evaluation = self.record(
                self._evaluate,
                model_uri=self.model_uri,
                data=self.data,
                target=self.target,
                metrics=list(self.metrics),
                thresholds=list(self.thresholds),
                baseline=self._baseline_uri(),
            )
        table = str(found.decision)
        self.log.info("%s", table)
        if not found.passed:
            self.block(table, context)
        return {
            "passed": found.passed,
            "model_uri": found.model_uri,
            "metrics": found.metrics,
            "metric": self.metrics[0],
            "direction": found.direction,
            "baseline_uri": found.baseline_uri,
            "baseline": found.baseline,
            "table": table,
            "run_id": self.recorded_run_id,
        }

    def _evaluate(
        self,
        model_uri: str,
        data: str,
        target: str,
        metrics: list[str],
        thresholds: list[str],
        baseline: str | None,
    ) -> Evaluation:
        from stageline.tasks import evaluate_model

        return evaluate_model(
            open_workspace(self.stageline_conn_id),
            model_uri,
            data,
            target,
            metrics=metrics,
            conditions=thresholds,
            baseline=baseline,
            margin=self.margin,
            inputs=self.inputs,
            run=self.running(),
        )

    def _baseline_uri(self) -> str | None:
        if self.baseline is None or ":" in self.baseline or "/" in self.baseline:
            return self.baseline
        scheme, _, rest = self.model_uri.partition(":/")
        if scheme != "models":
            raise ValueError(
                f"baseline={self.baseline!r} is a stage, and {self.model_uri!r} names no registered model: "
                "expected a baseline such as models:/<name>/Production"
            )
        return f"models:/{rest.strip('/').split('/')[0].split('@')[0]}/{self.baseline}"

    def get_openlineage_facets_on_complete(self, ti: Any) -> Any:
        """The data and the models, as inputs."""
        from airflow_provider_stageline.openlineage import run_lineage

        return run_lineage(self)
