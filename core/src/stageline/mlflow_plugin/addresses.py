"""The plugin's URIs: which store a tracking URI means, and which run's or model's files an artifact URI means."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from stageline.errors import InvalidInput

PLAIN = "stageline"
"""The scheme without a protocol: a folder, or the store of the settings."""
PREFIX = f"{PLAIN}+"
SCHEMES = (
    PLAIN,
    *(
        f"{PREFIX}{one}"
        for one in ("file", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "memory")
    ),
)
"""What is declared as an entry point: MLflow looks a plugin up by the whole scheme."""

_RUN = re.compile(r"/runs/([a-zA-Z0-9][\w-]*)/artifacts(?:/(.*))?$")
_MODEL = re.compile(r"/models/(m-[\w-]+)/artifacts(?:/(.*))?$")


class Files(NamedTuple):
    """What an artifact URI names: a path among the files of a run or of a logged model."""

    store_url: str | None
    run_id: str | None
    model_id: str | None
    path: str


def store_url(uri: str) -> str | None:
    """The store that a tracking URI means; None: that of the settings.

    >>> store_url("stageline+s3://bucket/team")
    's3://bucket/team'
    >>> store_url("stageline:///data/ml")
    '/data/ml'

    Raises:
        InvalidInput: it is no URI of this plugin.
    """
    if uri.startswith(PREFIX):
        url = uri[len(PREFIX) :]
        return _folder(url[len("file:") :]) if url.startswith("file:") else url
    if uri.split(":")[0] == PLAIN:
        return _folder(uri[len(PLAIN) + 1 :]) or None
    raise InvalidInput(
        f"{uri!r} is no URI of Stageline's plugin: expected such as 'stageline+s3://bucket/path' or "
        "'stageline:///folder'"
    )


def plugin_uri(url: str) -> str:
    """The URI under which MLflow finds what lies at `url` in a store."""
    return f"{PREFIX}{url}" if "://" in url else f"{PREFIX}file://{url}"


def parse_files(uri: str) -> Files:
    """Take an artifact URI apart.

    >>> parse_files("stageline+s3://bucket/team/runs/1f/artifacts/plots")
    Files(store_url='s3://bucket/team', run_id='1f', model_id=None, path='plots')

    Raises:
        InvalidInput: it names no files of a run or a logged model.
    """
    for pattern in (_RUN, _MODEL):
        # The first such place: what follows it is the user's path, which may look alike.
        found = pattern.search(uri)
        if found is not None:
            owner, path = found[1], (found[2] or "").strip("/")
            url = store_url(uri[: found.start()])
            is_run = pattern is _RUN
            return Files(url, owner if is_run else None, None if is_run else owner, path)
    raise InvalidInput(
        f"{uri!r} names no artifacts: expected '<store>/runs/<run_id>/artifacts', as `run.info.artifact_uri` tells"
    )


def _folder(text: str) -> str:
    """`///path`, `/path` or `//localhost/path` as a path."""
    if text.startswith("//"):
        host, slash, rest = text[2:].partition("/")
        if host not in ("", "localhost", "."):
            raise InvalidInput(
                f"{text!r} names the host {host!r}: a folder on this machine has three slashes, 'stageline:///folder'"
            )
        text = f"{host}/{rest}" if host == "." else slash + rest
    return unquote(text)
