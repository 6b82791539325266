"""MLproject files, parameters and commands, beside what MLflow's own code makes of them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mlflow.exceptions import ExecutionException
from mlflow.projects import _project_spec as theirs

from stageline.errors import InvalidInput
from stageline.projects.command import render_command
from stageline.projects.entry_point import EntryPoint, Parameter
from stageline.projects.mlproject import load_project
from stageline.projects.parameters import bind

values = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=20)
commands = st.lists(
    st.sampled_from(
        ["python", "fit.py", "{a}", "--b={b}", "{{x}}", "awk '{{print}}'", "|", "a{b}c"]
    ),
    max_size=6,
).map(" ".join)


@given(command=commands, a=values, b=values, extra=values)
@settings(max_examples=300, deadline=None)
def test_command_means_the_same(command: str, a: str, b: str, extra: str) -> None:
    given_ = {"a": a, "b": b, "k": extra}
    mlflows = theirs.EntryPoint("main", {"a": "string", "b": "string"}, command)
    ours = EntryPoint("main", command, (Parameter("a"), Parameter("b")))
    bound = bind(ours, given_)
    line = render_command(ours, bound.declared, bound.extra)
    assert shlex.split(line) == shlex.split(mlflows.compute_command(given_, None))


PROJECT = """
name: demand
entry_points:
  main:
    parameters: {depth: float, rate: {type: float, default: 0.1}, flag: {default: true}, data: path, n: int}
    command: "python fit.py {depth}"
  other: {command: "true"}
"""


def test_file_is_read_the_same(tmp_path: Path) -> None:
    (tmp_path / "mlProject").write_text(PROJECT)
    mlflows, ours = theirs.load_project(str(tmp_path)), load_project(tmp_path)
    assert ours.name == mlflows.name
    for name in ("main", "other"):
        entry, their_entry = ours.entry_point(name), mlflows.get_entry_point(name)
        assert entry.command == their_entry.command
        assert [
            (p.name, p.type, None if p.default is None else str(p.default))
            for p in their_entry.parameters.values()
        ] == [(p.name, p.type, p.default) for p in entry.parameters]


@pytest.mark.parametrize("name", ["it's.py", "a b.sh", "{x}.py"])
def test_script_is_called_the_same(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    mlflows = theirs.load_project(str(tmp_path)).get_entry_point(name)
    ours = load_project(tmp_path).entry_point(name)
    if "{" in name:
        with pytest.raises(KeyError):
            mlflows.compute_command({}, None)
        assert shlex.split(render_command(ours, {})) == ["python", name]
    else:
        assert render_command(ours, {}) == mlflows.compute_command({}, None)


@pytest.mark.parametrize(
    ("kind", "value"), [("uri", "no-scheme"), ("string", None)], ids=["uri", "missing"]
)
def test_both_refuse(kind: str, value: str | None) -> None:
    given_ = {} if value is None else {"a": value}
    with pytest.raises(ExecutionException):
        theirs.EntryPoint("main", {"a": kind}, "x").compute_parameters(given_, None)
    with pytest.raises(InvalidInput):
        bind(EntryPoint("main", "x", (Parameter("a", kind),)), given_)


def test_float_is_refused_here_alone() -> None:
    their_entry = theirs.EntryPoint("main", {"a": "float"}, "x {a}")
    assert their_entry.compute_command({"a": "half"}, None) == "x half"
    with pytest.raises(InvalidInput):
        bind(EntryPoint("main", "x {a}", (Parameter("a", "float"),)), {"a": "half"})
