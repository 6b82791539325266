"""What `--backend-config` says of a cluster, by MLflow's names where it has one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from stageline.errors import InvalidInput

_KEYS = (
    "kube-context", "repository-uri", "kube-job-template-path", "namespace", "storage-options-secret", "poll-s",
)  # fmt: skip


class ClusterConfig(NamedTuple):
    """Which cluster, and what a Job gets there."""

    context: str | None
    """`kube-context`; None is the current one, or that of the pod this runs in."""
    repository: str | None
    """`repository-uri`: where an image with the project's code is pushed to; None: the project's image has it."""
    template: Path | None
    """`kube-job-template-path`."""
    namespace: str | None
    """`namespace`: counts more than the template's."""
    options_secret: tuple[str, str] | None
    """`storage-options-secret`: name and key of a Secret with the options of the store as JSON."""
    poll_s: float
    """`poll-s`: seconds between two looks at the Job."""


def read_config(options: Mapping[str, Any]) -> ClusterConfig:
    """Read what was given as the launcher's options. Raises `InvalidInput`."""
    for key, value in options.items():
        if key not in _KEYS:
            raise InvalidInput(
                f"the backend 'kubernetes' knows no {key!r}; there are {', '.join(_KEYS)}"
            )
        if key == "poll-s" and not (isinstance(value, (int, float)) and value > 0):
            raise InvalidInput(f"poll-s is a number of seconds, not {value!r}")
        if key != "poll-s" and not (isinstance(value, str) and value):
            raise InvalidInput(f"{key} is a text, not {value!r}")
    secret = options.get("storage-options-secret")
    name, _, key = (secret or "").partition("/")
    if secret and not (name and key):
        raise InvalidInput(
            "storage-options-secret is the name of a Secret and a key in it, as in store/options"
        )
    template = options.get("kube-job-template-path")
    return ClusterConfig(
        context=options.get("kube-context"),
        repository=options.get("repository-uri"),
        template=Path(template) if template else None,
        namespace=options.get("namespace"),
        options_secret=(name, key) if secret else None,
        poll_s=float(options.get("poll-s", 2.0)),
    )
