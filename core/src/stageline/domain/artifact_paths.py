"""The paths of files and folders under a run: narrower than MLflow's, as every store has to keep them."""

from __future__ import annotations

import posixpath
import re
from typing import Final

from stageline.domain.names import check_text
from stageline.errors import InvalidInput

MAX_ARTIFACT_PATH_LENGTH: Final = 1000
"""An object's key is at most 1024 bytes on S3 and on Google Cloud Storage; the rest is the run's folder."""
MAX_ARTIFACT_SEGMENT_BYTES: Final = 255
"""`NAME_MAX` of every local file system."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[a-zA-Z]:(/|$)")
_PERCENT_ESCAPE = re.compile(r"%([0-9a-fA-F]{2})")


def check_artifact_path(path: str) -> str:
    """A file or folder under a run: a normal relative POSIX path that every store can keep, and no proxy can bend.

    Refused besides `..`, absolute and unnormalised paths: control characters, backslashes, a drive letter, and
    percent escapes that turn into any of these or into a `/` when decoded once or twice.
    """
    check_text("path", path)
    fault = _path_fault(path)
    if fault is not None:
        raise InvalidInput(
            f"Invalid artifact path: {path!r}: {fault}. Expected a relative path such as 'plots/roc.png'."
        )
    return path


def _path_fault(path: str) -> str | None:
    if not path:
        return "it is empty"
    if len(path) > MAX_ARTIFACT_PATH_LENGTH:
        return f"it exceeds the maximum length of {MAX_ARTIFACT_PATH_LENGTH} characters"
    once = _decoded(path)
    for form in (path, once, _decoded(once)):
        fault = _form_fault(form)
        if fault is not None:
            return fault if form is path else f"percent-decoded to {form!r}, {fault}"
        if form.count("/") != path.count("/"):
            return "a percent escape hides a '/' in it"
    return _segment_fault(path)


def _decoded(path: str) -> str:
    return _PERCENT_ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), path)


def _form_fault(path: str) -> str | None:
    if _CONTROL.search(path):
        return "it holds a control character"
    if "\\" in path:
        return "it holds a backslash"
    if path.startswith("/") or _DRIVE.match(path):
        return "it is absolute"
    if ".." in path.split("/"):
        return "it leaves its folder by '..'"
    if posixpath.normpath(path) != path or path == ".":
        return f"it is not normal: the same place is {posixpath.normpath(path)!r}"
    return None


def _segment_fault(path: str) -> str | None:
    try:
        longest = max(len(segment.encode()) for segment in path.split("/"))
    except UnicodeEncodeError:
        return "it can not be written as UTF-8"
    if longest > MAX_ARTIFACT_SEGMENT_BYTES:
        return (
            f"a part of it has {longest} bytes, and file systems allow {MAX_ARTIFACT_SEGMENT_BYTES}"
        )
    return None
