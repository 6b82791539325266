"""Chunks of files through a model: what it is given, what comes out, and errors that say where they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from stageline.errors import Corrupt, InvalidInput, StagelineError
from stageline.models.arrow import pa
from stageline.models.data_format import Format
from stageline.models.data_input import FrameMaker, named_inputs
from stageline.models.data_predictions import PREDICTION, no_predictions, prediction_columns
from stageline.models.data_reading import Chunk, column_names, read_chunks
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


class Source(msgspec.Struct, frozen=True):
    """A file to be scored, or some row groups of one."""

    file: FileAt
    form: Format
    row_groups: tuple[int, ...] | None = None


def checked_params(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Params of inference, which have to go through JSON. Raises `InvalidInput`."""
    try:
        found: dict[str, Any] = msgspec.to_builtins(dict(given or {}))
    except (TypeError, msgspec.MsgspecError) as error:
        raise InvalidInput(f"params should be plain values: {error}") from error
    return found


class ChunkScorer:
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
