"""What each endpoint of MLflow's protocol demands of its caller. An endpoint that is not here is refused.

What is looked at is what the endpoint is about to be asked, after it was read: there are no two readings of a request
that could differ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from stageline.server.auth import endpoint_checks as checks

if TYPE_CHECKING:
    from stageline.server.caller import Right


class Rule(NamedTuple):
    """Of one endpoint."""

    right: Right
    check: checks.Check
    shown: checks.Filter | None = None


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("GET", "server-info"): Rule("read", checks.check_nothing),
    # experiments
    ("POST", "experiments/create"): Rule("write", checks.check_experiment_name),
    ("GET", "experiments/get"): Rule("read", checks.check_experiment),
    ("GET", "experiments/get-by-name"): Rule("read", checks.check_experiment_name),
    ("POST", "experiments/search"): Rule("read", checks.check_nothing, checks.EXPERIMENTS),
    ("GET", "experiments/search"): Rule("read", checks.check_nothing, checks.EXPERIMENTS),
    ("POST", "experiments/update"): Rule("write", checks.check_experiment),
    ("POST", "experiments/delete"): Rule("write", checks.check_experiment),
    ("POST", "experiments/restore"): Rule("write", checks.check_experiment),
    ("POST", "experiments/set-experiment-tag"): Rule("write", checks.check_experiment),
    ("POST", "experiments/delete-experiment-tag"): Rule("write", checks.check_experiment),
    # runs
    ("POST", "runs/create"): Rule("write", checks.check_experiment),
    ("POST", "runs/update"): Rule("write", checks.check_runs),
    ("GET", "runs/get"): Rule("read", checks.check_runs),
    ("POST", "runs/search"): Rule("read", checks.check_within),
    ("POST", "runs/delete"): Rule("write", checks.check_runs),
    ("POST", "runs/restore"): Rule("write", checks.check_runs),
    ("POST", "runs/log-metric"): Rule("write", checks.check_runs),
    ("POST", "runs/log-parameter"): Rule("write", checks.check_runs),
    ("POST", "runs/set-tag"): Rule("write", checks.check_runs),
    ("POST", "runs/delete-tag"): Rule("write", checks.check_runs),
    ("POST", "runs/log-batch"): Rule("write", checks.check_runs),
    ("POST", "runs/log-inputs"): Rule("write", checks.check_runs),
    ("POST", "runs/outputs"): Rule("write", checks.check_runs),
    ("POST", "runs/log-model"): Rule("write", checks.check_runs),
    ("GET", "metrics/get-history"): Rule("read", checks.check_runs),
    ("GET", "metrics/get-history-bulk"): Rule("read", checks.check_runs),
    ("GET", "metrics/get-history-bulk-interval"): Rule("read", checks.check_runs),
    ("GET", "artifacts/list"): Rule("read", checks.check_runs),
    # logged models
    ("POST", "logged-models"): Rule("write", checks.check_experiment),
    ("POST", "logged-models/search"): Rule("read", checks.check_within_some),
    ("GET", "logged-models/{model_id}"): Rule("read", checks.check_logged_model),
    ("PATCH", "logged-models/{model_id}"): Rule("write", checks.check_logged_model),
    ("DELETE", "logged-models/{model_id}"): Rule("write", checks.check_logged_model),
    ("PATCH", "logged-models/{model_id}/tags"): Rule("write", checks.check_logged_model),
    ("DELETE", "logged-models/{model_id}/tags/{tag_key}"): Rule("write", checks.check_logged_model),
    ("POST", "logged-models/{model_id}/params"): Rule("write", checks.check_logged_model),
    ("GET", "logged-models/{model_id}/artifacts/directories"): Rule(
        "read", checks.check_logged_model
    ),
    # registered models: what others load by stage or alias is moved by `promote`
    ("POST", "registered-models/create"): Rule("write", checks.check_model),
    ("GET", "registered-models/get"): Rule("read", checks.check_model),
    ("GET", "registered-models/search"): Rule("read", checks.check_nothing, checks.MODELS),
    ("POST", "registered-models/search"): Rule("read", checks.check_nothing, checks.MODELS),
    ("GET", "registered-models/get-latest-versions"): Rule("read", checks.check_model),
    ("POST", "registered-models/get-latest-versions"): Rule("read", checks.check_model),
    ("PATCH", "registered-models/update"): Rule("write", checks.check_model),
    ("POST", "registered-models/update"): Rule("write", checks.check_model),
    ("POST", "registered-models/rename"): Rule("promote", checks.check_model),
    ("DELETE", "registered-models/delete"): Rule("promote", checks.check_model),
    ("POST", "registered-models/set-tag"): Rule("write", checks.check_model),
    ("DELETE", "registered-models/delete-tag"): Rule("write", checks.check_model),
    ("GET", "registered-models/alias"): Rule("read", checks.check_model),
    ("POST", "registered-models/alias"): Rule("promote", checks.check_model),
    ("DELETE", "registered-models/alias"): Rule("promote", checks.check_model),
    # their versions
    ("POST", "model-versions/create"): Rule("write", checks.check_new_version),
    ("GET", "model-versions/get"): Rule("read", checks.check_model),
    ("GET", "model-versions/search"): Rule("read", checks.check_nothing, checks.VERSIONS),
    ("POST", "model-versions/search"): Rule("read", checks.check_nothing, checks.VERSIONS),
    ("GET", "model-versions/get-download-uri"): Rule("read", checks.check_model),
    ("POST", "model-versions/get-download-uri"): Rule("read", checks.check_model),
    ("PATCH", "model-versions/update"): Rule("write", checks.check_model),
    ("POST", "model-versions/update"): Rule("write", checks.check_model),
    ("DELETE", "model-versions/delete"): Rule("promote", checks.check_model),
    ("POST", "model-versions/set-tag"): Rule("write", checks.check_model),
    ("DELETE", "model-versions/delete-tag"): Rule("write", checks.check_model),
    ("POST", "model-versions/transition-stage"): Rule("promote", checks.check_model),
    # webhooks carry news of all models to anywhere
    ("POST", "webhooks"): Rule("admin", checks.check_everywhere),
    ("GET", "webhooks"): Rule("admin", checks.check_everywhere),
    ("GET", "webhooks/{webhook_id}"): Rule("admin", checks.check_everywhere),
    ("PATCH", "webhooks/{webhook_id}"): Rule("admin", checks.check_everywhere),
    ("DELETE", "webhooks/{webhook_id}"): Rule("admin", checks.check_everywhere),
    ("POST", "webhooks/{webhook_id}/test"): Rule("admin", checks.check_everywhere),
}
