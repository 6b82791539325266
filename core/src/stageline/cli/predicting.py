"""`stageline models predict`: predictions for files, written beside what of the input is kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.session import Session, session
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.models.data_scoring import Scoring
    from stageline.models.predicting import Scored


def predict(
    ctx: typer.Context,
    model: str = typer.Option(
        ...,
        "--model-uri",
        "-m",
        metavar="URI",
        help="The model: a folder, a URL, runs:/<run_id>/<path>, models:/<name>/<version, stage or latest>, "
        "models:/<name>@<alias>.",
    ),
    source: str = typer.Option(
        ...,
        "--input",
        "-i",
        metavar="URL",
        help="A file or a folder of files, anywhere: Parquet, CSV, TSV or JSON lines.",
    ),
    target: str = typer.Option(
        ...,
        "--output",
        "-o",
        metavar="URL",
        help="The file to write, of the kind that its name tells. It appears once it is complete.",
    ),
    keep: str = typer.Option(
        "", metavar="A,B", help="Columns of the input to put before the predictions."
    ),
    keep_all: bool = typer.Option(False, "--keep-all", help="Keep all columns of the input."),
    inputs: str = typer.Option(
        "", metavar="A,B", help="Columns to give to the model, if its signature does not name them."
    ),
    params: str = typer.Option("{}", metavar="JSON", help="Params of inference."),
    batch_size: int = typer.Option(10_000, min=1, help="Rows that are in memory at once."),
    prediction: str = typer.Option(
        "prediction", metavar="NAME", help="The column of predictions that bring no name."
    ),
    input_format: str | None = typer.Option(
        None, metavar="KIND", help="Where names do not tell: parquet, csv, tsv, jsonl."
    ),
    output_format: str | None = typer.Option(None, metavar="KIND", help="The same for the output."),
    overwrite: bool = typer.Option(False, "--overwrite", help="Replace a file of that name."),
    experiment: str | None = typer.Option(
        None, metavar="NAME", help="Record the scoring as a run of this experiment."
    ),
    allow_pickle: bool = typer.Option(
        False, "--allow-pickle", help="Let code of the model's author run: only if you trust them."
    ),
    trust: list[str] = typer.Option(
        [], metavar="TYPE", help="A type that the model may be made of; may be given again."
    ),
) -> None:
    """Predict for a file, or for all files of a folder, in chunks."""
    from stageline.cli.progress import Bar, working
    from stageline.models.data_format import data_files
    from stageline.models.data_scoring import ALL, Scoring
    from stageline.models.predicting import predict_files
    from stageline.storage.files import Files

    here = session(ctx)
    scoring = Scoring(
        keep=ALL if keep_all else _names(keep),
        inputs=_names(inputs) or None,
        params=_params(params),
        batch_size=batch_size,
        prediction=prediction,
    )
    files = Files(here.workspace.storage_options)
    found = data_files(files, source, input_format)
    with working("loading the model"):
        loaded = here.workspace.models.load(
            model, allow_pickle=allow_pickle or None, trusted_types=trust
        )
    size = sum(file.size for file, _ in found)
    with (
        _recorded(here, experiment, model, source, target, scoring) as note,
        Bar("predicting", size, in_bytes=True) as bar,
    ):
        scored = predict_files(
            loaded,
            source,
            target,
            scoring,
            input_format=input_format,
            output_format=output_format,
            overwrite=overwrite,
            files=files,
            progress=bar,
        )
        run_id = note(scored, [(file.url, file.size) for file, _ in found])
    here.say(
        {
            "output": scored.output,
            "rows": scored.rows,
            "columns": scored.columns,
            "files": scored.files,
            "run_id": run_id,
        },
        f"{scored.output}: {scored.rows} rows ({', '.join(scored.columns)})",
    )


@contextmanager
def _recorded(
    here: Session, experiment: str | None, model: str, source: str, target: str, scoring: Scoring
) -> Iterator[Any]:
    """A run of the experiment, if one is named; what is yielded notes what came of it, and returns its id."""
    if experiment is None:
        yield lambda scored, found: None
        return
    from stageline.storage.redaction import public_url
    from stageline.tracking.source import source_tags

    run = here.workspace.runs.create(experiment_name=experiment, tags=source_tags())
    with run:
        given = {
            "model_uri": model,
            "input": public_url(source),
            "output": public_url(target),
            "batch_size": scoring.batch_size,
            **scoring.params,
        }
        for key, value in given.items():
            run.log_param(key, value)

        def note(scored: Scored, found: list[tuple[str, int]]) -> str:
            run.log_input(_dataset(source, found))
            run.log_metrics({"rows": float(scored.rows), "files": float(scored.files)})
            return str(run.run_id)

        yield note


def _dataset(source: str, found: list[tuple[str, int]]) -> Any:
    """The input as a dataset, known again by the names and sizes of its files: it may be too large to hash."""
    import hashlib

    from stageline.domain.run import DatasetInput
    from stageline.tracking.datasets import from_uri

    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    return DatasetInput(from_uri(source, digest=digest), {"mlflow.data.context": "scoring"})


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def _params(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"--params should be a JSON object: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInput(f"--params should be a JSON object, but is {text}")
    return found
