"""Search over runs and experiments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, overload

from stageline.domain.run import (
    Run,
    ViewType,
)
from stageline.errors import InvalidInput
from stageline.fluent.session import Session, get_workspace, set_experiment

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from stageline.domain.experiment import Experiment


@overload
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> pd.DataFrame: ...
@overload
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    *,
    output_format: Literal["list"],
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> list[Run]: ...
def search_runs(
    experiment_ids: Sequence[str] | None = None,
    filter_string: str = "",
    run_view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int = 100_000,
    order_by: Sequence[str] | None = None,
    output_format: Literal["pandas", "list"] = "pandas",
    search_all_experiments: bool = False,
    experiment_names: Sequence[str] | None = None,
) -> pd.DataFrame | list[Run]:
    """Runs by filter and order.

    Args:
        experiment_ids: Where to look; default: the experiment of new runs.
        filter_string: Comparisons joined by AND, such as `metrics.rmse < 0.8 and params.alpha = '0.5'`.
        run_view_type: Active runs, deleted ones, or all.
        max_results: At most so many.
        order_by: Such as `["metrics.rmse ASC"]`; default: the newest first.
        output_format: `pandas` for a frame, one row a run; `list` for `Run` objects.
        search_all_experiments: Look everywhere, if neither ids nor names are given.
        experiment_names: The experiments by name; those that do not exist are passed over.

    Raises:
        InvalidInput: the filter or an ordering is not valid, both ids and names are given, or pandas is not installed.
    """
    ids = _experiments_to_search(experiment_ids, experiment_names, search_all_experiments)
    view = as_view(run_view_type)
    found: list[Run] = []
    token: str | None = None
    while len(found) < max_results:
        page = get_workspace().search_runs(
            ids, filter_string, view, min(1000, max_results - len(found)), order_by or (), token
        )
        found += page
        token = page.token
        if token is None:
            break
    if output_format == "list":
        return found
    if output_format != "pandas":
        raise InvalidInput(f"output_format should be 'pandas' or 'list', not {output_format!r}")
    from stageline.tracking.frame import runs_frame

    return runs_frame(found)


def as_view(view: ViewType | int) -> ViewType:
    """A view, also by the number that the field's clients give: 1 active, 2 deleted, 3 all."""
    if isinstance(view, ViewType):
        return view
    try:
        return list(ViewType)[int(view) - 1]
    except (ValueError, IndexError):
        raise InvalidInput(f"a view is one of {', '.join(ViewType)}, not {view!r}") from None


def _experiments_to_search(
    ids: Sequence[str] | None, names: Sequence[str] | None, everywhere: bool
) -> list[str]:
    if ids and names:
        raise InvalidInput("Only experiment_ids or experiment_names can be used, but not both")
    if ids:
        return [str(experiment_id) for experiment_id in ids]
    if names:
        found = (get_workspace().experiments.find_by_name(name) for name in names)
        return [experiment.experiment_id for experiment in found if experiment is not None]
    if everywhere:
        return [experiment.experiment_id for experiment in get_workspace().experiments.list()]
    if Session.experiment_name and not Session.experiment_id:
        return [set_experiment(Session.experiment_name).experiment_id]
    return [Session.experiment_id or "0"]


def search_experiments(
    view_type: ViewType | int = ViewType.ACTIVE_ONLY,
    max_results: int | None = None,
    filter_string: str | None = None,
    order_by: Sequence[str] | None = None,
) -> list[Experiment]:
    """Experiments by filter and order; arguments as of `search_runs`."""
    view = as_view(view_type)
    found: list[Experiment] = []
    token: str | None = None
    while max_results is None or len(found) < max_results:
        left = 1000 if max_results is None else min(1000, max_results - len(found))
        page = get_workspace().search_experiments(
            view, left, filter_string or "", order_by or (), token
        )
        found += page
        token = page.token
        if token is None:
            break
    return found
