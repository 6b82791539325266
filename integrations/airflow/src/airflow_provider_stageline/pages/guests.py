"""Who sends a request, and what they may, as Airflow's auth manager says: there is no other sign-in.

| right | asked of the auth manager |
|---|---|
| see the store's experiments and runs, and lineage | GET on the runs of each DAG |
| see a run of a DAG | GET on the runs of that DAG |
| change runs: names, tags, descriptions, deletion | PUT on the runs of each DAG |
| see models, versions, requests | GET on assets |
| change models, answer requests, move stages | POST on assets: whoever may let the DAGs run that wait for a model |
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import bearer_scheme, get_user
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from fastapi import HTTPException
from sqlalchemy import select
from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from airflow_provider_stageline.identity import is_of_dag_run
from airflow_provider_stageline.pages.addresses import MOUNT
from stageline import Guest

if TYPE_CHECKING:
    from starlette.requests import Request

SIGN_IN = "Sign in to Airflow, then load this page again."


async def guest_of(request: Request) -> Guest | Response:
    """Who sends it; or the answer to somebody who has not signed in to Airflow."""
    try:
        user = await get_user(request, None, await bearer_scheme(request))
    except HTTPException:
        return _not_signed_in(request)
    return await run_in_threadpool(_guest, user)


def _guest(user: Any) -> Guest:
    auth = get_auth_manager()
    runs = {"read": _may_with_all("GET", user), "write": _may_with_all("PUT", user)}
    changes = auth.is_authorized_asset(method="POST", user=user)
    models = {
        "read": auth.is_authorized_asset(method="GET", user=user),
        "write": changes,
        "promote": changes,
    }
    return Guest(
        str(user.get_name() or user.get_id()),
        experiments=[right for right in ("read", "write") if runs[right]],
        models=[right for right in ("read", "write", "promote") if models[right]],
        reads_run=partial(_reads_run, user),
    )


def _reads_run(user: Any, tags: Mapping[str, str]) -> bool:
    if not is_of_dag_run(tags):
        return False
    dag_id = tags["airflow.dag_id"]
    team = DagModel.get_team_name(dag_id) if hasattr(DagModel, "get_team_name") else None
    details = DagDetails(id=dag_id, **({"team_name": team} if team else {}))
    return get_auth_manager().is_authorized_dag(
        method="GET", access_entity=DagAccessEntity.RUN, details=details, user=user
    )


def _may_with_all(method: Any, user: Any) -> bool:
    # An auth manager that is asked about no DAG in particular says whether there is any.
    auth = get_auth_manager()
    if not auth.is_authorized_dag(method=method, access_entity=DagAccessEntity.RUN, user=user):
        return False
    with create_session() as session:
        every = set(session.scalars(select(DagModel.dag_id)))
    return every <= set(auth.get_authorized_dag_ids(user=user, method=method))


def _not_signed_in(request: Request) -> Response:
    is_own_window = request.headers.get("sec-fetch-dest") == "document"
    if request.method != "GET" or not is_own_window:
        return PlainTextResponse(SIGN_IN, 401, {"cache-control": "no-store"})
    airflow = request.scope.get("root_path", "").removesuffix(MOUNT)
    page = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"{airflow}/api/v2/auth/login?next={quote(page, safe='')}", 303)
