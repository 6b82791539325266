"""The addresses by which MLflow's pages fetch one file: of a run, of a version of a model, of a logged model."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from stageline.server.file_places import Place, model_place, run_files, version_place
from stageline.server.wire import required

if TYPE_CHECKING:
    from stageline.server.auth.access import Access
    from stageline.server.replica import Replica

DOWNLOAD = "/get-artifact"
VERSION_DOWNLOAD = "/model-versions/get-artifact"
MODEL_DOWNLOAD = re.compile(
    r"/(?:ajax-)?api/[23]\.0/mlflow/logged-models/([^/]+)/artifacts/files", re.ASCII
)
_PATH = "artifact_file_path"


class Download(NamedTuple):
    """One of them, as it was asked for."""

    check: Callable[[Access], None]
    """Raises unless the caller may have it."""
    find: Callable[[], Place]
    """Where it lies. Asks the store."""


def is_download(path: str) -> bool:
    """Whether a path is one of these. Asked of every request."""
    return path in (DOWNLOAD, VERSION_DOWNLOAD) or (
        path.endswith("/files") and MODEL_DOWNLOAD.fullmatch(path) is not None
    )


def asked_download(replica: Replica, path: str, query: dict[str, str]) -> Download | None:
    """What is to be fetched; None if the path is none of these. Raises `InvalidInput`: something is missing."""
    if path == VERSION_DOWNLOAD:
        name, version, wanted = (
            required(key, query.get(key)) for key in ("name", "version", "path")
        )
        return Download(
            lambda access: access.check_model("read", name),
            lambda: version_place(replica, name, version, wanted),
        )
    if path == DOWNLOAD:
        run_id = required("run_id", query.get("run_uuid") or query.get("run_id"))
        wanted = required("path", query.get("path"))
        return Download(
            lambda access: access.check_run("read", run_id),
            lambda: Place(run_files(replica, run_id), wanted),
        )
    found = MODEL_DOWNLOAD.fullmatch(path)
    if found is None:
        return None
    model_id, wanted = found[1], required(_PATH, query.get(_PATH))
    return Download(
        lambda access: access.check_logged_model("read", model_id),
        lambda: model_place(replica, model_id, wanted),
    )
