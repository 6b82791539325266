"""What may happen to a registered model and its versions, but for their stages: `stage_decisions` has those.

Each `decide_*` looks at a state and returns the events that follow from a command, none if there is nothing to do, or
raises. None of them asks anybody, so the same state and command always give the same answer.
"""

from __future__ import annotations

from stageline.domain.model_decisions import (
    Events,
    check_active,
    check_metrics_known,
    check_unprotected,
    decide_create,
    decide_delete,
    decide_delete_tag,
    decide_describe,
    decide_rename,
    decide_set_policy,
    decide_set_stages,
    decide_set_tag,
    get_version,
)
from stageline.domain.version_decisions import (
    decide_annotate,
    decide_delete_alias,
    decide_delete_deployment,
    decide_delete_version,
    decide_delete_version_tag,
    decide_describe_version,
    decide_register,
    decide_set_alias,
    decide_set_deployment,
    decide_set_version_tag,
    find_same,
)

__all__ = [
    "Events",
    "check_active",
    "check_metrics_known",
    "check_unprotected",
    "decide_annotate",
    "decide_create",
    "decide_delete",
    "decide_delete_alias",
    "decide_delete_deployment",
    "decide_delete_tag",
    "decide_delete_version",
    "decide_delete_version_tag",
    "decide_describe",
    "decide_describe_version",
    "decide_register",
    "decide_rename",
    "decide_set_alias",
    "decide_set_deployment",
    "decide_set_policy",
    "decide_set_stages",
    "decide_set_tag",
    "decide_set_version_tag",
    "find_same",
    "get_version",
]
