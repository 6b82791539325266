"""What kind of table a file holds, told by its name; and which files of a folder are its data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, cast, get_args

from stageline.errors import InvalidInput, NotFound
from stageline.storage.redaction import public_url

if TYPE_CHECKING:
    from stageline.storage.files import FileAt, Files

Kind: TypeAlias = Literal["parquet", "csv", "tsv", "jsonl"]
_KINDS: dict[str, Kind] = {
    "parquet": "parquet", "pq": "parquet", "csv": "csv", "tsv": "tsv",
    "jsonl": "jsonl", "ndjson": "jsonl", "json": "jsonl",
}  # fmt: skip
_PACKED = {"gz": "gzip", "bz2": "bz2", "zst": "zstd"}


class Format(NamedTuple):
    """How a table is written down."""

    kind: Kind
    packed: str | None = None
    """How the whole file is compressed, as pyarrow calls it; Parquet compresses within."""


def format_of(url: str, kind: str | None = None) -> Format:
    """The format of a file, by its name unless the kind is given.

    >>> format_of("s3://bucket/in.csv.gz")
    Format(kind='csv', packed='gzip')

    Raises:
        InvalidInput: neither tells.
    """
    *_, before, last = [
        "",
        "",
        *url.partition("::")[0].rstrip("/").rpartition("/")[2].lower().split("."),
    ]
    packed = _PACKED.get(last)
    found = _kind(kind) if kind else _KINDS.get(before if packed else last)
    if found is None:
        raise InvalidInput(
            f"the name {public_url(url)!r} does not tell what is in the file: expected one that ends in "
            f".{', .'.join(_KINDS)}, with .{', .'.join(_PACKED)} after it or not; or say --format"
        )
    return Format(found, None if found == "parquet" else packed)


def data_files(files: Files, url: str, kind: str | None = None) -> list[tuple[FileAt, Format]]:
    """The file at `url`, or the data files of the folder there. Those that begin with `_` or `.` are no data.

    Raises:
        NotFound: there is none.
        InvalidInput: a name does not tell the format, or there are several kinds.
    """
    start = len(url.rstrip("/"))
    given = files.list(url)
    if [one.url for one in given] == [url]:
        return [(given[0], format_of(url, kind))]
    found = [
        (one, format_of(one.url, kind))
        for one in given
        if not any(name.startswith(("_", ".")) for name in one.url[start:].split("/"))
    ]
    if not found:
        raise NotFound(f"there are no data files in {public_url(url)}")
    kinds = sorted({form.kind for _, form in found})
    if len(kinds) > 1:
        raise InvalidInput(
            f"the folder {public_url(url)} holds files of several kinds ({', '.join(kinds)}): score one at a time"
        )
    return found


def _kind(name: str) -> Kind:
    if name not in get_args(Kind):
        raise InvalidInput(f"no format {name!r}; there are {', '.join(get_args(Kind))}")
    return cast("Kind", name)
