"""A callable as a tracked run: what every orchestrator integration shares.

An integration says who calls (`TaskIdentity`), what to record (`Tracking`) and where (`Session`), and
lets one of the four `tracked_*` functions run the task. The names are loaded when they are first used:
an orchestrator that only parses pipelines pays for none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stageline.tasks.announcing import on_transition
    from stageline.tasks.batch import ScoredFiles, score_files
    from stageline.tasks.bodies import recorded_body
    from stageline.tasks.card import card_markdown, metric_rows, run_rows
    from stageline.tasks.drifting import PSI_SHIFT, ColumnDrift, column_drifts, measure_drift
    from stageline.tasks.environment import run_environment
    from stageline.tasks.evaluation import Evaluation, ModelWorkspace, evaluate_model
    from stageline.tasks.facts import RunFacts, run_facts
    from stageline.tasks.fingerprint import call_fingerprint
    from stageline.tasks.forwarding import TransitionEvent, forward_transitions
    from stageline.tasks.gate_text import gate_markdown, transition_markdown
    from stageline.tasks.gates import (
        Answer,
        Gate,
        GateRefused,
        TransitionRequest,
        is_granted,
        is_open,
    )
    from stageline.tasks.identity import PipelineIdentity, TaskIdentity, pipeline_run_id
    from stageline.tasks.open_run import needed_run
    from stageline.tasks.openlineage import (
        LineageDataset,
        run_datasets,
        run_model_dataset,
        stage_dataset,
        version_dataset,
    )
    from stageline.tasks.options import Tracking
    from stageline.tasks.params import bound_params
    from stageline.tasks.parent import end_parent, fail_parent, find_parent, open_parent
    from stageline.tasks.promotion import Promotion
    from stageline.tasks.record import (
        tracked_async_call,
        tracked_async_generator,
        tracked_call,
        tracked_generator,
    )
    from stageline.tasks.recording import Recording
    from stageline.tasks.session import (
        ErrorMeaning,
        Session,
        SharedParent,
        TaskCall,
        TaskWorkspace,
    )
    from stageline.tasks.shared_parent import end_shared_parent
    from stageline.tasks.transitions import last_transition, transition_values
    from stageline.tasks.unfinished import end_unfinished, is_unfinished

_ROOMS: dict[str, str] = {
    "PSI_SHIFT": "drifting",
    "Answer": "gates",
    "ColumnDrift": "drifting",
    "ErrorMeaning": "session",
    "Evaluation": "evaluation",
    "Gate": "gates",
    "GateRefused": "gates",
    "LineageDataset": "openlineage",
    "ModelWorkspace": "evaluation",
    "PipelineIdentity": "identity",
    "Promotion": "promotion",
    "Recording": "recording",
    "RunFacts": "facts",
    "ScoredFiles": "batch",
    "Session": "session",
    "SharedParent": "session",
    "TaskCall": "session",
    "TaskIdentity": "identity",
    "TaskWorkspace": "session",
    "Tracking": "options",
    "TransitionEvent": "forwarding",
    "TransitionRequest": "gates",
    "bound_params": "params",
    "call_fingerprint": "fingerprint",
    "card_markdown": "card",
    "column_drifts": "drifting",
    "end_parent": "parent",
    "end_shared_parent": "shared_parent",
    "end_unfinished": "unfinished",
    "evaluate_model": "evaluation",
    "fail_parent": "parent",
    "find_parent": "parent",
    "forward_transitions": "forwarding",
    "gate_markdown": "gate_text",
    "is_granted": "gates",
    "is_open": "gates",
    "is_unfinished": "unfinished",
    "last_transition": "transitions",
    "measure_drift": "drifting",
    "metric_rows": "card",
    "needed_run": "open_run",
    "on_transition": "announcing",
    "open_parent": "parent",
    "pipeline_run_id": "identity",
    "recorded_body": "bodies",
    "run_datasets": "openlineage",
    "run_environment": "environment",
    "run_facts": "facts",
    "run_model_dataset": "openlineage",
    "run_rows": "card",
    "score_files": "batch",
    "stage_dataset": "openlineage",
    "tracked_async_call": "record",
    "tracked_async_generator": "record",
    "tracked_call": "record",
    "tracked_generator": "record",
    "transition_markdown": "gate_text",
    "transition_values": "transitions",
    "version_dataset": "openlineage",
}

__all__ = [
    "PSI_SHIFT",
    "Answer",
    "ColumnDrift",
    "ErrorMeaning",
    "Evaluation",
    "Gate",
    "GateRefused",
    "LineageDataset",
    "ModelWorkspace",
    "PipelineIdentity",
    "Promotion",
    "Recording",
    "RunFacts",
    "ScoredFiles",
    "Session",
    "SharedParent",
    "TaskCall",
    "TaskIdentity",
    "TaskWorkspace",
    "Tracking",
    "TransitionEvent",
    "TransitionRequest",
    "bound_params",
    "call_fingerprint",
    "card_markdown",
    "column_drifts",
    "end_parent",
    "end_shared_parent",
    "end_unfinished",
    "evaluate_model",
    "fail_parent",
    "find_parent",
    "forward_transitions",
    "gate_markdown",
    "is_granted",
    "is_open",
    "is_unfinished",
    "last_transition",
    "measure_drift",
    "metric_rows",
    "needed_run",
    "on_transition",
    "open_parent",
    "pipeline_run_id",
    "recorded_body",
    "run_datasets",
    "run_environment",
    "run_facts",
    "run_model_dataset",
    "run_rows",
    "score_files",
    "stage_dataset",
    "tracked_async_call",
    "tracked_async_generator",
    "tracked_call",
    "tracked_generator",
    "transition_markdown",
    "transition_values",
    "version_dataset",
]


def __getattr__(name: str) -> Any:
    if name not in _ROOMS:
        raise AttributeError(f"module 'stageline.tasks' has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"stageline.tasks.{_ROOMS[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
