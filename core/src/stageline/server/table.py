"""The endpoints of MLflow's protocol, found by method and path."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from stageline.server.endpoint import Endpoint
from stageline.server.failures import Refused

if TYPE_CHECKING:
    pass

PREFIXES = tuple(
    f"/{api}/{version}/mlflow/"
    for api in ("api", "ajax-api")
    for version in ("2.0", "3.0", "2.0/preview")
)
"""Before an endpoint's path: clients and the pages of MLflow say each of these, those before 2.0 with `preview`."""


class Table:
    """Endpoints by method and path."""

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._exact: dict[tuple[str, str], Endpoint] = {}
        self._patterns: list[tuple[list[str], Endpoint]] = []
        self._paths: dict[str, set[str]] = {}
        for endpoint in endpoints:
            if "{" in endpoint.path:
                # The last one given answers, as among those without a pattern.
                self._patterns.insert(0, (endpoint.path.split("/"), endpoint))
                continue
            self._paths.setdefault(endpoint.path, set()).add(endpoint.method)
            for prefix in PREFIXES:
                self._exact[endpoint.method, prefix + endpoint.path] = endpoint

    def find(self, method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
        """The endpoint, and what the path says. Raises `Refused`."""
        found = self._exact.get((method, path))
        if found is not None:
            return found, {}
        rest = path.split("/mlflow/", 1)[1]
        allowed = set(self._paths.get(rest, ()))
        segments = rest.split("/")
        for pattern, endpoint in self._patterns:
            fields = _matched(pattern, segments)
            if fields is not None and endpoint.method == method:
                return endpoint, fields
            if fields is not None:
                allowed.add(endpoint.method)
        if allowed:
            raise Refused(
                405,
                "BAD_REQUEST",
                f"{method} is not allowed here: use {' or '.join(sorted(allowed))}",
            )
        raise Refused(404, "ENDPOINT_NOT_FOUND", f"There is no endpoint {rest[:200]!r}")


def _matched(pattern: list[str], segments: list[str]) -> dict[str, str] | None:
    if len(pattern) != len(segments):
        return None
    fields: dict[str, str] = {}
    for expected, found in zip(pattern, segments, strict=True):
        if expected[:1] == "{":
            fields[expected[1:-1]] = found
        elif expected != found:
            return None
    return fields
