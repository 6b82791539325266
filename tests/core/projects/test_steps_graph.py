"""Which step comes after which, as the MLproject file says it; and that any graph is run in its order."""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stageline.errors import InvalidInput, NotFound, RunFailed
from stageline.projects import read_steps
from stageline.projects.steps.graph import after, linked
from stageline.projects.steps.inputs import StepResult
from stageline.projects.steps.pipeline import Pipeline
from stageline.projects.steps.step import Step


def steps_of(folder: Path, text: str) -> tuple[Step, ...]:
    (folder / "MLproject").write_text(text)
    return read_steps(folder)


def test_steps_need_those_that_make_what_they_read(tmp_path: Path) -> None:
    steps = steps_of(
        tmp_path,
        """
        entry_points:
          fit: {parameters: {data: {type: path, default: data/train.csv}}, command: "fit {data}"}
        steps:
          - {name: report, entry_point: report.sh, inputs: [models], needs: [check]}
          - {name: fit, outputs: [models/a.json]}
          - {name: check, entry_point: check.py}
          - {name: split, entry_point: split.py, outputs: [data], code: [lib]}
        """,
    )
    assert [step.name for step in steps] == ["check", "split", "fit", "report"]
    needs = {step.name: step.needs for step in steps}
    assert needs == {"check": (), "split": (), "fit": ("split",), "report": ("check", "fit")}
    by_name = {step.name: step for step in steps}
    assert by_name["fit"].inputs == ("data/train.csv",), "the project's own path is an input"
    assert by_name["split"].code == ("lib", "split.py"), "a script is code of its step"
    assert after(steps, "split") == ["fit", "report"]


def test_file_of_any_name_is_read_without_its_project(tmp_path: Path) -> None:
    (tmp_path / "churn.yaml").write_text("steps: [{name: load, entry_point: gone.py}]")
    assert [step.name for step in read_steps(tmp_path / "churn.yaml")] == ["load"]
    with pytest.raises(NotFound, match="no MLproject file at"):
        read_steps(tmp_path / "gone.yaml")
    with pytest.raises(NotFound, match="no MLproject file at"):
        read_steps(tmp_path)


@pytest.mark.parametrize(
    ("steps", "match"),
    [
        ("[{name: a}, {name: a}]", "two steps are named 'a'"),
        ("[{name: a, needs: [b]}]", "needs 'b', which is no step; there are a"),
        ("[{name: a, needs: [b]}, {name: b, needs: [a]}]", "wait for each other: (a -> b|b -> a)"),
        ("[{name: a, needs: [a]}]", "wait for each other: a -> a"),
        ("[{name: a, outputs: [x]}, {name: b, outputs: [x/y]}]", "'a' and 'b' both make 'x/y'"),
        ("[{name: a, inputs: [x], outputs: [x/y]}]", "reads what it makes, 'x/y'"),
        ("[{name: a, outputs: [../x]}]", "'../x' is no path in the project"),
        ("[{name: a, outputs: [/x]}]", "'/x' is no path in the project"),
        ("[{name: a, inputs: ['.']}]", r"'\.' is no path in the project"),
        ("[{name: a, outputs: ['s3://b/x']}]", "outputs are files and folders of the project"),
        ("[{name: a, outputs: [project/x]}]", "where its printed output goes"),
        ("[{name: a, outputs: {x: y}}]", "its outputs should be a list of texts"),
        ("[{name: a, parameters: [x]}]", "its parameters should be values by name"),
        ("[{name: a, outptus: [x]}]", "did you mean 'outputs'"),
        ("[{name: a, entry_point: 3}]", "its entry_point should be a name"),
        ("[{}]", "a step has a name"),
        ("[{entry_point: a.py}]", "a step has a name"),
    ],
)
def test_what_is_no_graph_is_refused(tmp_path: Path, steps: str, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        steps_of(tmp_path, f"steps: {steps}")


@st.composite
def graphs(draw: st.DrawFn) -> tuple[tuple[Step, ...], frozenset[str]]:
    """Steps in any order of listing, and which of them fail."""
    count = draw(st.integers(1, 9))
    names = [f"s{number}" for number in range(count)]
    steps = []
    for number, name in enumerate(names):
        before = draw(st.lists(st.sampled_from(names[:number]), unique=True)) if number else []
        by_file = [one for one in before if draw(st.booleans())]
        steps.append(
            Step(
                name=name,
                entry_point=name,
                outputs=(f"out/{name}",),
                inputs=tuple(f"out/{one}" for one in by_file),
                needs=tuple(one for one in before if one not in by_file),
            )
        )
    listed = draw(st.permutations(steps))
    failing = draw(st.frozensets(st.sampled_from(names), max_size=2))
    return linked(listed, {}, "test"), failing


@given(graphs(), st.integers(1, 4), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_each_step_runs_at_most_once_and_after_all_that_it_needs(
    graph: tuple[tuple[Step, ...], frozenset[str]], width: int, chance: random.Random
) -> None:
    steps, failing = graph
    lock = threading.Lock()
    begun: list[str] = []
    done: set[str] = set()
    side_by_side = [0, 0]

    def run_step(step: Step, upstream: object, began: object) -> StepResult:
        with lock:
            begun.append(step.name)
            assert set(step.needs) <= done
            side_by_side[0] += 1
            side_by_side[1] = max(side_by_side)
        with lock:
            side_by_side[0] -= 1
            if step.name in failing:
                raise RunFailed("no luck")
            done.add(step.name)
        return StepResult(step=step.name, run_id="r", made_by="r", outputs={})

    pipeline = Pipeline(steps, run_step, width)
    exit_ = pipeline.run()
    blocked = {late for name in failing for late in after(steps, name)}
    assert len(begun) == len(set(begun))
    assert set(begun) >= {step.name for step in steps} - blocked - failing
    assert done == {step.name for step in steps} - blocked - failing
    assert side_by_side[1] <= width
    assert (exit_.code == 0) == (not failing)
    for name in failing - blocked:
        assert f"the step {name} failed: no luck" in (exit_.detail or "")
