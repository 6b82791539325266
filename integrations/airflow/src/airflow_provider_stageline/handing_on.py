"""What a tracked task hands to the tasks after it: where it returned a path, the artifact that the file has become.

Airflow refuses paths in XComs, and on another worker they would lead nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stageline.tasks import TaskCall


def handed_on(result: Any, call: TaskCall) -> Any:
    """`result`, where `runs:/<run id>/<name>` stands for a path whose file is stored, and text for any other path."""
    if isinstance(result, PurePath):
        return _uri(result, call)
    if type(result) in (list, tuple, set):
        return type(result)(handed_on(one, call) for one in result) if _has_path(result) else result
    if isinstance(result, Mapping) and _has_path(result.values()):
        return {key: handed_on(value, call) for key, value in result.items()}
    return result


def _has_path(values: Any) -> bool:
    return any(
        isinstance(one, PurePath)
        or (type(one) in (list, tuple, set) and _has_path(one))
        or (isinstance(one, Mapping) and _has_path(one.values()))
        for one in values
    )


def _uri(path: Any, call: TaskCall) -> str:
    is_stored = call.tracking.artifacts == "return" and hasattr(path, "exists") and path.exists()
    if not is_stored:
        return str(path)
    identity = call.identity
    joins = call.tracking.nest == "join" and identity.parent_run_id is not None
    return f"runs:/{identity.parent_run_id if joins else identity.run_id}/{path.name}"
