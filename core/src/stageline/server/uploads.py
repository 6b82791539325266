"""Files that arrive in parts: kept beside the others until all of a file is there, then joined and forgotten.

Whoever begins an upload gets a secret that lets parts of this one file in, for some hours, and nothing else. Its digest
is in the store, so any server of the store knows it, and no key has to be shared among them or kept anywhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from stageline.clock import DAY_MS
from stageline.domain.document import decode_document, encode_document
from stageline.domain.ids import new_txn
from stageline.errors import Corrupt, InvalidInput, NotFound
from stageline.server.failures import Refused
from stageline.server.upload import (
    DONE_FORMAT,
    UPLOAD_FORMAT,
    Done,
    Part,
    Upload,
    digest_of_parts,
    digest_of_text,
)
from stageline.storage import layout
from stageline.storage.commit import commit
from stageline.storage.parallel import together
from stageline.storage.transfer import CHUNK, digest_of, hash_file, put_bytes, put_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stageline.clock import Clock
    from stageline.server.transfers import Inbox
    from stageline.storage.port import ObjectStore

MOST_PARTS = 10_000
"""Of one file; as S3 has it."""

_ID = re.compile(r"\d{6}-[0-9a-f]{32}", re.ASCII)


class Uploads:
    """Of one store. Safe from many threads and servers."""

    def __init__(self, store: ObjectStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def begin(self, path: str, parts: int, *, lasts_s: float, by: str = "") -> tuple[Upload, str]:
        """A new upload, and the secret that lets its parts in, which nobody can show again.

        Raises:
            InvalidInput: so many parts can not be.
        """
        if not 1 <= parts <= MOST_PARTS:
            raise InvalidInput(
                f"Invalid value for parameter 'num_parts' supplied: {parts}, expected 1 to {MOST_PARTS}. "
                "Set MLFLOW_MULTIPART_UPLOAD_CHUNK_SIZE to more bytes if the file has more parts"
            )
        now = self._clock.now_ms()
        secret = secrets.token_urlsafe(32)
        upload = Upload(
            upload_id=f"{now // DAY_MS:06d}-{secrets.token_hex(16)}",
            path=path,
            parts=parts,
            digest=digest_of_text(secret),
            expires=now + round(lasts_s * 1000),
            by=by,
            txn=new_txn(),
        )
        key = layout.upload_made(upload.upload_id)
        commit(self._store, key, encode_document(upload), clock=self._clock)
        return upload, secret

    def of_secret(self, upload_id: str, secret: str) -> Upload:
        """The upload whose parts the secret lets in. Raises `Refused`, in the same words whatever is wrong."""
        upload = self._find(upload_id)
        digest = "" if upload is None else upload.digest
        if not hmac.compare_digest(digest_of_text(secret), digest) or upload is None:
            raise Refused(
                403,
                "PERMISSION_DENIED",
                "No part is taken here: begin by mpu/create, and send each part with the headers that it told",
            )
        if self._clock.now_ms() >= upload.expires:
            raise Refused(
                403, "PERMISSION_DENIED", "The upload took too long: begin again by mpu/create"
            )
        return upload

    def of_path(self, upload_id: str, path: str) -> Upload:
        """The upload of that very file. Raises `NotFound`."""
        upload = self._find(upload_id)
        if upload is None or upload.path != path:
            raise NotFound(
                f"There is no upload {upload_id[:50]!r} of {path!r}: begin again by mpu/create"
            )
        return upload

    def keep(self, upload: Upload, number: int, inbox: Inbox) -> str:
        """Take a part in; its etag. Raises `InvalidInput`: it has no such part, or there is nothing in it."""
        if not 1 <= number <= upload.parts:
            raise InvalidInput(
                f"The file was said to have {upload.parts} parts: there is no {number}"
            )
        if not inbox.size:
            raise InvalidInput(f"Part {number} is empty")
        data = inbox.data
        digest = (hash_file(inbox.path) if data is None else digest_of(data))[0]
        key = layout.upload_part(upload.upload_id, number, digest)
        if data is None:
            put_file(self._store, inbox.path, key)
        else:
            put_bytes(self._store, data, key)
        return f'"{digest}"'

    def is_done(self, upload: Upload, parts: Sequence[Part]) -> bool:
        """Whether the file was made already. Raises `InvalidInput`: it was, of other parts."""
        try:
            raw = self._store.read(layout.upload_done(upload.upload_id))
        except NotFound:
            return False
        done, _ = decode_document(raw, Done, DONE_FORMAT, f"end of upload {upload.upload_id}")
        if done.parts != digest_of_parts(parts):
            raise InvalidInput("The file was completed already, of other parts")
        return True

    @contextmanager
    def joined(self, upload: Upload, parts: Sequence[Part], name: str, most: int) -> Iterator[Path]:
        """The whole file under its name, on this disk until the end of the block.

        Raises:
            InvalidInput: a part is not there.
            Refused: it is longer than `most` bytes.
            Corrupt: a part is not what was sent.
        """
        folder = layout.upload_folder(upload.upload_id)
        sizes = {entry.key: entry.size for entry in self._store.list(folder)}
        keys = [layout.upload_part(upload.upload_id, *part) for part in parts]
        for part, key in zip(parts, keys, strict=True):
            if key not in sizes:
                raise InvalidInput(
                    f"Part {part.number} with that etag did not arrive: send it again"
                )
        if sum(sizes[key] for key in keys) > most:
            raise Refused(413, "BAD_REQUEST", f"The file is longer than {most} bytes")
        with tempfile.TemporaryDirectory(prefix="stageline-join-") as place:
            path = Path(place) / name
            with path.open("wb") as target:
                for part, key in zip(parts, keys, strict=True):
                    digest = hashlib.sha256()
                    with self._store.open(key, "rb") as source:
                        while chunk := source.read(CHUNK):
                            digest.update(chunk)
                            target.write(chunk)
                    if digest.hexdigest() != part.digest:
                        raise Corrupt(f"{key} is not what was sent")
            yield path

    def finish(self, upload: Upload, parts: Sequence[Part]) -> None:
        """Note that the file is made, for who asks again, and remove the parts."""
        done = Done(parts=digest_of_parts(parts), txn=new_txn())
        key = layout.upload_done(upload.upload_id)
        commit(self._store, key, encode_document(done), clock=self._clock)
        self._remove(upload, but=(layout.upload_made(upload.upload_id), key))

    def abort(self, upload: Upload) -> None:
        """Remove all of it. From now on no part is taken; one that is on its way is left to `gc`."""
        self._store.delete(layout.upload_made(upload.upload_id))
        self._remove(upload)

    def _remove(self, upload: Upload, but: Sequence[str] = ()) -> None:
        entries = self._store.list(layout.upload_folder(upload.upload_id))
        together(self._store.delete, [entry.key for entry in entries if entry.key not in but])

    def _find(self, upload_id: str) -> Upload | None:
        if not _ID.fullmatch(upload_id):
            return None
        try:
            raw = self._store.read(layout.upload_made(upload_id))
        except NotFound:
            return None
        return decode_document(raw, Upload, UPLOAD_FORMAT, f"upload {upload_id}")[0]
