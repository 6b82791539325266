"""Following a stage, an alias or the latest version: a thread looks where a URI points, and fetches what is new."""

from __future__ import annotations

import logging
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, Protocol

from stageline.errors import InvalidInput, StagelineError, StorageFailed
from stageline.models.uri import LoggedModelId, Place, RegisteredVersion, RunModel, parse_model_uri

_log = logging.getLogger("stageline")


class Source(Protocol):
    """Where models come from."""

    def version_of(self, uri: str) -> int:
        """The version that a `models:/` URI names now: one listing if nothing moved. Raises `NotFound`."""
        ...

    def fetch(self, uri: str, dst: Path | None) -> Path:
        """The model's folder on this disk, checked; a copy at `dst` if that is given."""
        ...


class Found(NamedTuple):
    """A model on this disk."""

    label: str
    """`models:/wine/3`, or what else strangers may know."""
    folder: Path
    is_copy: bool
    """Whether the folder is ours to remove."""


def find(source: Source, uri: str) -> Found:
    """The model that a URI names now. Raises what `Source` raises."""
    place = parse_model_uri(uri)
    if not isinstance(place, RegisteredVersion):
        return Found(public_name(place), source.fetch(uri, None), False)
    return fetch_version(source, place.name, source.version_of(uri))


def public_name(place: RunModel | RegisteredVersion | LoggedModelId | Place) -> str:
    """What clients are told: not where a folder is, and no credentials of a URL."""
    if isinstance(place, Place):
        return place.url.partition("?")[0].rstrip("/").rpartition("/")[2] or "model"
    return str(place)


def fetch_version(source: Source, name: str, version: int) -> Found:
    """A version, in a private folder that the caller removes."""
    label = f"models:/{name}/{version}"
    home = Path(tempfile.mkdtemp(prefix="stageline-serve-"))
    try:
        return Found(label, source.fetch(label, home / "model"), True)
    except BaseException:
        shutil.rmtree(home, ignore_errors=True)
        raise


def remove(found: Found) -> None:
    """Remove the copy of a model that nobody serves any more."""
    if found.is_copy:
        shutil.rmtree(found.folder.parent, ignore_errors=True)


def check_followed(uri: str) -> RegisteredVersion:
    """A URI whose version may change. Raises `InvalidInput`."""
    place = parse_model_uri(uri)
    if isinstance(place, RegisteredVersion) and not place.selector.isdecimal():
        return place
    raise InvalidInput(
        f"{uri} never names another model, so there is nothing to follow: give models:/<name>/<stage>, "
        "models:/<name>@<alias> or models:/<name>/latest, or leave --follow out"
    )


class Follower(threading.Thread):
    """Looks every `every_s` seconds, and tells of each version that the URI comes to name, and of trouble."""

    def __init__(
        self,
        source: Source,
        uri: str,
        label: str,
        every_s: float,
        tell: Callable[[Found | str], None],
    ) -> None:
        super().__init__(name="follow", daemon=True)
        self._source = source
        self._uri = uri
        self._name = check_followed(uri).name
        self._label = label
        self._every_s = every_s
        self._tell = tell
        self._trouble = self._unfetched = ""
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()

    def run(self) -> None:
        """Until stopped. A store that is away costs nothing but time."""
        while not self._stopped.wait(self._every_s):
            try:
                self.look()
            except StagelineError as error:
                self._say(f"{self._uri} can not be looked up: {error.code}", error)
            except Exception as error:  # of any kind: what serves goes on, whatever a look comes to
                self._say(f"{self._uri} can not be looked up", error)

    def look(self) -> None:
        """Once. Raises what the store, the registry and the files raise."""
        version = self._source.version_of(self._uri)
        label = f"models:/{self._name}/{version}"
        if label == self._label:
            self._say(self._unfetched)
            return
        try:
            found = fetch_version(self._source, self._name, version)
        except StorageFailed:
            raise  # it may come back
        except StagelineError as error:
            self._label, self._unfetched = label, f"{label} can not be fetched: {error.code}"
            self._say(self._unfetched, error)
            return
        self._label, self._unfetched = label, ""
        self._say("")
        self._tell(found)

    def _say(self, trouble: str, error: Exception | None = None) -> None:
        """Once for each trouble. Clients learn of it, so what exactly is wrong goes to the log alone."""
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if error is not None:
            _log.error("%s: %s", trouble, error, exc_info=not isinstance(error, StagelineError))
        self._tell(trouble)
