"""A large input divided into parts that any process scores alone: what mapped tasks of an orchestrator are made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.errors import AlreadyExists, InvalidInput
from stageline.models.data_format import Format, data_files, format_of
from stageline.models.data_reading import parquet_file
from stageline.models.data_scoring import Scoring, Source
from stageline.models.pinned import PinnedModel
from stageline.models.predicting import score
from stageline.storage.files import FileAt, Files, check_without_secrets, joined
from stageline.storage.parallel import together
from stageline.storage.redaction import public_url

if TYPE_CHECKING:
    from stageline.models.loading import LoadedModel

MANIFEST = "_stageline.json"
"""Names the parts; its first character tells readers of folders that it is no data."""
_PART = "part-"


class BatchPart(msgspec.Struct, frozen=True, kw_only=True):
    """One part of the work. As a dict it goes through JSON."""

    number: int
    """From 0, in the order of the input."""
    model: PinnedModel
    sources: tuple[Source, ...]
    folder: str
    """Of all outputs."""
    name: str
    """Of this part's output in it: the same at each attempt, which replaces what an earlier one left."""
    form: Format
    scoring: Scoring = Scoring()


class ScoredPart(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a part."""

    number: int
    model_uri: str
    folder: str
    name: str
    rows: int
    columns: tuple[str, ...]


def plan_parts(
    model: PinnedModel,
    source: str,
    folder: str,
    scoring: Scoring,
    *,
    part_bytes: int,
    output_format: str,
    overwrite: bool,
    files: Files,
) -> list[BatchPart]:
    """Divide a file or folder. A Parquet file is divided at its row groups, others are not.

    Args:
        model: What predicts.
        source: A path or URL.
        folder: A path or URL of a folder for the outputs, which other hosts see too.
        scoring: What is kept, and how.
        part_bytes: Bytes of input, as stored, that make a part; a row group or a file of text is never divided.
        output_format: `parquet`, `csv`, `tsv` or `jsonl`.
        overwrite: Whether there may be files in the folder; those of former parts go when the parts are collected.
        files: Opens them.

    Raises:
        NotFound: there is no input.
        AlreadyExists: the folder has files.
        InvalidInput: a URL holds credentials, which would be written down with the parts.
    """
    form = format_of(f"{_PART}.{output_format}")
    for url in (source, folder, model.url):
        check_without_secrets(url)
    if part_bytes < 1:
        raise InvalidInput(f"part_bytes should be 1 or more, but is {part_bytes}")
    if not overwrite and files.has(folder):
        raise AlreadyExists(
            f"there are files in {public_url(folder)}: choose another folder, or allow them to be overwritten"
        )
    found = data_files(files, source)
    pieces = [piece for some in together(lambda one: _pieces(files, *one), found) for piece in some]
    return [
        BatchPart(
            number=number,
            model=model,
            sources=tuple(_merged(group)),
            folder=folder,
            name=f"{_PART}{number:05d}.{output_format}",
            form=form,
            scoring=scoring,
        )
        for number, group in enumerate(_grouped(pieces, part_bytes))
    ]


def score_part(part: BatchPart, model: LoadedModel, files: Files) -> ScoredPart:
    """Score a part. Doing it again, also after half of it was done, leaves the same."""
    scored = score(
        model, part.sources, joined(part.folder, part.name), part.form, part.scoring, files
    )
    return ScoredPart(
        number=part.number,
        model_uri=part.model.uri,
        folder=part.folder,
        name=part.name,
        rows=scored.rows,
        columns=scored.columns,
    )


def collect_parts(parts: Iterable[ScoredPart], files: Files) -> dict[str, Any]:
    """Name the parts in `_stageline.json`, written last, and remove what a former division left beside them.

    Raises:
        InvalidInput: there are none, one is missing, or they are of several folders.
    """
    done = sorted(parts, key=lambda part: part.number)
    if [part.number for part in done] != [*range(len(done))] or not done:
        raise InvalidInput(
            f"expected the results of all parts, each once, but these are those of {[part.number for part in done]}"
        )
    folders = {part.folder for part in done}
    if len(folders) > 1:
        raise InvalidInput(f"the parts are of several folders: {sorted(folders)}")
    (folder,) = folders
    names = {part.name for part in done}
    for file in files.list(folder):
        name = file.url.rpartition("/")[2]
        if name.startswith(_PART) and name not in names and file.url == joined(folder, name):
            files.remove(file.url)
    document = {
        "format": "stageline.batch/1",
        "model_uri": done[0].model_uri,
        "output": folder,
        "rows": sum(part.rows for part in done),
        "columns": [*done[0].columns],
        "parts": [{"name": part.name, "rows": part.rows} for part in done],
    }
    with files.open(joined(folder, MANIFEST), "wb") as sink:
        sink.write(msgspec.json.format(msgspec.json.encode(document)))
    return document


def _pieces(files: Files, file: FileAt, form: Format) -> list[tuple[Source, int]]:
    """What may be scored apart, and its bytes."""
    if form.kind != "parquet":
        return [(Source(file, form), file.size)]
    with files.open(file.url, "rb") as stream:
        meta = parquet_file(stream).metadata
    if meta.num_row_groups < 2:
        return [(Source(file, form), file.size)]
    return [
        (Source(file, form, (group,)), _stored_bytes(meta.row_group(group)))
        for group in range(meta.num_row_groups)
    ]


def _stored_bytes(group: Any) -> int:
    return sum(group.column(at).total_compressed_size for at in range(group.num_columns))


def _grouped(pieces: Sequence[tuple[Source, int]], part_bytes: int) -> Iterator[list[Source]]:
    group: list[Source] = []
    size = 0
    for source, count in pieces:
        if group and size + count > part_bytes:
            yield group
            group, size = [], 0
        group.append(source)
        size += count
    if group:
        yield group


def _merged(group: Sequence[Source]) -> Iterator[Source]:
    """Row groups of one file as one source."""
    held: Source | None = None
    for source in group:
        if held and held.file == source.file and held.row_groups and source.row_groups:
            held = msgspec.structs.replace(held, row_groups=held.row_groups + source.row_groups)
            continue
        if held:
            yield held
        held = source
    if held:
        yield held
