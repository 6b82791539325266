"""One namespace of a cluster: Jobs made, looked at and deleted there, and what their pods print."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import kubernetes
from kubernetes.client.exceptions import ApiException
from kubernetes.config.config_exception import ConfigException
from urllib3.exceptions import HTTPError

from stageline.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    StagelineError,
    StorageFailed,
    Unauthorized,
)

T = TypeVar("T")

_TIMEOUTS_S = (10.0, 30.0)
"""To connect, and for an answer."""
_LOG_TIMEOUTS_S = (10.0, 300.0)
"""Without a line; a log that is cut is read on."""


class Cluster:
    """What is asked of the API, as JSON. Safe from several threads."""

    def __init__(self, api: Any, namespace: str) -> None:
        self._api = api
        # Their annotations differ from version to version, and know no JSON.
        self._batch: Any = kubernetes.client.BatchV1Api(api)
        self._core: Any = kubernetes.client.CoreV1Api(api)
        self.namespace = namespace

    @classmethod
    def open(cls, context: str | None, namespace: str) -> Cluster:
        """Log in by the kubeconfig (`KUBECONFIG`), or as the pod that this runs in. Sends nothing.

        Raises:
            NotFound: there is no kubeconfig, or no such context in it.
        """
        settings: Any = kubernetes.client.Configuration()
        config: Any = kubernetes.config
        file = os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())
        is_inside = bool(os.environ.get("KUBERNETES_SERVICE_HOST"))
        try:
            if is_inside and context is None and not os.environ.get("KUBECONFIG"):
                config.load_incluster_config(client_configuration=settings)
            else:
                config.load_kube_config(
                    file, context=context, client_configuration=settings, persist_config=False
                )
        except ConfigException as error:
            raise NotFound(
                f"there is no way into a cluster by {file}: {error}. Name a kubeconfig with KUBECONFIG, and one of its "
                "contexts as kube-context"
            ) from error
        return cls(kubernetes.client.ApiClient(settings), namespace)

    def create_job(self, manifest: dict[str, Any]) -> None:
        """Make a Job. Raises `Conflict` if there is one of that name."""
        self._asked(
            lambda: self._batch.create_namespaced_job(
                self.namespace, manifest, _request_timeout=_TIMEOUTS_S
            )
        )

    def job(self, name: str) -> dict[str, Any]:
        """A Job. Raises `NotFound`."""
        return self._plain(
            lambda: self._batch.read_namespaced_job(
                name, self.namespace, _request_timeout=_TIMEOUTS_S
            )
        )

    def delete_job(self, name: str) -> None:
        """Delete a Job with its pods, which are asked to end; one that is gone is fine."""
        with suppress(NotFound):
            self._asked(
                lambda: self._batch.delete_namespaced_job(
                    name,
                    self.namespace,
                    propagation_policy="Foreground",
                    _request_timeout=_TIMEOUTS_S,
                )
            )

    def pods(self, job_name: str) -> list[dict[str, Any]]:
        """The pods of a Job, the oldest first."""
        found = self._plain(
            lambda: self._core.list_namespaced_pod(
                self.namespace, label_selector=f"job-name={job_name}", _request_timeout=_TIMEOUTS_S
            )
        )
        return sorted(
            found.get("items", []), key=lambda pod: str(pod["metadata"].get("creationTimestamp"))
        )

    def log(self, pod: str, container: str) -> Iterator[bytes]:
        """The lines of a pod's container as they come, each behind its time; ends with the container."""
        answer = self._asked(
            lambda: self._core.read_namespaced_pod_log(
                pod,
                self.namespace,
                container=container,
                follow=True,
                timestamps=True,
                _preload_content=False,
                _request_timeout=_LOG_TIMEOUTS_S,
            )
        )
        rest = b""
        try:
            for piece in answer.stream(1 << 16):
                *lines, rest = (rest + piece).split(b"\n")
                yield from (line + b"\n" for line in lines)
            if rest:
                yield rest
        except HTTPError as error:
            raise StorageFailed(f"the log of {pod} was cut: {type(error).__name__}") from error
        finally:
            answer.release_conn()

    def _plain(self, ask: Callable[[], Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self._api.sanitize_for_serialization(self._asked(ask))
        return answer

    def _asked(self, ask: Callable[[], T]) -> T:
        try:
            return ask()
        except ApiException as error:
            raise _error_of(error) from error
        except (HTTPError, OSError) as error:
            raise StorageFailed(
                f"the cluster does not answer: {type(error).__name__}. Check the network and the kubeconfig"
            ) from error


def _error_of(error: ApiException) -> StagelineError:
    said = f"the cluster answers {error.status} {error.reason}: {_message(error)}"
    match error.status:
        case 401 | 403:
            return Unauthorized(f"{said}. Log in again, or ask for the right to make Jobs")
        case 404:
            return NotFound(f"{said}. Check the names of the namespace and the Job")
        case 409:
            return Conflict(f"{said}. Delete the Job, or launch again")
        case status if status is not None and 400 <= status < 500 and status != 429:
            return InvalidInput(f"{said}. Mend the Job's template")
        case _:
            return StorageFailed(said)


def _message(error: ApiException) -> str:
    import json

    try:
        return str(json.loads(error.body or "{}")["message"])[:500]
    except (ValueError, KeyError, TypeError):
        return str(error.body or "")[:200]
