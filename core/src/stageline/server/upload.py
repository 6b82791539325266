"""An upload in parts: what its client says, and what is stored of it. Touches nothing."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from stageline.domain.document import readable
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Sequence

UPLOAD_FORMAT = "stageline.upload/1"
DONE_FORMAT = "stageline.upload-done/1"

_ETAG = re.compile(r'"?([0-9a-f]{64})"?', re.ASCII)


class SaidPart(msgspec.Struct):
    """Of mpu/complete."""

    part_number: int | None = None
    etag: str | None = None


class AskUpload(msgspec.Struct):
    """mpu/create, complete, abort"""

    path: str | None = None
    num_parts: int | None = None
    upload_id: str | None = None
    parts: list[SaidPart] = []


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored of an upload that was begun."""

    format: str = UPLOAD_FORMAT
    upload_id: str
    path: str
    """Of the file, as `mlflow-artifacts:/` has it."""
    parts: int
    digest: str
    """SHA-256 of the secret, as hexadecimal digits."""
    expires: int
    """Unix milliseconds; no part is taken afterwards."""
    by: str = ""
    txn: str = ""

    def __repr__(self) -> str:
        return f"Upload({self.upload_id!r})"


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """That the file is where it belongs."""

    format: str = DONE_FORMAT
    parts: str
    """Digest of the parts' digests."""
    txn: str = ""


class Part(NamedTuple):
    """One of those of which the client says that the file consists."""

    number: int
    digest: str


readable(Upload)
readable(Done)


def checked_parts(upload: Upload, said: Sequence[tuple[int | None, str | None]]) -> list[Part]:
    """The parts in their order. Raises `InvalidInput` unless each is named once, with its etag."""
    found: dict[int, Part] = {}
    for number, etag in said:
        tag = _ETAG.fullmatch(etag or "")
        if number is None or not 1 <= number <= upload.parts or tag is None:
            raise InvalidInput(
                f"Invalid value for parameter 'parts' supplied: expected part_number 1 to {upload.parts}, "
                "and the etag that came back when the part was sent"
            )
        if number in found:
            raise InvalidInput(
                f"Invalid value for parameter 'parts' supplied: {number} is there twice"
            )
        found[number] = Part(number, tag[1])
    if len(found) < upload.parts:
        raise InvalidInput(
            f"Invalid value for parameter 'parts' supplied: {len(found)} parts, expected {upload.parts}"
        )
    return [found[number] for number in sorted(found)]


def digest_of_text(text: str) -> str:
    """SHA-256, as hexadecimal digits."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


def digest_of_parts(parts: Sequence[Part]) -> str:
    """What tells these parts from others."""
    return digest_of_text("".join(f"{number}:{digest}," for number, digest in parts))
