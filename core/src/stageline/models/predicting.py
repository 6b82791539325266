"""Predictions for files: read in chunks, held to the signature, and written whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from stageline.errors import AlreadyExists, Corrupt, InvalidInput, StagelineError
from stageline.models.arrow import pa
from stageline.models.data_format import Format, data_files, format_of
from stageline.models.data_input import FrameMaker, named_inputs
from stageline.models.data_predictions import PREDICTION, no_predictions, prediction_columns
from stageline.models.data_reading import Chunk, column_names, read_chunks
from stageline.models.data_writing import TableWriter
from stageline.models.signature import ModelSignature
from stageline.storage.files import FileAt, Files
from stageline.storage.redaction import public_url

if TYPE_CHECKING:
    from stageline.models.loading import LoadedModel

ALL = "all"
BATCH_ROWS = 10_000

Progress: TypeAlias = Callable[[int], None]
"""Called with the number of bytes of the input that were scored since its last call."""


class Scoring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How rows become predictions; plain values, so that it goes through JSON."""

    keep: tuple[str, ...] | str = ()
    """Columns of the input that are put before the predictions; `all` for all of them."""
    inputs: tuple[str, ...] | None = None
    """Columns that the model is given; by default those that its signature names, or all that are not kept."""
    params: dict[str, Any] = {}
    """Of inference."""
    batch_size: int = BATCH_ROWS
    """Rows that are in memory at once."""
    prediction: str = PREDICTION
    """The name of the column of a prediction that brings no name."""

    def __post_init__(self) -> None:
        if self.batch_size < 1:
            raise InvalidInput(f"batch_size should be 1 or more, but is {self.batch_size}")
        if isinstance(self.keep, str) and self.keep != ALL:
            raise InvalidInput(f"keep is a list of columns, or {ALL!r}: {self.keep!r} is neither")


class Source(NamedTuple):
    """A file to be scored, or some row groups of one."""

    file: FileAt
    form: Format
    row_groups: tuple[int, ...] | None = None


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
    scorer = _Scorer(model, scoring)
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


class _Scorer:
    """One model, and how its predictions are laid out."""

    def __init__(self, model: LoadedModel, scoring: Scoring) -> None:
        self._model = model
        self._scoring = scoring
        signature = model.signature or ModelSignature()
        self._outputs = signature.outputs
        self._inputs = scoring.inputs or named_inputs(signature.inputs)
        self._frames = FrameMaker(signature.inputs, self._inputs)

    def read(
        self,
        files: Files,
        source: Source,
        write: Callable[[Any], None],
        progress: Progress | None,
    ) -> None:
        """Hand kept columns and predictions to `write`, chunk by chunk."""
        url, size = source.file
        done = 0
        with _Errors(url) as errors, files.open(url, "rb") as stream:
            wanted = self._wanted(column_names(stream, source.form))
            stream.seek(0)
            chunks = read_chunks(
                stream,
                source.form,
                size=size,
                batch_size=self._scoring.batch_size,
                columns=wanted,
                row_groups=source.row_groups,
            )
            for chunk in chunks:
                errors.chunk = chunk
                write(self._scored(chunk, is_text=source.form.kind in ("csv", "tsv")))
                if progress:
                    progress(int(size * chunk.done) - done)
                done = int(size * chunk.done)
                errors.chunk = None

    def _wanted(self, names: Sequence[str] | None) -> list[str] | None:
        """The columns to read; None for all."""
        keep = self._scoring.keep
        if names is not None and keep != ALL:
            _check_kept(keep, names)
        if keep == ALL or self._inputs is None:
            return None
        return [*dict.fromkeys([*keep, *self._inputs])]

    def _scored(self, chunk: Chunk, *, is_text: bool) -> Any:
        kept = self._kept(chunk.table)
        made = self._predicted(chunk, is_text=is_text)
        clash = sorted(kept.keys() & made.keys())
        if clash:
            raise InvalidInput(
                f"the input has columns of the predictions' names, {clash}: keep others, or name the prediction "
                "differently"
            )
        return pa.table({**kept, **made})

    def _kept(self, table: Any) -> dict[str, Any]:
        keep = table.column_names if self._scoring.keep == ALL else self._scoring.keep
        if table.num_rows:
            _check_kept(keep, table.column_names)
        return {name: table[name] for name in keep if name in table.column_names}

    def _predicted(self, chunk: Chunk, *, is_text: bool) -> dict[str, Any]:
        name = self._scoring.prediction
        if not chunk.table.num_rows:
            return no_predictions(name=name, outputs=self._outputs)
        without = () if self._scoring.keep == ALL else self._scoring.keep
        frame = self._frames.frame(chunk, without, is_text=is_text)
        return prediction_columns(
            self._predict(frame), len(frame), name=name, outputs=self._outputs
        )

    def _predict(self, frame: Any) -> Any:
        try:
            return self._model.predict(frame, self._scoring.params or None)
        except InvalidInput as error:
            # What enforcing adds to its reason is the data, of which there may be much.
            cause = error.__cause__
            raise InvalidInput(str(cause if isinstance(cause, InvalidInput) else error)) from error
        except StagelineError:
            raise
        except Exception as error:  # of any kind: the model is another's code
            reason = f"{type(error).__name__}: {error}"
            raise InvalidInput(f"the model failed: {reason}") from error


def _check_kept(keep: Sequence[str], names: Sequence[str]) -> None:
    missing = [name for name in keep if name not in names]
    if missing:
        raise InvalidInput(f"there are no columns {missing} to keep; there are {', '.join(names)}")


class _Errors:
    """Makes the errors of its block say in which file they are, and in which rows."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.chunk: Chunk | None = None
        """What is being scored; None while reading."""

    def __enter__(self) -> _Errors:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if isinstance(error, (InvalidInput, Corrupt)):
            rows = f", rows {self.chunk.first} to {self.chunk.last}" if self.chunk else ""
            raise type(error)(f"{public_url(self._url)}{rows}: {error}") from error


def checked_params(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Params of inference, which have to go through JSON. Raises `InvalidInput`."""
    try:
        found: dict[str, Any] = msgspec.to_builtins(dict(given or {}))
    except (TypeError, msgspec.MsgspecError) as error:
        raise InvalidInput(f"params should be plain values: {error}") from error
    return found
