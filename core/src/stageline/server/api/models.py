"""Models and their versions, as they are and as they were."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import AwareDatetime

from stageline.domain.page import decode_token
from stageline.server.api.asking import Asking, Name, Number, Pages
from stageline.server.api.failures import ToldRoute
from stageline.server.api.model_shapes import (
    HistoryEntry,
    HistoryPage,
    Model,
    ModelPage,
    Proof,
    Version,
    VersionPage,
)
from stageline.server.api.words import history_entry

router = APIRouter(route_class=ToldRoute, tags=["models"])

AsOf = Annotated[
    int | AwareDatetime | None,
    Query(
        description="As it was at this date: Unix milliseconds, or a date and time with a zone.",
        examples=["2026-03-01T12:00:00Z"],
    ),
]


@router.get("/models")
def list_models(
    ask: Asking,
    pages: Pages,
    filter: Annotated[
        str, Query(description="As in MLflow's search.", examples=["name LIKE 'w%'"])
    ] = "",
    order_by: Annotated[list[str], Query(examples=[["name DESC"]])] = [],  # noqa: B006
) -> ModelPage:
    """Models, by name unless `order_by` says otherwise."""
    ask.check("read")
    decode_token(pages.token)  # said before anything is read
    found = ask.registry.search_registered_models(filter, 1000, order_by)
    shown = [one for one in found if ask.sees(one.name)]
    while found.token:
        found = ask.registry.search_registered_models(filter, 1000, order_by, found.token)
        shown += [one for one in found if ask.sees(one.name)]
    some, token = pages.of(shown)
    return ModelPage(models=[Model.model_validate(one) for one in some], next_page_token=token)


@router.get("/models/{name}")
def get_model(ask: Asking, name: Name, as_of: AsOf = None) -> Model:
    """A model; with `as_of`, as it stood then."""
    registry = ask.reading(name)
    found = registry.get(name) if as_of is None else registry.as_of(name, as_of).to_model()
    return Model.model_validate(found)


@router.get("/models/{name}/versions")
def list_versions(ask: Asking, name: Name, pages: Pages, as_of: AsOf = None) -> VersionPage:
    """The versions of a model, the newest last; with `as_of`, as they stood then."""
    registry = ask.reading(name)
    was = None if as_of is None else registry.as_of(name, as_of)
    found = registry.versions(name) if was is None else was.all_versions()
    some, token = pages.of(found)
    return VersionPage(
        versions=[Version.model_validate(one) for one in some], next_page_token=token
    )


@router.get("/models/{name}/versions/{version}")
def get_version(ask: Asking, name: Name, version: Number) -> Version:
    """One version."""
    return Version.model_validate(ask.reading(name).get_version(name, version))


@router.get("/models/{name}/history", tags=["history"])
def get_history(ask: Asking, name: Name, pages: Pages, as_of: AsOf = None) -> HistoryPage:
    """Everything that happened to a model, the oldest first, through its former names; up to a date."""
    some, token = pages.of(ask.reading(name).history(name, as_of=as_of))
    entries = [HistoryEntry.model_validate(history_entry(one)) for one in some]
    return HistoryPage(entries=entries, next_page_token=token)


@router.get("/models/{name}/proof", tags=["history"])
def verify(ask: Asking, name: Name) -> Proof:
    """Read the whole journal and check that each entry names the bytes of the one before."""
    return Proof.model_validate(ask.reading(name).verify(name))
