"""Steps of a project: what runs, what is skipped and why, what each may see, and how a failure ends."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from stageline import RunStatus, Workspace
from stageline.domain.run import Run
from stageline.domain.task_tags import TAG_CACHED_FROM
from stageline.errors import InvalidInput, RunFailed
from stageline.projects.steps.preview import Preview
from stageline.projects.tags import TAG_STEP
from stageline.storage import layout

PROJECT = """
    name: letters
    entry_points:
      write: {parameters: {text: {default: abc}}, command: "printf %s {text} > data/letters.txt"}
      count: {command: "wc -c < data/letters.txt > count.txt"}
      upper: {command: "tr a-z A-Z < data/letters.txt > upper.txt"}
      join: {command: "cat count.txt upper.txt > joined.txt"}
    steps:
      - {name: write, outputs: [data/letters.txt]}
      - {name: count, inputs: [data/letters.txt], outputs: [count.txt]}
      - {name: upper, inputs: [data/letters.txt], outputs: [upper.txt]}
      - {name: join, inputs: [count.txt, upper.txt], outputs: [joined.txt]}
"""
MakeProject = Callable[..., Path]


def children(workspace: Workspace, parent: str) -> dict[str, Run]:
    runs = workspace.search_runs(["0"])
    return {run.data.tags[TAG_STEP]: run for run in runs if run.parent_run_id == parent}


def run_all(workspace: Workspace, folder: Path, **options: object) -> dict[str, Run]:
    submitted = workspace.projects.run(folder, **options)  # type: ignore[arg-type]
    assert submitted.get_status() == "FINISHED"
    return children(workspace, submitted.run_id)


def ran(runs: dict[str, Run]) -> set[str]:
    """The steps that were not skipped."""
    return {name for name, run in runs.items() if TAG_CACHED_FROM not in run.data.tags}


def verdicts(previews: list[Preview]) -> dict[str, str]:
    return {one.step: one.verdict for one in previews}


def test_steps_are_children_of_one_run_and_keep_what_they_make(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=PROJECT)
    submitted = workspace.projects.run(folder, parameters={"text": "hello"})
    parent = workspace.runs.get(submitted.run_id)
    assert (parent.info.status, parent.data.params) == (RunStatus.FINISHED, {"text": "hello"})
    runs = children(workspace, submitted.run_id)
    assert runs.keys() == {"write", "count", "upper", "join"}
    assert {run.info.run_name for run in runs.values()} == runs.keys()
    assert runs["write"].data.params == {"text": "hello"}
    joined = workspace.artifacts(runs["join"].info.run_id).read("joined.txt")
    assert joined.decode().split() == ["5", "HELLO"]
    (data,) = runs["count"].inputs.dataset_inputs
    assert data.dataset.name == "data/letters.txt"
    assert runs["write"].info.run_id in data.dataset.source
    assert [path.name for path in folder.iterdir()] == ["MLproject"], "the project is as it was"


def test_what_is_unchanged_is_skipped_and_linked_to_the_run_that_made_it(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=PROJECT)
    first = run_all(workspace, folder)
    second = run_all(workspace, folder)
    assert ran(first) == first.keys()
    assert ran(second) == set()
    for name, run in second.items():
        assert run.data.tags[TAG_CACHED_FROM] == first[name].info.run_id
        assert run.info.status is RunStatus.FINISHED
    third = run_all(workspace, folder, parameters={"text": "xyz"})
    assert ran(third) == third.keys()
    assert ran(run_all(workspace, folder)) == set(), "what was made first is still there"


def test_any_machine_skips_what_another_has_made(
    workspace: Workspace, make_project: MakeProject, tmp_path: Path
) -> None:
    run_all(workspace, make_project(MLproject=PROJECT))
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "MLproject").write_text(textwrap.dedent(PROJECT))
    other = Workspace.open(workspace.settings.store, cache=str(tmp_path / "other"))
    assert ran(run_all(other, elsewhere)) == set()


def test_change_of_code_runs_the_steps_that_may_read_it(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(
        MLproject="""
            steps:
              - {name: a, entry_point: a.sh, code: [a.sh], outputs: [a.txt]}
              - {name: b, entry_point: b.sh, outputs: [b.txt]}
        """,
        a_sh="echo a > a.txt",
        b_sh="echo b > b.txt",
    )
    run_all(workspace, folder)
    (folder / "b.sh").write_text("echo B > b.txt")
    found = workspace.projects.preview(folder)
    assert verdicts(found) == {"a": "skip", "b": "run"}
    assert found[1].reason == "code changed: b.sh"
    assert ran(run_all(workspace, folder)) == {"b"}
    (folder / "more.sh").touch()
    (folder / ".hidden").touch()
    assert ran(run_all(workspace, folder)) == {"b"}


def test_dry_run_says_what_would_run_and_why(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=PROJECT)
    first = workspace.projects.preview(folder)
    assert (first[0].verdict, first[0].reason) == ("run", "it was not run before")
    assert verdicts(first[1:]) == {"count": "depends", "upper": "depends", "join": "depends"}
    assert not Path(workspace.settings.store).exists()
    runs = run_all(workspace, folder)
    assert set(verdicts(workspace.projects.preview(folder)).values()) == {"skip"}
    told = workspace.projects.describe(folder, parameters={"text": "xyz"})
    assert "text was abc, is xyz" in told
    assert "printf %s xyz > data/letters.txt" in told
    assert runs["write"].info.run_id in workspace.projects.describe(folder)
    fresh = workspace.projects.preview(folder, refresh=["upper"])
    assert verdicts(fresh) == {"write": "skip", "count": "skip", "upper": "run", "join": "depends"}


def test_refresh_and_no_cache_run_again(workspace: Workspace, make_project: MakeProject) -> None:
    folder = make_project(MLproject=PROJECT)
    run_all(workspace, folder)
    only = ran(run_all(workspace, folder, refresh=["upper"]))
    assert only == {"upper"}, "it made the same, so nothing else has changed"
    assert len(ran(run_all(workspace, folder, use_cache=False))) == 4
    with pytest.raises(InvalidInput, match="no step 'lower'; there are: write, count"):
        workspace.projects.run(folder, refresh=["lower"])


def test_result_of_a_deleted_run_is_made_again(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=PROJECT)
    runs = run_all(workspace, folder)
    workspace.runs.delete(runs["upper"].info.run_id)
    assert ran(run_all(workspace, folder)) == {"upper"}
    workspace.artifacts(runs["write"].info.run_id).delete("data/letters.txt")
    assert ran(run_all(workspace, folder)) == {"write"}


def test_damaged_entry_of_the_cache_is_passed_by(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=PROJECT)
    run_all(workspace, folder)
    for entry in workspace.store.list(layout.STEPS):
        workspace.store.replace(entry.key, b"{")
    assert len(ran(run_all(workspace, folder))) == 4


def test_failed_step_stops_what_needs_it_and_nothing_else(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=PROJECT.replace("tr a-z A-Z <", "echo no >&2; exit 3;"))
    with pytest.raises(RunFailed, match="the step upper failed: exit code 3: no; not run: join"):
        workspace.projects.run(folder)
    parent = next(run for run in workspace.search_runs(["0"]) if run.parent_run_id is None)
    assert parent.info.status is RunStatus.FAILED
    runs = children(workspace, parent.info.run_id)
    assert {name: run.info.status for name, run in runs.items()} == {
        "write": RunStatus.FINISHED,
        "count": RunStatus.FINISHED,
        "upper": RunStatus.FAILED,
    }
    (folder / "MLproject").write_text(textwrap.dedent(PROJECT))
    assert ran(run_all(workspace, folder)) == {"upper", "join"}


def test_output_that_is_not_made_is_a_failure(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(
        MLproject="steps: [{name: a, entry_point: a.sh, outputs: [x, y/z]}]", a_sh="touch x"
    )
    with pytest.raises(RunFailed, match="it did not make y/z"):
        workspace.projects.run(folder)
    assert ran(run_all(workspace, make_project(a_sh="touch x y/z"))) == {"a"}


def test_step_sees_its_code_and_inputs_and_nothing_that_was_left_behind(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(
        MLproject="""
            steps:
              - {name: a, entry_point: a.sh, inputs: [raw], outputs: [made/a.txt]}
              - {name: look, entry_point: look.sh, needs: [a], outputs: [seen.txt]}
        """,
        a_sh="cat raw/*.csv > made/a.txt",
        look_sh='seen=$(find . -type f | sort); echo "$seen" > seen.txt',
        lib_py="",
    )
    for name in ("raw/one.csv", "made/a.txt", "seen.txt", ".env", ".venv/x", "__pycache__/x"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("left behind")
    runs = run_all(workspace, folder)
    seen = workspace.artifacts(runs["look"].info.run_id).read("seen.txt").decode().split()
    assert seen == ["./a.sh", "./lib.py", "./look.sh"]
    assert workspace.artifacts(runs["a"].info.run_id).read("made/a.txt") == b"left behind"


def test_data_at_a_url_counts_by_its_content(
    workspace: Workspace, make_project: MakeProject, tmp_path: Path
) -> None:
    data = tmp_path / "data.csv"
    data.write_text("1")
    folder = make_project(
        MLproject=f"""
            entry_points:
              a: {{parameters: {{table: path}}, command: "cat {{table}} > a.txt"}}
            steps:
              - {{name: a, inputs: ['{data.as_uri()}'], outputs: [a.txt]}}
        """
    )
    table = tmp_path / "table.csv"
    table.write_text("x")
    given = {"parameters": {"table": str(table)}}
    run_all(workspace, folder, **given)
    assert ran(run_all(workspace, folder, **given)) == set()
    data.write_text("2")
    assert ran(run_all(workspace, folder, **given)) == {"a"}
    table.write_text("y")
    assert ran(run_all(workspace, folder, **given)) == {"a"}
    moved = table.rename(tmp_path / "moved.csv")
    assert ran(run_all(workspace, folder, parameters={"table": str(moved)})) == set()


@pytest.mark.parametrize(
    ("parameters", "match"),
    [
        (
            {"alpha": 1},
            r"no step takes 'alpha': they take text; one step alone is meant by write\.alpha",
        ),
        ({"other.text": 1}, "no step takes 'other.text'"),
    ],
)
def test_values_that_no_step_takes_are_refused_before_anything_runs(
    workspace: Workspace, make_project: MakeProject, parameters: dict[str, object], match: str
) -> None:
    with pytest.raises(InvalidInput, match=match):
        workspace.projects.run(make_project(MLproject=PROJECT), parameters=parameters)
    assert list(workspace.search_runs(["0"])) == []


def test_input_that_nobody_has_is_told(workspace: Workspace, make_project: MakeProject) -> None:
    folder = make_project(
        MLproject="steps: [{name: a, entry_point: a.sh, inputs: [gone.csv]}]", a_sh=""
    )
    with pytest.raises(RunFailed, match=r"reads 'gone.csv', but there is no such file"):
        workspace.projects.run(folder)


def test_main_is_run_by_its_name_where_there_are_steps(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(
        MLproject="""
            entry_points: {main: {command: echo main}}
            steps: [{name: a, entry_point: a.sh}]
        """,
        a_sh="",
    )
    assert run_all(workspace, folder).keys() == {"a"}
    submitted = workspace.projects.run(folder, "main")
    assert children(workspace, submitted.run_id) == {}
    with pytest.raises(InvalidInput, match="not by the backend 'kubernetes'"):
        workspace.projects.run(folder, backend="kubernetes")
