"""Archives and folders that lie somewhere else: on any store that fsspec reaches, or behind http."""

from __future__ import annotations

import base64
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from urllib.parse import unquote, urlsplit, urlunsplit

from stageline.errors import InvalidInput, NotFound, StagelineError, StorageFailed, Unauthorized
from stageline.projects.sources.landing import CHUNK, Landing, Limits
from stageline.storage.local_files import open_source
from stageline.storage.open import open_store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stageline.projects.sources.address import Address

Progress = Callable[[int], None]
TIMEOUT_S = 60.0
"""Without a byte from a web server."""


@contextmanager
def opened_archive(
    address: Address,
    *,
    options: Mapping[str, Any],
    scratch: Path,
    limits: Limits,
    progress: Progress | None,
) -> Iterator[BinaryIO]:
    """The bytes of an archive, to be read in any order; those from elsewhere are in a file in `scratch` meanwhile.

    Raises:
        NotFound: there is none.
        InvalidInput: it is no file, or too big.
        StorageFailed, Unauthorized: as its place says.
    """
    if address.is_local:
        path = Path(address.place)
        if not path.exists():
            raise NotFound(f"no archive {address.public}: check the path")
        with open_source(path) as source:
            yield source
        return
    with tempfile.TemporaryFile(dir=scratch) as file, _remote(address, options) as source:
        size = 0
        while data := _read(source, address):
            size += len(data)
            if size > limits.size:
                raise InvalidInput(
                    f"{address.public} has more than {limits.size} bytes: no project has"
                )
            file.write(data)
            if progress:
                progress(len(data))
        file.seek(0)
        yield cast("BinaryIO", file)


def land_folder(
    address: Address,
    folder: Path,
    *,
    options: Mapping[str, Any],
    limits: Limits,
    progress: Progress | None,
) -> None:
    """Lay down every file below a URL in `folder`, which does not exist yet.

    Raises:
        NotFound: there is nothing.
        InvalidInput: a key is no name for a file in the folder, or there is too much.
    """
    store = open_store(address.place, options)
    keys = [entry.key for entry in store.list("") if not entry.key.endswith("/")]
    prefix = f"{address.subfolder}/" if address.subfolder else ""
    wanted = [key for key in keys if key.startswith(prefix)]
    if not wanted:
        raise NotFound(f"no project at {address.public}: nothing is stored there")
    landing = Landing(folder, address.public, limits, progress)
    for key in wanted:
        with store.open(key, "rb") as source:
            landing.file(key, source)
    landing.finish()


@contextmanager
def _remote(address: Address, options: Mapping[str, Any]) -> Iterator[BinaryIO]:
    if urlsplit(address.place).scheme in ("http", "https"):
        with _over_http(address) as source:
            yield source
        return
    folder, _, name = address.place.rpartition("/")
    with open_store(folder, options).open(name, "rb") as source:
        yield source


def _over_http(address: Address) -> AbstractContextManager[BinaryIO]:
    # The standard library's, because fsspec's needs a package that a store does without. Proxies are respected.
    try:
        return cast(
            "AbstractContextManager[BinaryIO]",
            urllib.request.urlopen(_request(address.place), timeout=TIMEOUT_S),
        )
    except urllib.error.HTTPError as error:
        error.close()
        where = f"{address.public} answers {error.code} {error.reason}"
        if error.code in (401, 403):
            raise Unauthorized(f"{where}: it takes credentials, or others") from None
        if error.code in (404, 410):
            raise NotFound(f"{where}: check the address") from None
        raise StorageFailed(f"{where}: try again later") from None
    except OSError as error:  # its text, and its causes, may hold the whole address
        raise _broken(address, error) from None


def _read(source: BinaryIO, address: Address) -> bytes:
    try:
        return source.read(CHUNK)
    except StagelineError:
        raise
    except (OSError, HTTPException) as error:
        raise _broken(address, error) from None


def _broken(address: Address, error: Exception) -> StorageFailed:
    reason = type(getattr(error, "reason", error)).__name__
    return StorageFailed(
        f"{address.public} can not be fetched: {reason}. Check the network, then try again"
    )


def _request(url: str) -> urllib.request.Request:
    """A request; a password in the address becomes a header that is not sent on when the server redirects."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(urlunsplit((*parts[:1], host, *parts[2:4], "")))
    if user:
        name, _, password = user.partition(":")
        pair = f"{unquote(name)}:{unquote(password)}".encode()
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    return request
