"""Predictions for files as the work of one task: scored, written whole or not at all, and noted at the task's run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.tasks.model_use import fixed_uri, note_data, note_loaded

if TYPE_CHECKING:
    from stageline.tasks.evaluation import ModelWorkspace
    from stageline.tracking.active import ActiveRun


class ScoredFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    model_uri: str
    """The model, by a name that does not move on."""
    input: str
    output: str
    """Where, both without credentials."""
    rows: int
    columns: tuple[str, ...]


def score_files(
    workspace: ModelWorkspace,
    model_uri: str,
    source: str,
    target: str,
    *,
    keep: Sequence[str] | str = (),
    inputs: Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    batch_size: int = 10_000,
    overwrite: bool = False,
    trusted_types: Sequence[str] = (),
    run: ActiveRun | None = None,
) -> ScoredFiles:
    """Score a file, or all files of a folder, into one file.

    Args:
        workspace: Where the model is.
        model_uri: As `load_model` takes it. It is looked up once.
        source: A path or URL: Parquet, CSV or JSON lines.
        target: A path or URL, by whose name the format is chosen. It appears once it is complete.
        keep: Columns of the input to put before the predictions, or `all`.
        inputs: Columns to give to the model, if its signature does not name them.
        params: Of inference.
        batch_size: Rows that are in memory at once.
        overwrite: Whether a file at `target` may be replaced.
        trusted_types: Types that the model may be made of, besides those that are known to be harmless.
        run: The task's run, where it has one.

    Raises:
        NotFound: there is no such model, or no input.
        AlreadyExists: there is something at `target`.
        InvalidInput: some rows do not fit the signature, or the model failed on them; names file, rows and column.
        NotAllowed: the model takes trust; see `load_model`.
    """
    # Late: reading files takes pyarrow.
    from stageline.models.data_scoring import Scoring, checked_params
    from stageline.models.predicting import predict_files
    from stageline.storage.files import Files
    from stageline.storage.redaction import public_url

    scoring = Scoring(
        keep=keep if isinstance(keep, str) else tuple(keep),
        inputs=None if inputs is None else tuple(inputs),
        params=checked_params(params),
        batch_size=batch_size,
    )
    fixed = fixed_uri(lambda: workspace.registry, model_uri)
    model = workspace.models.load(fixed, trusted_types=trusted_types)
    files = Files(workspace.storage_options)
    scored = predict_files(model, source, target, scoring, files=files, overwrite=overwrite)
    if run is not None:
        note_loaded(run, fixed, model.metadata.model_uuid)
        note_data(run, workspace.storage_options, source, "scoring")
        run.set_tags({"stageline.output": scored.output})
        run.log_metrics({"rows": float(scored.rows), "files": float(scored.files)})
    return ScoredFiles(
        model_uri=fixed,
        input=public_url(source),
        output=scored.output,
        rows=scored.rows,
        columns=scored.columns,
    )
