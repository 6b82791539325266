"""An auth manager whose users may be confined to DAGs: `eve` sees the runs of `pipeline` alone."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

CONFINED = {"eve": {"pipeline"}}


class DagReaders(SimpleAuthManager):
    """Airflow's own, but for who may read which DAG."""

    def is_authorized_dag(
        self, *, method: Any, user: Any, details: Any = None, **more: Any
    ) -> bool:
        """As others do: asked about no DAG in particular, whether there is any."""
        own = CONFINED.get(user.username)
        if own is not None and details is not None and details.id is not None:
            return details.id in own and method == "GET"
        return bool(super().is_authorized_dag(method=method, user=user, details=details, **more))

    def is_authorized_asset(self, *, user: Any, **more: Any) -> bool:
        """Nobody who is confined sees assets."""
        return user.username not in CONFINED and super().is_authorized_asset(user=user, **more)
