"""Steps that are stopped, run one by one, or from the command line; and what they leave in the store for ever."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from processes import Script, until

from stageline import RunStatus, Workspace
from stageline.domain.document import decode_document
from stageline.domain.run import Run
from stageline.errors import Conflict, InvalidInput
from stageline.projects.steps.cache import MADE_FORMAT, Made
from stageline.projects.steps.facts import Facts
from stageline.projects.tags import TAG_STEP
from stageline.storage import layout

FORMATS = Path(__file__).parents[1] / "fixtures" / "formats"

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


def test_cancelling_stops_the_steps_that_run_and_begins_no_other(
    workspace: Workspace, make_project: MakeProject, tmp_path: Path
) -> None:
    flag = tmp_path / "begun"
    folder = make_project(
        MLproject="""
            steps:
              - {name: a, entry_point: a.sh, outputs: [a.txt]}
              - {name: b, entry_point: b.sh, inputs: [a.txt]}
        """,
        a_sh=f"touch {flag}; sleep 600",
        b_sh="",
    )
    submitted = workspace.projects.run(folder, synchronous=False)
    until(flag.exists, "the first step begins")
    submitted.cancel("enough")
    parent = workspace.runs.get(submitted.run_id)
    assert (parent.info.status, parent.info.reason) == (RunStatus.KILLED, "enough")
    runs = children(workspace, submitted.run_id)
    assert {name: run.info.status for name, run in runs.items()} == {"a": RunStatus.KILLED}
    assert "the run of all steps was stopped" in (runs["a"].info.reason or "")


def test_ctrl_c_ends_the_steps_and_the_run_of_all(
    workspace: Workspace,
    make_project: MakeProject,
    command_line: Callable[..., Script],
    tmp_path: Path,
) -> None:
    flags = [tmp_path / name for name in "ab"]
    folder = make_project(
        MLproject="steps: [{name: a, entry_point: a.sh}, {name: b, entry_point: b.sh}]",
        a_sh=f"touch {flags[0]}; exec sleep 600",
        b_sh=f"touch {flags[1]}; exec sleep 600",
    )
    with command_line("run", str(folder), "--max-parallel", "2") as process:
        until(lambda: all(flag.exists() for flag in flags), "both steps run")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    assert process.returncode == 130
    runs = workspace.search_runs(["0"])
    assert [run.info.status for run in runs] == [RunStatus.KILLED] * 3
    parent = next(run for run in runs if run.parent_run_id is None)
    assert parent.info.reason == "KeyboardInterrupt"


def test_plan_and_steps_by_themselves_are_plain_json(
    workspace: Workspace, make_project: MakeProject
) -> None:
    folder = make_project(MLproject=PROJECT)
    plan = json.loads(json.dumps(workspace.projects.plan(folder, {"text": "xyz"})))
    assert plan["version"] is None
    results: dict[str, object] = {}
    for step in plan["steps"]:
        upstream = {name: results[name] for name in step["needs"]}
        with workspace.runs.create(run_name="a task") as task:
            result = workspace.projects.run_step(
                folder,
                step["name"],
                {"text": "xyz"},
                upstream=upstream,
                parent_run_id=task.run_id,  # type: ignore[arg-type]
            )
        results[step["name"]] = json.loads(json.dumps(result))
    assert results.keys() == {"write", "count", "upper", "join"}
    again = workspace.projects.run_step(folder, "write", {"text": "xyz"})
    assert again["made_by"] == results["write"]["made_by"] != again["run_id"]  # type: ignore[index]
    with pytest.raises(InvalidInput, match="needs what came of count, upper"):
        workspace.projects.run_step(folder, "join")
    (folder / "MLproject").unlink()
    with pytest.raises(InvalidInput, match="has no steps"):
        workspace.projects.plan(folder)


def test_command_line_runs_and_explains_steps(
    workspace: Workspace, make_project: MakeProject, command_line: Callable[..., Script]
) -> None:
    folder = make_project(MLproject=PROJECT)
    with command_line("run", str(folder), "--max-parallel", "1") as process:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0
    assert "write: run " in err
    assert err.splitlines()[-1].endswith("is finished")
    with command_line(
        "run", str(folder), "--dry-run", "--refresh", "upper", "--no-cache"
    ) as process:
        out, _ = process.communicate(timeout=120)
    assert out.count("nothing is to be skipped") == 4


@pytest.mark.parametrize("name", ["a.sh", "data.csv"])
def test_file_that_changes_while_it_is_copied_makes_nothing(
    workspace: Workspace, make_project: MakeProject, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    folder = make_project(
        MLproject="steps: [{name: a, entry_point: a.sh, inputs: [data.csv], outputs: [a.txt]}]",
        a_sh="cp data.csv a.txt",
        data_csv="1",
    )
    copy = shutil.copy

    def write_and_copy(source: Path, target: Path) -> None:
        if Path(source).name == name:
            (folder / name).write_text("true")
        copy(source, target)

    monkeypatch.setattr(shutil, "copy", write_and_copy)
    with pytest.raises(Conflict, match=f"{name} in the project changed while it was copied"):
        workspace.projects.run_step(folder, "a")
    assert list(workspace.store.list(layout.STEPS)) == []


def test_what_a_step_made_stays_readable() -> None:
    data = (FORMATS / "step-1.json").read_bytes()
    made, _ = decode_document(data, Made, MADE_FORMAT, "step-1.json")
    assert made.facts.key == "dbac858984d5b47e07f74e3a23f3e773a07ffad5f33dc5519cc8e5e5bf5453cc"
    assert made == Made(
        run_id="0190a0b0c0d07abc8def001122334455",
        step="fit",
        facts=Facts(
            entry_point="fit.py",
            command="python fit.py",
            parameters={"alpha": "0.5", "db_password": "***"},
            environment="e1",
            code={"fit.py": "c1"},
            inputs={"data": "d1"},
            outputs=["model.json"],
        ),
        outputs={"model.json": "o1"},
    )
