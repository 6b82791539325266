"""What each endpoint of MLflow's protocol demands of its caller. An endpoint that is not here is refused.

What is looked at is what the endpoint is about to be asked, after it was read: there are no two readings of a request
that could differ.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from stageline.server.auth.access import Access, field

if TYPE_CHECKING:
    from stageline.server.caller import Right

Ask = Any
Check = Callable[[Access, "Right", Ask], Ask]
"""Raises, or returns what to ask instead: of a search, less."""
Filter = Callable[[Access, Any], Any]
"""The answer without what the caller may not read."""


class Rule(NamedTuple):
    """Of one endpoint."""

    right: Right
    check: Check
    shown: Filter | None = None


def _anything(access: Access, right: Right, ask: Ask) -> Ask:
    return ask


def _everywhere(access: Access, right: Right, ask: Ask) -> Ask:
    access.check_all(right)
    return ask


def _experiment(access: Access, right: Right, ask: Ask) -> Ask:
    # As `runs/create` has it, an experiment that is not named is the default one.
    access.check_experiment(right, ask.experiment_id or "0")
    if field(ask, "new_name"):
        access.check_experiment_name(right, ask.new_name)
    if field(ask, "source_run_id"):
        access.check_run(right, ask.source_run_id)
    return ask


def _experiment_name(access: Access, right: Right, ask: Ask) -> Ask:
    access.check_experiment_name(right, field(ask, "experiment_name") or field(ask, "name") or "")
    return ask


def _runs(access: Access, right: Right, ask: Ask) -> Ask:
    single = [field(ask, "run_id"), field(ask, "run_uuid"), *(field(ask, "run_ids") or ())]
    named = [
        one for given in single if given for one in (given if isinstance(given, list) else [given])
    ]
    for run_id in dict.fromkeys(named):
        access.check_run(right, run_id)
    points = field(ask, "metrics") or ()
    models = [field(ask, "model_id"), *(field(one, "model_id") for one in points)]
    models += [field(one, "model_id") for one in field(ask, "models") or ()]
    for model_id in dict.fromkeys(one for one in models if one):
        access.check_logged_model("read", model_id)
    return ask


def _within(access: Access, right: Right, ask: Ask) -> Ask:
    return msgspec.structs.replace(
        ask, experiment_ids=access.readable_experiments(ask.experiment_ids)
    )


def _within_some(access: Access, right: Right, ask: Ask) -> Ask:
    less = _within(access, right, ask)
    if (
        ask.experiment_ids and not less.experiment_ids
    ):  # a search in none would be a mistake of ours
        access.check_experiment(right, ask.experiment_ids[0])
    return less


def _model(access: Access, right: Right, ask: Ask) -> Ask:
    access.check_model(right, ask.name or "")
    if field(ask, "new_name"):
        access.check_model(right, ask.new_name)
    return ask


def _new_version(access: Access, right: Right, ask: Ask) -> Ask:
    _model(access, right, ask)
    if ask.run_id:
        access.check_run("read", ask.run_id)
    if ask.model_id:
        access.check_logged_model("read", ask.model_id)
    if ask.source:
        access.check_source(ask.source)
    return ask


def _logged_model(access: Access, right: Right, ask: Ask) -> Ask:
    access.check_logged_model(right, ask.model_id)
    return ask


# -- what of an answer is shown -----------------------------------------------------------------------


def _kept(name: str, is_shown: Callable[[Access, Any], bool]) -> Filter:
    def shown(access: Access, answer: Any) -> Any:
        if not isinstance(answer, dict) or name not in answer:
            return answer
        return {**answer, name: [one for one in answer[name] if is_shown(access, one)]}

    return shown


def _by_experiment(access: Access, one: Any) -> bool:
    return access.caller.may("read", experiment=one["name"])


def _by_model(access: Access, one: Any) -> bool:
    return access.caller.may("read", model=one["name"])


_EXPERIMENTS = _kept("experiments", _by_experiment)
_MODELS = _kept("registered_models", _by_model)
_VERSIONS = _kept("model_versions", _by_model)


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("GET", "server-info"): Rule("read", _anything),
    # experiments
    ("POST", "experiments/create"): Rule("write", _experiment_name),
    ("GET", "experiments/get"): Rule("read", _experiment),
    ("GET", "experiments/get-by-name"): Rule("read", _experiment_name),
    ("POST", "experiments/search"): Rule("read", _anything, _EXPERIMENTS),
    ("GET", "experiments/search"): Rule("read", _anything, _EXPERIMENTS),
    ("POST", "experiments/update"): Rule("write", _experiment),
    ("POST", "experiments/delete"): Rule("write", _experiment),
    ("POST", "experiments/restore"): Rule("write", _experiment),
    ("POST", "experiments/set-experiment-tag"): Rule("write", _experiment),
    ("POST", "experiments/delete-experiment-tag"): Rule("write", _experiment),
    # runs
    ("POST", "runs/create"): Rule("write", _experiment),
    ("POST", "runs/update"): Rule("write", _runs),
    ("GET", "runs/get"): Rule("read", _runs),
    ("POST", "runs/search"): Rule("read", _within),
    ("POST", "runs/delete"): Rule("write", _runs),
    ("POST", "runs/restore"): Rule("write", _runs),
    ("POST", "runs/log-metric"): Rule("write", _runs),
    ("POST", "runs/log-parameter"): Rule("write", _runs),
    ("POST", "runs/set-tag"): Rule("write", _runs),
    ("POST", "runs/delete-tag"): Rule("write", _runs),
    ("POST", "runs/log-batch"): Rule("write", _runs),
    ("POST", "runs/log-inputs"): Rule("write", _runs),
    ("POST", "runs/outputs"): Rule("write", _runs),
    ("POST", "runs/log-model"): Rule("write", _runs),
    ("GET", "metrics/get-history"): Rule("read", _runs),
    ("GET", "metrics/get-history-bulk"): Rule("read", _runs),
    ("GET", "metrics/get-history-bulk-interval"): Rule("read", _runs),
    ("GET", "artifacts/list"): Rule("read", _runs),
    # logged models
    ("POST", "logged-models"): Rule("write", _experiment),
    ("POST", "logged-models/search"): Rule("read", _within_some),
    ("GET", "logged-models/{model_id}"): Rule("read", _logged_model),
    ("PATCH", "logged-models/{model_id}"): Rule("write", _logged_model),
    ("DELETE", "logged-models/{model_id}"): Rule("write", _logged_model),
    ("PATCH", "logged-models/{model_id}/tags"): Rule("write", _logged_model),
    ("DELETE", "logged-models/{model_id}/tags/{tag_key}"): Rule("write", _logged_model),
    ("POST", "logged-models/{model_id}/params"): Rule("write", _logged_model),
    ("GET", "logged-models/{model_id}/artifacts/directories"): Rule("read", _logged_model),
    # registered models: what others load by stage or alias is moved by `promote`
    ("POST", "registered-models/create"): Rule("write", _model),
    ("GET", "registered-models/get"): Rule("read", _model),
    ("GET", "registered-models/search"): Rule("read", _anything, _MODELS),
    ("POST", "registered-models/search"): Rule("read", _anything, _MODELS),
    ("GET", "registered-models/get-latest-versions"): Rule("read", _model),
    ("POST", "registered-models/get-latest-versions"): Rule("read", _model),
    ("PATCH", "registered-models/update"): Rule("write", _model),
    ("POST", "registered-models/update"): Rule("write", _model),
    ("POST", "registered-models/rename"): Rule("promote", _model),
    ("DELETE", "registered-models/delete"): Rule("promote", _model),
    ("POST", "registered-models/set-tag"): Rule("write", _model),
    ("DELETE", "registered-models/delete-tag"): Rule("write", _model),
    ("GET", "registered-models/alias"): Rule("read", _model),
    ("POST", "registered-models/alias"): Rule("promote", _model),
    ("DELETE", "registered-models/alias"): Rule("promote", _model),
    # their versions
    ("POST", "model-versions/create"): Rule("write", _new_version),
    ("GET", "model-versions/get"): Rule("read", _model),
    ("GET", "model-versions/search"): Rule("read", _anything, _VERSIONS),
    ("POST", "model-versions/search"): Rule("read", _anything, _VERSIONS),
    ("GET", "model-versions/get-download-uri"): Rule("read", _model),
    ("POST", "model-versions/get-download-uri"): Rule("read", _model),
    ("PATCH", "model-versions/update"): Rule("write", _model),
    ("POST", "model-versions/update"): Rule("write", _model),
    ("DELETE", "model-versions/delete"): Rule("promote", _model),
    ("POST", "model-versions/set-tag"): Rule("write", _model),
    ("DELETE", "model-versions/delete-tag"): Rule("write", _model),
    ("POST", "model-versions/transition-stage"): Rule("promote", _model),
    # webhooks carry news of all models to anywhere
    ("POST", "webhooks"): Rule("admin", _everywhere),
    ("GET", "webhooks"): Rule("admin", _everywhere),
    ("GET", "webhooks/{webhook_id}"): Rule("admin", _everywhere),
    ("PATCH", "webhooks/{webhook_id}"): Rule("admin", _everywhere),
    ("DELETE", "webhooks/{webhook_id}"): Rule("admin", _everywhere),
    ("POST", "webhooks/{webhook_id}/test"): Rule("admin", _everywhere),
}
