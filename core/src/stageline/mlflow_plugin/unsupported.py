"""What MLflow's stores also do, and a Stageline store does not: traces, evaluation datasets, scorers and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stageline.mlflow_plugin.failures import unsupported

if TYPE_CHECKING:
    from collections.abc import Callable


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_TRACES = _names("""
    start_trace _delete_traces delete_traces get_trace_info get_trace batch_get_traces batch_get_trace_infos
    archive_traces resolve_trace_archival_config get_online_trace_details search_traces find_completed_sessions
    query_trace_metrics set_trace_tag delete_trace_tag log_spans link_traces_to_run unlink_traces_from_run
    link_prompts_to_trace calculate_trace_filter_correlation get_assessment create_assessment update_assessment
    delete_assessment create_issue get_issue update_issue search_issues
""")
_EVALUATION = _names("""
    create_dataset get_dataset delete_dataset search_datasets upsert_dataset_records delete_dataset_records
    set_dataset_tags delete_dataset_tag get_dataset_experiment_ids add_dataset_to_experiments
    remove_dataset_from_experiments register_scorer list_scorers list_scorers_across_experiments get_scorer
    list_scorer_versions delete_scorer upsert_online_scoring_config get_online_scoring_configs
    get_active_online_scorers create_label_schema get_label_schema get_label_schema_by_name list_label_schemas
    update_label_schema delete_label_schema create_review_queue get_or_create_user_queue get_review_queue
    get_review_queue_by_name list_review_queues update_review_queue delete_review_queue
    add_items_to_review_queue remove_items_from_review_queue list_review_queue_items set_review_queue_item_status
""")


def _refusing(what: str) -> Callable[..., Any]:
    def refuse(*_args: Any, **_kwargs: Any) -> Any:
        raise unsupported(what)

    return refuse


NotKept = type(
    "NotKept",
    (),
    {
        "__doc__": "Refuses each of these by its name, before MLflow's own base does so with an internal error.",
        **{name: _refusing(f"Tracing ({name})") for name in _TRACES},
        **{name: _refusing(f"Evaluation ({name})") for name in _EVALUATION},
    },
)
