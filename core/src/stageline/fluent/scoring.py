"""Score on many machines: parts of an input for mapped tasks, and columns of Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stageline.fluent.session import get_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from stageline.models.pinned import PinnedModel
    from stageline.models.trust import Trust
    from stageline.workspace import Workspace

PART_BYTES = 128 << 20


def plan_batches(
    model_uri: str | Path,
    source: str | Path,
    output: str | Path,
    *,
    keep: Sequence[str] | str = (),
    inputs: Sequence[str] | None = None,
    params: Mapping[str, Any] | None = None,
    batch_size: int = 10_000,
    part_bytes: int = PART_BYTES,
    output_format: str = "parquet",
    overwrite: bool = False,
    store: str | Path | None = None,
) -> list[dict[str, Any]]:
    """Divide a file or folder into parts that any process scores by `predict_part`.

    The model is looked up here, once: all parts are scored by one version, also if its stage or alias moves on. Parts
    are small and go through JSON, so they are what `.map` and `.expand` take.

    Args:
        model_uri: As `load_model` takes it; where its files lie has to be seen by all who score.
        source: A path or URL of a file or a folder of files: Parquet, CSV or JSON lines.
        output: A path or URL of a folder.
        keep: Columns of the input to put before the predictions, or `"all"`.
        inputs: Columns to give to the model, if its signature does not name them.
        params: Of inference.
        batch_size: Rows that are in memory at once.
        part_bytes: Bytes of input, as stored, that make a part.
        output_format: `parquet`, `csv`, `tsv` or `jsonl`.
        overwrite: Whether the folder may have files: those of former parts go when the parts are collected.
        store: Where the model is looked up; the store of this process if not given.

    Raises:
        NotFound: there is no such model, or no input.
        AlreadyExists: the folder has files.
        InvalidInput: an argument is wrong, or a URL holds credentials, which would be written down with the parts.
    """
    import msgspec

    from stageline.models.batches import plan_parts
    from stageline.models.data_scoring import Scoring, checked_params
    from stageline.storage.files import Files

    workspace = _opened(store)
    scoring = Scoring(
        keep=keep if isinstance(keep, str) else tuple(keep),
        inputs=None if inputs is None else tuple(inputs),
        params=checked_params(params),
        batch_size=batch_size,
    )
    parts = plan_parts(
        pinned(workspace, model_uri),
        str(source),
        _absolute(str(output)),
        scoring,
        part_bytes=part_bytes,
        output_format=output_format,
        overwrite=overwrite,
        files=Files(workspace.storage_options),
    )
    plain: list[dict[str, Any]] = msgspec.to_builtins(parts)
    return plain


def predict_part(
    part: Mapping[str, Any],
    *,
    allow_pickle: bool | None = None,
    trusted_types: Sequence[str] = (),
) -> dict[str, Any]:
    """Score one of the parts of `plan_batches`; what `collect_batches` wants to know of it.

    A process keeps the model that it used last. Credentials are those of this process. Scoring a part again replaces
    its output, which appears whole, so a task may be retried.

    Raises:
        NotAllowed: the model takes trust; see `load_model`.
        Conflict: the model is not the one of the plan any more.
        InvalidInput: some rows do not fit the signature, or the model failed on them; names file, rows and column.
    """
    import msgspec

    from stageline.domain.document import readable
    from stageline.models.batches import BatchPart, score_part
    from stageline.models.pinned import load_pinned
    from stageline.storage.files import Files

    workspace = get_workspace()
    options = workspace.storage_options
    chosen = msgspec.convert(dict(part), readable(BatchPart))
    model = load_pinned(chosen.model, _trust(workspace, allow_pickle, trusted_types), options)
    scored: dict[str, Any] = msgspec.to_builtins(score_part(chosen, model, Files(options)))
    return scored


def collect_batches(results: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Name all parts in `_stageline.json`, the last file of the folder; what it says.

    Raises:
        InvalidInput: the result of a part is missing, or is there twice.
    """
    import msgspec

    from stageline.domain.document import readable
    from stageline.models.batches import ScoredPart, collect_parts
    from stageline.storage.files import Files

    done = [msgspec.convert(dict(result), readable(ScoredPart)) for result in results]
    return collect_parts(done, Files(get_workspace().storage_options))


def spark_udf(
    spark: Any,
    model_uri: str | Path,
    *,
    result_type: Any = None,
    params: Mapping[str, Any] | None = None,
    store: str | Path | None = None,
    allow_pickle: bool | None = None,
    trusted_types: Sequence[str] = (),
) -> Callable[..., Any]:
    """A model as a function of Spark's columns: `frame.withColumn("prediction", spark_udf(spark, uri)("a", "b"))`.

    It is called with columns or names in the order of the signature, with one `struct` of them, or with nothing for the
    columns that the signature names. Each of Spark's Python workers fetches the model by its URL with the credentials
    of its own environment (none are sent along), checks it, and loads it once.

    Args:
        spark: The session.
        model_uri: As `load_model` takes it. It is looked up here, so a stage that moves on makes no difference.
        result_type: A type of Spark's or its name in SQL; by default that of the signature's outputs: of several a
            struct, of an array of two dimensions an array, and of a model that does not say, double.
        params: Of inference.
        store: Where the model is looked up; the store of this process if not given.
        allow_pickle: Whether code of the model's author may run on the workers; the setting if not given.
        trusted_types: Types that it may be made of, besides those that are known to be harmless.

    Raises:
        NotFound: there is no such model.
        InvalidInput: pyspark is not installed, or the type is none of Spark's.
    """
    del spark  # is the active one; asked for as the field does
    from stageline.models.spark import column_function

    workspace = _opened(store)
    model = pinned(workspace, model_uri)
    return column_function(
        model,
        workspace.models.describe(model.url).signature,
        result_type=result_type,
        params=params,
        trust=_trust(workspace, allow_pickle, trusted_types),
    )


def pinned(workspace: Workspace, model_uri: str | Path) -> PinnedModel:
    """The model that a URI names now. Raises `NotFound`."""
    from stageline.models.pinned import PinnedModel, digest_of_mlmodel
    from stageline.models.uri import RunModel
    from stageline.storage.files import check_without_secrets

    place = workspace.models.locate(model_uri)
    if isinstance(place, RunModel):
        url = f"{workspace.runs.artifact_uri(place.run_id)}/{place.path}"
    else:
        url = _absolute(place.url)
    digest = digest_of_mlmodel(workspace.models.read_mlmodel(str(place)))
    return PinnedModel(uri=str(model_uri), url=check_without_secrets(url), sha256=digest)


def _absolute(url: str) -> str:
    """The same place for a process that runs in another folder."""
    from pathlib import Path

    return url if "://" in url else str(Path(url).expanduser().resolve())


def _opened(store: str | Path | None) -> Workspace:
    from stageline.workspace import Workspace

    return get_workspace() if store is None else Workspace.open(store)


def _trust(workspace: Workspace, allow_pickle: bool | None, trusted_types: Sequence[str]) -> Trust:
    from stageline.models.trust import Trust

    allowed = workspace.settings.allow_pickle if allow_pickle is None else allow_pickle
    return Trust(allow_pickle=allowed, trusted_types=tuple(trusted_types))
