"""Predictions for files: read in chunks, held to the signature, and written whole or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.errors import AlreadyExists, InvalidInput
from stageline.models.data_format import Format, data_files, format_of
from stageline.models.data_scoring import ChunkScorer, Progress, Scoring, Source
from stageline.models.data_writing import TableWriter
from stageline.storage.files import Files
from stageline.storage.redaction import public_url

if TYPE_CHECKING:
    from stageline.models.loading import LoadedModel


class Scored(msgspec.Struct, frozen=True, kw_only=True):
    """What was written."""

    output: str
    """Where, without credentials."""
    rows: int
    columns: tuple[str, ...]
    files: int
    """How many were read."""


def predict_files(
    model: LoadedModel,
    source: str,
    target: str,
    scoring: Scoring | None = None,
    *,
    input_format: str | None = None,
    output_format: str | None = None,
    overwrite: bool = False,
    files: Files | None = None,
    progress: Progress | None = None,
) -> Scored:
    """Score a file, or all files of a folder in order of their names, into one file.

    Args:
        model: What predicts.
        source: A path or URL: Parquet, CSV (TSV) or JSON lines; text may be packed by gzip, bz2 or zstd.
        target: A path or URL, by whose name the format is chosen. It appears once it is complete.
        scoring: What is kept, and how.
        input_format: What is in files whose names do not tell: `parquet`, `csv`, `tsv` or `jsonl`.
        output_format: The same for the output.
        overwrite: Whether a file at `target` may be replaced.
        files: Opens them; it has the credentials.
        progress: Told the bytes of input that are done.

    Raises:
        NotFound: there is nothing at `source`.
        AlreadyExists: there is something at `target`.
        InvalidInput: some rows do not fit the signature, or the model failed on them; names file, rows and column.
        Corrupt: a file is damaged.
        StorageFailed: a place does not answer. After any of these, `target` is as it was.
    """
    at = files or Files()
    form = format_of(target, output_format)
    sources = [Source(*found) for found in data_files(at, source, input_format)]
    if target in {one.file.url for one in sources}:
        raise InvalidInput(
            f"{public_url(target)} is the input as well: choose another name for the output"
        )
    if not overwrite and at.has(target):
        raise AlreadyExists(
            f"there is something at {public_url(target)}: choose another name, or allow it to be overwritten"
        )
    return score(model, sources, target, form, scoring or Scoring(), at, progress)


def score(
    model: LoadedModel,
    sources: Sequence[Source],
    target: str,
    form: Format,
    scoring: Scoring,
    files: Files,
    progress: Progress | None = None,
) -> Scored:
    """Score several files into one, replacing what is there."""
    scorer = ChunkScorer(model, scoring)
    rows, columns = 0, ()
    with files.open(target, "wb") as sink, TableWriter(sink, form) as writer:

        def write(table: Any) -> None:
            nonlocal rows, columns
            writer.write(table)
            rows += table.num_rows
            columns = tuple(table.column_names)

        for source in sources:
            scorer.read(files, source, write, progress)
    return Scored(output=public_url(target), rows=rows, columns=columns, files=len(sources))
