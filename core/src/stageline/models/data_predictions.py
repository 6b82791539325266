"""What a model returned, as columns of a table: one, or several with names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from stageline.errors import InvalidInput
from stageline.models.arrow import pa
from stageline.models.data_input import ARROW_TYPES
from stageline.models.data_kinds import is_array, is_frame, is_series, is_sparse
from stageline.models.schema import Tensor, has_names, is_tensors

if TYPE_CHECKING:
    from stageline.models.schema import Schema

PREDICTION = "prediction"


def prediction_columns(
    result: Any, rows: int, *, name: str = PREDICTION, outputs: Schema | None = None
) -> dict[str, Any]:
    """Column name -> array of pyarrow with a value for each row.

    A series, a list or an array of one dimension is one column called `name`. An array of two is a column for each of
    its own, named as the signature's outputs or `name_0`, `name_1` ...; one of more is one column of nested lists. A
    frame, or a dict of arrays, has names.

    Raises:
        InvalidInput: the model did not return a value for each row, or values that no column can hold.
    """
    columns = {
        title: _array(values, title)
        for title, values in _named(result, rows, name, outputs).items()
    }
    short = {title: len(values) for title, values in columns.items() if len(values) != rows}
    if short:
        raise InvalidInput(
            f"the model returned {_counts(short)} for {rows} rows: expected one for each"
        )
    kinds = _kinds(outputs, [*columns])
    return {title: _filled(values, kinds.get(title)) for title, values in columns.items()}


def no_predictions(*, name: str = PREDICTION, outputs: Schema | None = None) -> dict[str, Any]:
    """The columns of no rows, as far as the signature tells them."""
    titles = _titles(outputs, len(outputs or ()) or 1, name)
    if outputs and is_tensors(outputs):
        first = outputs[0]
        width = (
            first.spec.shape[-1] if isinstance(first, Tensor) and len(first.spec.shape) == 2 else 1
        )
        titles = _titles(outputs, max(width, 1), name) if len(outputs) == 1 else titles
    kinds = _kinds(outputs, titles)
    return {title: pa.array([], kinds.get(title, pa.null())) for title in titles}


def _named(result: Any, rows: int, name: str, outputs: Schema | None) -> dict[str, Any]:
    if is_sparse(result):
        result = result.toarray()
    if is_frame(result):
        return {str(title): result[title] for title in result.columns}
    if isinstance(result, Mapping):
        found: dict[str, Any] = {}
        for title, values in result.items():
            found |= _named(values, rows, str(title), None)
        return found
    if is_array(result) and result.ndim == 2:
        titles = _titles(outputs, result.shape[1], name)
        return {title: result[:, at] for at, title in enumerate(titles)}
    if is_array(result) and result.ndim > 2:
        return {name: result.tolist()}
    if is_series(result) or isinstance(result, (list, tuple)) or (is_array(result) and result.ndim):
        return {name: result}
    if rows == 1:
        return {name: [result.item() if hasattr(result, "item") else result]}
    raise InvalidInput(
        f"the model returned a {type(result).__name__} for {rows} rows: expected one value for each"
    )


def _titles(outputs: Schema | None, width: int, name: str) -> list[str]:
    if outputs and has_names(outputs) and len(outputs) == width:
        return [str(one.name) for one in outputs]
    return [name] if width == 1 else [f"{name}_{at}" for at in range(width)]


def _kinds(outputs: Schema | None, titles: list[str]) -> dict[str, Any]:
    """The types that the signature gives the columns, where it does."""
    if not outputs:
        return {}
    if is_tensors(outputs) and len(outputs) == 1:
        return dict.fromkeys(titles, _tensor_type(outputs[0]))
    if len(outputs) != len(titles):
        return {}
    return {title: _type(one) for title, one in zip(titles, outputs, strict=True)}


def _type(one: Any) -> Any:
    if isinstance(one, Tensor):
        return _tensor_type(one)
    if one.type == "array" and one.items is not None:
        return pa.list_(_type(one.items))
    return ARROW_TYPES.get(one.type, pa.null())


def _tensor_type(one: Any) -> Any:
    try:
        return pa.type_for_alias(one.spec.dtype)
    except ValueError:
        return pa.string() if one.spec.dtype == "str" else pa.null()


def _filled(values: Any, kind: Any) -> Any:
    """Nothing but nulls has no type of its own."""
    return values.cast(kind) if pa.types.is_null(values.type) and kind is not None else values


def _array(values: Any, title: str) -> Any:
    if is_series(values) or is_array(values):
        values = (
            values.copy()
        )  # a view would keep the whole of the model's input for as long as it waits
    try:
        made = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidInput(
            f"the model returned what no column can hold, as {title!r}: {reason}. Expected numbers, text, times, or "
            "lists and dicts of them, all of one type"
        ) from error
    return made.combine_chunks() if isinstance(made, pa.ChunkedArray) else made


def _counts(short: Mapping[str, int]) -> str:
    return ", ".join(f"{count} values of {title!r}" for title, count in short.items())
