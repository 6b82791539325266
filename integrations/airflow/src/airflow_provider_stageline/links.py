"""Buttons on a task's page in Airflow: to the run of the task, and to the model version that it made or moved."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

Page = Callable[[], "str | None"]

_log = logging.getLogger("stageline")

_runs: dict[tuple[Any, ...], tuple[str, Page]] = {}
_model_versions: dict[tuple[Any, ...], Page] = {}
# Airflow asks for links in the process of the task, when it has ended, and keeps what it is told.


class RunLink(BaseOperatorLink):
    """To the run of the task: where the connection says that the pages are, else in Airflow."""

    @property
    def name(self) -> str:
        """What the button says."""
        return "Stageline run"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The page's URL; empty if nothing is recorded, or there are no pages."""
        found = _runs.get(_key(ti_key))
        return _told(found[1]) if found else ""


class ModelVersionLink(BaseOperatorLink):
    """To the model version that the task registered, asked for or moved."""

    @property
    def name(self) -> str:
        """What the button says."""
        return "Model version"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """The page's URL; empty if the task has to do with none, or there are no pages."""
        found = _model_versions.get(_key(ti_key))
        return _told(found) if found else ""


def note_run(ti: Any, run_id: str, page: Page) -> None:
    """Remember, for as long as this process lives, which run the task instance is."""
    _runs[_key(ti)] = run_id, page


def noted_run(ti: Any) -> str | None:
    """The run of a task instance that this process has recorded."""
    found = _runs.get(_key(ti))
    return found[0] if found else None


def note_model_version(ti: Any, page: Page) -> None:
    """Remember which model version the task instance has to do with."""
    _model_versions[_key(ti)] = page


def _key(ti: Any) -> tuple[Any, ...]:
    return ti.dag_id, ti.task_id, ti.run_id, ti.map_index


def _told(page: Page) -> str:
    try:
        return page() or ""
    except Exception as error:  # the task has ended well: a button is no reason to say otherwise
        _log.warning("no link: %s: %s", type(error).__name__, error)
        return ""
