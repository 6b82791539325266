"""Predictions for files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_stageline.operators.operator import failing_for_good
from airflow_provider_stageline.operators.recorded import RecordedOperator
from airflow_provider_stageline.reaching import open_workspace

if TYPE_CHECKING:
    from airflow.sdk import Context

    from stageline.tasks import ScoredFiles


class BatchPredictOperator(RecordedOperator):
    """Scores a file, or all files of a folder, into one file, in bounded memory. It appears once it is complete.

    For an input that is to be divided among mapped tasks there are `stageline.plan_batches` and its kin.

    Args:
        model_uri: As of `EvaluateModelOperator`; the version is looked up once.
        source: Path or URL: Parquet, CSV or JSON lines.
        target: Path or URL of a file, by whose name the format is chosen.
        keep: Columns of the input to put before the predictions, or `all`.
        inputs: Columns to give to the model, if its signature does not name them.
        inference_params: Params of inference.
        batch_size: Rows that are in memory at once.
        overwrite: Whether a file may be replaced; a task that is tried again may have to.
        trusted_types: Types that the model may be made of, besides those that are known to be harmless.
    """

    template_fields: Sequence[str] = (
        "model_uri", "source", "target", "keep", "inputs", "inference_params", *RecordedOperator.template_fields
    )  # fmt: skip
    written: str | None = None
    """Where, without credentials, once it is."""

    def __init__(
        self,
        *,
        model_uri: str,
        source: str,
        target: str,
        keep: Sequence[str] | str = (),
        inputs: Sequence[str] | None = None,
        inference_params: Mapping[str, Any] | None = None,
        batch_size: int = 10_000,
        overwrite: bool = False,
        trusted_types: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.model_uri = model_uri
        self.source = source
        self.target = target
        self.keep = keep
        self.inputs = inputs
        self.inference_params = inference_params
        self.batch_size = batch_size
        self.overwrite = overwrite
        self.trusted_types = trusted_types

    def execute(self, context: Context) -> dict[str, Any]:
        """Score, and tell what was written."""
        with failing_for_good():
            done: ScoredFiles = self.record(
                self._score,
                model_uri=self.model_uri,
                source=self.source,
                target=self.target,
                batch_size=self.batch_size,
            )
        self.written = done.output
        return {
            "model_uri": done.model_uri,
            "output": done.output,
            "rows": done.rows,
            "columns": list(done.columns),
            "run_id": self.recorded_run_id,
        }

    def _score(self, model_uri: str, source: str, target: str, batch_size: int) -> ScoredFiles:
        from stageline.tasks import score_files

        return score_files(
            open_workspace(self.stageline_conn_id),
            model_uri,
            source,
            target,
            keep=self.keep,
            inputs=self.inputs,
            params=self.inference_params,
            batch_size=batch_size,
            overwrite=self.overwrite,
            trusted_types=self.trusted_types,
            run=self.running(),
        )

    def get_openlineage_facets_on_complete(self, ti: Any) -> Any:
        """The data and the model in, the file out."""
        from airflow_provider_stageline.openlineage import file_dataset, run_lineage

        return run_lineage(self, [file_dataset(self.written)] if self.written else [])
