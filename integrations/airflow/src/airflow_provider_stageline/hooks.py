"""`StagelineHook`: from a connection of Airflow's to an opened store."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import BaseHook
from airflow.sdk.exceptions import AirflowNotFoundException

from stageline.errors import InvalidInput, NotFound, StagelineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Connection

    from stageline import Workspace

# What opens a store is loaded by whoever opens one: a DAG file that names a hook does not.

DEFAULT_CONN_ID = "stageline_default"

_opened: dict[tuple[str, str], Workspace] = {}
"""By connection and store: tasks of one process share what a workspace knows."""


class StagelineHook(BaseHook):
    """Opens the store that a connection of type `stageline` names.

    In the connection, `host` is the store: a URL that fsspec knows, or a path. Credentials are `login` and
    `password`, or `storage_options` in `extra`, or those of another connection that `storage_conn_id` in `extra`
    names (`aws`, `google_cloud_platform`, `wasb`); they are looked up again when the store refuses them. Where no
    connection named `stageline_default` is defined, `STAGELINE_STORE` stands for it.

    Args:
        stageline_conn_id: Id of the connection.
    """

    conn_name_attr = "stageline_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = "stageline"
    hook_name = "Stageline"

    def __init__(self, stageline_conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stageline_conn_id = stageline_conn_id
        self._connection: Connection | None = None
        self._was_looked_up = False

    def workspace(self) -> Workspace:
        """The store, opened once in a process. Sends no request to it.

        Raises:
            NotFound: no such connection is defined.
            InvalidInput: the connection names no store, or one that nothing here can open.
        """
        from stageline import Workspace

        connection = self._found()
        if connection is None:
            return _from_environment(self.stageline_conn_id)
        url = connection.host or ""
        if not url:
            raise InvalidInput(
                f"the connection {self.stageline_conn_id!r} names no store: put its URL, such as "
                "s3://bucket/prefix, or its path into the field Store (host)"
            )
        key = self.stageline_conn_id, url
        if key not in _opened:
            _opened[key] = Workspace.open(url, storage_options=self.storage_options)
        return _opened[key]

    def get_conn(self) -> Workspace:
        """The same, by the name that hooks have for it."""
        return self.workspace()

    def storage_options(self) -> Mapping[str, Any]:
        """Options for fsspec, as the connection says now; whoever gets them may find out later that they changed."""
        from airflow_provider_stageline.storage_connections import storage_options_of

        return storage_options_of(self.get_connection(self.stageline_conn_id))

    @property
    def is_defined(self) -> bool:
        """Whether the connection is there; `STAGELINE_STORE` may stand for the default one.

        Raises:
            NotFound: it is not, and is not the default one.
        """
        return self._found() is not None

    @property
    def experiment(self) -> str | None:
        """Experiment of tasks whose tracking names none."""
        return self._extra().get("experiment") or None

    def ui_url(
        self, run_id: str | None = None, *, model: str | None = None, version: int | None = None
    ) -> str | None:
        """The page of a run, a model or a model version; of the whole store if none is named.

        In Airflow, if the connection has no `ui_url`, and the setting `server_url` names no server either; None if that
        does not show them.
        """
        from airflow_provider_stageline.pages import addresses

        address = self._extra().get("ui_url") or self.workspace().settings.server_url
        address = address or addresses.address(self.stageline_conn_id)
        if not address:
            return None
        page = str(address).rstrip("/")
        if run_id is not None:
            return f"{page}/runs/{quote(run_id, safe='')}"
        if model is not None:
            page = f"{page}/models/{quote(model, safe='')}"
            return page if version is None else f"{page}/versions/{version}"
        return page

    def test_connection(self) -> tuple[bool, str]:
        """Whether the store answers, and what it says."""
        try:
            store = self.workspace().store
            store.list("", deep=False)
        except (StagelineError, AirflowNotFoundException, ValueError, ImportError) as error:
            return False, f"{type(error).__name__}: {error}"
        return True, f"The store {store.url} answers."

    def _found(self) -> Connection | None:
        if not self._was_looked_up:
            try:
                self._connection = self.get_connection(self.stageline_conn_id)
            except AirflowNotFoundException as error:
                if self.stageline_conn_id != DEFAULT_CONN_ID:
                    raise NotFound(
                        f"there is no connection {self.stageline_conn_id!r}: define it in Airflow "
                        f"(AIRFLOW_CONN_{self.stageline_conn_id.upper()}), with the type stageline"
                    ) from error
            self._was_looked_up = True
        return self._connection

    def _extra(self) -> dict[str, Any]:
        connection = self._found()
        return {} if connection is None else dict(connection.extra_dejson)


def _from_environment(conn_id: str) -> Workspace:
    from stageline import get_workspace

    workspace = get_workspace()
    # The working directory of a worker is nobody's choice: what would lie there, nobody would find again.
    if workspace.settings.store == "./mlstore" and not os.environ.get("STAGELINE_STORE"):
        raise NotFound(
            f"there is no store to record in: define the connection {conn_id!r} in Airflow "
            f"(AIRFLOW_CONN_{conn_id.upper()}), with the type stageline and the store's URL as host; or set "
            "STAGELINE_STORE"
        )
    return workspace
