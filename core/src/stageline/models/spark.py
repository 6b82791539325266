"""A model as a function of Spark's columns: loaded once by each of Spark's Python workers, from where its files lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

from stageline.errors import InvalidInput
from stageline.models.data_kinds import is_frame
from stageline.models.data_predictions import prediction_columns
from stageline.models.pinned import PinnedModel, load_pinned
from stageline.models.spark_types import as_spark, parsed_type, type_of_outputs
from stageline.models.trust import NO_TRUST, Trust
from stageline.settings import load_settings

if TYPE_CHECKING:
    from stageline.models.schema import Schema
    from stageline.models.signature import ModelSignature


def column_function(
    model: PinnedModel,
    signature: ModelSignature | None,
    *,
    result_type: Any = None,
    params: Mapping[str, Any] | None = None,
    trust: Trust = NO_TRUST,
) -> Callable[..., Any]:
    """What `spark_udf` returns; what is called with columns or their names, or with one struct of them.

    Args:
        model: Where the workers find its files.
        signature: What it takes and gives.
        result_type: A type of Spark's or its name; by default that of the signature's outputs.
        params: Of inference.
        trust: What it may do while it is loaded.

    Raises:
        InvalidInput: pyspark is not installed, or the type is none.
    """
    try:
        import pandas as pd  # late, as pyspark: whoever has a session has them
        from pyspark.sql.functions import col, pandas_udf
    except ImportError as error:
        raise InvalidInput(
            f"scoring on Spark needs {error.name}, which is not installed: pip install 'stageline[spark]'"
        ) from error
    outputs = signature.outputs if signature else None
    kind = parsed_type(type_of_outputs(outputs) if result_type is None else result_type)
    names = _names(signature.inputs if signature else None)
    kept = dict(params or {})

    def score_columns(batches):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # Spark reads the hints set below
        yield from score_batches(model, trust, kind, names, kept, batches)

    is_struct = kind.typeName() == "struct"
    returned: Any = pd.DataFrame if is_struct else pd.Series
    score_columns.__annotations__ = {
        "batches": Iterator[tuple[Union[pd.Series, pd.DataFrame], ...]],  # noqa: UP007  # what Spark reads
        "return": Iterator[returned],
    }
    function = pandas_udf(score_columns, returnType=kind)

    def call(*columns: Any) -> Any:
        if not columns and not names:
            raise InvalidInput(
                "the model's signature does not name its inputs: call the function with the columns that it takes"
            )
        return function(*(columns or [col(f"`{name}`") for name in names or ()]))

    return call


def score_batches(
    model: PinnedModel,
    trust: Trust,
    kind: Any,
    names: Sequence[str] | None,
    params: dict[str, Any],
    batches: Iterator[Any],
) -> Iterator[Any]:
    """What runs in Spark's workers: predictions for each batch of columns, as series or frames of Spark's type."""
    options = load_settings().storage_options
    loaded = load_pinned(model, trust, options, folder=_worker_folder(model))
    outputs = loaded.signature.outputs if loaded.signature else None
    for batch in batches:
        columns = batch if isinstance(batch, tuple) else (batch,)
        frame = _frame(columns, names)
        if not len(frame):
            continue
        result = loaded.predict(frame, params or None)
        yield as_spark(prediction_columns(result, len(frame), outputs=outputs), kind)


def _names(inputs: Schema | None) -> list[str] | None:
    found = [one.name for one in inputs or ()]
    return None if not found or None in found else [str(name) for name in found]


def _frame(columns: Sequence[Any], names: Sequence[str] | None) -> Any:
    """The model's input: the fields of a struct, or the columns by the signature's names, or else by number."""
    import pandas as pd  # late: it is Spark that has handed over its series

    if len(columns) == 1 and is_frame(columns[0]):
        return columns[0]
    titles = names or [str(number) for number in range(len(columns))]
    given = {
        title: column.to_dict("records") if is_frame(column) else column
        for title, column in zip(titles, columns, strict=False)
    }
    return pd.DataFrame(given)


def _worker_folder(model: PinnedModel) -> Path | None:
    """A folder of the executor's own, which goes when the application ends; the model's name in it is its digest."""
    from pyspark import SparkFiles  # late: there is a session

    root = SparkFiles.getRootDirectory()
    return Path(root) / f"stageline-{model.sha256[:32]}" if root else None
