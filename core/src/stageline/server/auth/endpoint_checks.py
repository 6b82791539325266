"""The checks of the protocol's rules: who may ask this, what of a search, and what of an answer is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.server.auth.access import Access, field

if TYPE_CHECKING:
    from stageline.server.caller import Right

Ask = Any
Check = Callable[[Access, "Right", Ask], Ask]
"""Raises, or returns what to ask instead: of a search, less."""
Filter = Callable[[Access, Any], Any]
"""The answer without what the caller may not read."""


def check_nothing(access: Access, right: Right, ask: Ask) -> Ask:
    return ask


def check_everywhere(access: Access, right: Right, ask: Ask) -> Ask:
    access.check_all(right)
    return ask


def check_experiment(access: Access, right: Right, ask: Ask) -> Ask:
    # As `runs/create` has it, an experiment that is not named is the default one.
    access.check_experiment(right, ask.experiment_id or "0")
    if field(ask, "new_name"):
        access.check_experiment_name(right, ask.new_name)
    if field(ask, "source_run_id"):
        access.check_run(right, ask.source_run_id)
    return ask


def check_experiment_name(access: Access, right: Right, ask: Ask) -> Ask:
    access.check_experiment_name(right, field(ask, "experiment_name") or field(ask, "name") or "")
    return ask


def check_runs(access: Access, right: Right, ask: Ask) -> Ask:
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


def check_within(access: Access, right: Right, ask: Ask) -> Ask:
    return msgspec.structs.replace(
        ask, experiment_ids=access.readable_experiments(ask.experiment_ids)
    )


def check_within_some(access: Access, right: Right, ask: Ask) -> Ask:
    less = check_within(access, right, ask)
    if (
        ask.experiment_ids and not less.experiment_ids
    ):  # a search in none would be a mistake of ours
        access.check_experiment(right, ask.experiment_ids[0])
    return less


def check_model(access: Access, right: Right, ask: Ask) -> Ask:
    access.check_model(right, ask.name or "")
    if field(ask, "new_name"):
        access.check_model(right, ask.new_name)
    return ask


def check_new_version(access: Access, right: Right, ask: Ask) -> Ask:
    check_model(access, right, ask)
    if ask.run_id:
        access.check_run("read", ask.run_id)
    if ask.model_id:
        access.check_logged_model("read", ask.model_id)
    return ask  # its source is judged where it is read


def check_logged_model(access: Access, right: Right, ask: Ask) -> Ask:
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


EXPERIMENTS = _kept("experiments", _by_experiment)
MODELS = _kept("registered_models", _by_model)
VERSIONS = _kept("model_versions", _by_model)
