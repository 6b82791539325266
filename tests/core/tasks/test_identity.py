"""Ids that every host derives alike."""

from __future__ import annotations

import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from stageline.tasks import PipelineIdentity, TaskIdentity

NAMES = st.text(max_size=20)


def identity(**changes: object) -> TaskIdentity:
    known: dict[str, object] = {
        "orchestrator": "o",
        "pipeline": "p",
        "pipeline_run": "r",
        "task": "t",
    }
    return TaskIdentity(**{**known, **changes})  # type: ignore[arg-type]


def test_attempt_name_and_links_do_not_change_the_run_id():
    again = identity(attempt=3, display_name="x", links={"ui": "http://x"}, pipeline="renamed")
    assert identity().run_id == again.run_id


def test_mapped_runs_have_ids_of_their_own():
    ids = {identity(index=index).run_id for index in (None, 0, 1, 10)}
    assert len(ids) == 4


def test_the_parent_of_a_task_is_the_run_of_its_pipeline_run():
    parent = PipelineIdentity(orchestrator="o", pipeline="p", pipeline_run="r")
    assert identity().parent_run_id == parent.run_id
    assert parent.parent_run_id is None


def test_a_called_pipeline_nests_under_its_caller():
    outer = PipelineIdentity(orchestrator="o", pipeline="p", pipeline_run="r")
    inner = PipelineIdentity(
        orchestrator="o", pipeline="q", pipeline_run="s", parent_pipeline_run="r"
    )
    assert inner.parent_run_id == outer.run_id


def test_a_task_by_itself_has_no_parent():
    assert identity(pipeline_run=None, task_run="7").parent_run_id is None


@given(NAMES, NAMES, NAMES, NAMES)
def test_no_two_tasks_share_an_id(run: str, task: str, other_run: str, other_task: str):
    same = (run, task) == (other_run, other_task)
    one, two = (
        identity(pipeline_run=run, task=task),
        identity(pipeline_run=other_run, task=other_task),
    )
    assert (one.run_id == two.run_id) is same


def test_importing_tasks_costs_a_pipeline_parser_next_to_nothing():
    program = (
        "import sys, stageline.tasks; stageline.tasks.Tracking(); stageline.tasks.TaskIdentity; "
        "print([m for m in ('pydantic', 'fsspec', 'sqlite3', 'stageline.tracking.runs') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
