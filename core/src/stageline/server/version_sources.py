"""What the source of a version means that a client registers: files of this store by any name, or a place elsewhere.

A place elsewhere is kept as an address and never opened here. A path of a disk is refused: to the server it would be a
path of its own machine (CVE-2023-1177 and those that came after it are of that kind).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from stageline.domain.registry_names import check_source
from stageline.errors import InvalidInput
from stageline.mlflow_plugin.addresses import parse_files, plugin_uri
from stageline.mlflow_plugin.sources import Named, Owned, Source, located, read_source
from stageline.models.uri import RegisteredVersion
from stageline.server.auth.access import Access
from stageline.server.auth.homes import Homes
from stageline.server.caller import caller_of
from stageline.server.file_places import check_home, split_place

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stageline.server.endpoint import Call
    from stageline.server.replica import Replica

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+):")
_PROXY = "/api/2.0/mlflow-artifacts/artifacts/"
_PROMPT_TAG = "mlflow.prompt.is_prompt"
_PROMPT_SOURCES = ("dummy-source", "prompt-template")
"""What MLflow's client registers a prompt with, whose text lies in a tag."""


def placed(
    call: Call, source: str, run_id: str | None, model_id: str | None, tags: Mapping[str, str]
) -> Source:
    """Where the files of `source` are.

    Raises:
        InvalidInput: it is a path of a disk, leads out of a folder, or is not of the run or model that were given.
        NotFound: there is no such run, model or version.
        Refused: the caller may not read the run or the logged model that it turned out to be.
    """
    check_source(source)
    replica = call.replica
    caller = caller_of(call.scope)
    access = None if caller.is_unlimited else Access(Homes(replica), caller)
    if source in _PROMPT_SOURCES and tags.get(_PROMPT_TAG, "").lower() == "true":
        _check_readable(access, None)
        return Source(run_id, None, source)
    named = read_source(source, lambda uri: _owned(replica, uri))
    _check_readable(access, named)
    if model_id is not None:
        replica.model_home(model_id)
    place = located(replica.workspace, source, named, run_id, model_id)
    # Rights to a registered model are rights to its versions' files, whatever run they came from.
    if named is not None and not isinstance(named, RegisteredVersion):
        _check_readable(access, Owned(place.run_id, place.model_id, ""))
    return place


def _check_readable(access: Access | None, named: Named) -> None:
    """Raise `Refused` unless the caller, where there are limits, may read what a version is to be made of.

    A place outside of the store is nobody's experiment: who may read all may name one, and nobody else.
    """
    if access is None:
        return
    if named is None:
        access.check_all("read")
    elif isinstance(named, RegisteredVersion):
        access.check_model("read", named.name)
    else:
        if named.run_id is not None:
            access.check_run("read", named.run_id)
        if named.model_id is not None:
            access.check_logged_model("read", named.model_id)


def _owned(replica: Replica, source: str) -> Owned | None:
    inside = _proxied(source)
    if inside is not None:
        experiment_id, owned = split_place(inside)
        check_home(replica, experiment_id, owned)
        return owned
    own = _in_store(replica.workspace.store.url, source)
    if own is not None:
        return own
    found = _SCHEME.match(source)
    if found is None or found[1].lower() == "file":
        raise InvalidInput(
            f"Invalid model version source: '{source}'. To use a local path as a model version source, it has to be "
            "contained within the artifact directory of a run or a logged model: log the model to a run first"
        )
    decoded = source
    while (further := unquote(decoded)) != decoded:
        decoded = further
    if ".." in re.split(r"[/\\]", decoded):
        raise InvalidInput(
            f"Invalid model version source: '{source}'. An absolute path must be provided without relative path "
            "references present"
        )
    return None


def _proxied(source: str) -> str | None:
    """The path that a URI of the artifact proxy names, ours or that of a server beside us."""
    parts = urlsplit(source)
    if parts.scheme == "mlflow-artifacts":
        return parts.path.strip("/")
    if parts.scheme in ("http", "https") and _PROXY in parts.path:
        return parts.path.split(_PROXY, 1)[1].strip("/")
    return None


def _in_store(store: str, source: str) -> Owned | None:
    """A place in this store by its own URL, as clients name it that write there by themselves."""
    try:
        files = parse_files(plugin_uri(source.removeprefix("file://")))
    except InvalidInput:
        return None
    if (files.store_url or "").rstrip("/") != store.removeprefix("file://").rstrip("/"):
        return None
    return Owned(files.run_id, files.model_id, files.path)
