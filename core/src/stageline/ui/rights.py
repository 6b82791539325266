"""Whether a reader may open a page or send its form: judged before the view, by what its address and fields name.

What names neither an experiment, a run nor a model concerns all of them, and is refused to whoever may not read all,
unless the view says that it judges itself: then it shows to each reader what they may see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.errors import NotAllowed
from stageline.server.caller import RIGHTS
from stageline.ui.guest import Guest

if TYPE_CHECKING:
    from stageline.server.caller import Caller, Right
    from stageline.ui.page import Page
    from stageline.ui.view import View


def check(page: Page, view: View, named: dict[str, str]) -> None:
    """Let the request through to the view, which is asked with what the path has `named`.

    Raises:
        NotAllowed: the reader may not.
        NotFound: an experiment or a run that is named is not there.
    """
    caller = page.caller
    if caller.is_unlimited or view.right == "none":
        return
    right: Right = view.right or ("read" if page.request.method in ("GET", "HEAD") else "write")
    assert right in RIGHTS
    runs = {*page.query.getlist("run"), *page.form.getlist("run")}
    if "run_id" in named:
        runs.add(named["run_id"])
    runs.discard("")
    experiments = {
        page.experiment_of(run_id) for run_id in runs if not _is_theirs(page, right, run_id)
    }
    if "experiment_id" in named:
        experiments.add(named["experiment_id"])
    for experiment_id in experiments:
        name = page.workspace.experiments.get(experiment_id).name
        _demand(caller, right, f"experiment {name}", caller.may(right, experiment=name))
    if "name" in named:
        model = named["name"]
        _demand(caller, right, f"model {model}", caller.may(right, model=model))
    names_nothing = not (runs or experiments or "name" in named or view.judges_itself)
    if view.concerns_all or names_nothing:
        _demand(caller, right, "all experiments and models", caller.may_all(right))


def _is_theirs(page: Page, right: Right, run_id: str) -> bool:
    """Whether a guest may read the run though they may not read its experiment."""
    caller = page.caller
    if right != "read" or not isinstance(caller, Guest) or caller.reads_run is None:
        return False
    if caller.may_all("read", of="experiments"):
        return False  # then there is no need to look at the run
    return caller.reads_run(page.workspace.runs.get(run_id).data.tags)


def _demand(caller: Caller, right: Right, thing: str, may: bool) -> None:
    if not may:
        raise NotAllowed(
            f"{caller.name} has no right to {right} {thing}: ask whoever runs this server for it"
        )
