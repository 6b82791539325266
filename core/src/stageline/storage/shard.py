"""A shard: many run summaries in one immutable object. How shards are named and found is in `manifest`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

import msgspec

from stageline.domain.document import UNREADABLE, check_format
from stageline.domain.summary import RunSummary
from stageline.errors import Corrupt

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SHARD_FORMAT = "stageline.shard/1"

# A run of 20 keys takes 0.7 KB unpacked: a shard that is cut by its rows stays far below these.
MAX_ROWS = 50_000
CUT_AT_BYTES = 64 << 20
MAX_UNPACKED_BYTES = 512 << 20
"""What a reader is ready to hold; a frame that says more is refused before it is unpacked."""

_LEVEL = 3
_CRC_BYTES = 4

encode_row = msgspec.msgpack.Encoder().encode
decode_row = msgspec.msgpack.Decoder(RunSummary).decode
_rows = msgspec.msgpack.Decoder(list[msgspec.Raw])


class Packed(NamedTuple):
    """A shard's bytes and how many runs they hold."""

    data: bytes
    rows: int


def pack_shards(
    summaries: Iterable[RunSummary], *, max_rows: int = MAX_ROWS, cut_at_bytes: int = CUT_AT_BYTES
) -> Iterator[Packed]:
    """`summaries`, one for each run, in as few shards as their bounds allow."""
    rows: list[bytes] = []
    size = 0
    for summary in summaries:
        row = encode_row(summary)
        if rows and (len(rows) >= max_rows or size + len(row) > cut_at_bytes):
            yield _packed(rows)
            rows, size = [], 0
        rows.append(row)
        size += len(row)
    if rows:
        yield _packed(rows)


def unpack_shard(data: bytes, what: str) -> Sequence[msgspec.Raw]:
    """The rows of a shard, each to be given to `decode_row`.

    Raises:
        Corrupt: the bytes are no shard, are damaged, or would unpack to more than `MAX_UNPACKED_BYTES`.
        NotAllowed: a newer version wrote it.
    """
    frame = _checked_frame(data, what)
    # Late: a process that only logs never packs.
    from zstandard import ZstdDecompressor, ZstdError, get_frame_parameters

    try:
        size = get_frame_parameters(frame).content_size
        if size > MAX_UNPACKED_BYTES:  # an unknown size is 2^64-1
            raise Corrupt(
                f"{what} would unpack to {size} bytes; at most {MAX_UNPACKED_BYTES} are read"
            )
        return _rows.decode(ZstdDecompressor().decompress(frame))
    except (*UNREADABLE, ZstdError) as error:
        raise Corrupt(f"{what} can not be unpacked: {error}") from error


def _packed(rows: list[bytes]) -> Packed:
    from zstandard import ZstdCompressor

    body = encode_row([msgspec.Raw(row) for row in rows])
    frame = ZstdCompressor(level=_LEVEL).compress(body)
    head = SHARD_FORMAT.encode() + b"\n" + crc32(frame).to_bytes(_CRC_BYTES, "little")
    return Packed(head + frame, len(rows))


def _checked_frame(data: bytes, what: str) -> bytes:
    head, _, rest = data[:64].partition(b"\n")
    check_format(head.decode("ascii", "replace"), SHARD_FORMAT, what)
    start = len(head) + 1 + _CRC_BYTES
    frame = data[start:]
    if crc32(frame) != int.from_bytes(rest[:_CRC_BYTES], "little"):
        raise Corrupt(f"{what} does not match its checksum")
    return frame
