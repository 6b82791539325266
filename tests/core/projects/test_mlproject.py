"""The MLproject format, as MLflow reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stageline.errors import Corrupt, InvalidInput
from stageline.projects.entry_point import EntryPoint, Parameter
from stageline.projects.mlproject import load_project

DEMAND = """
name: demand
conda_env: conda.yaml
entry_points:
  main:
    parameters:
      depth: float
      rate: {type: float, default: 0.1}
      data: {type: path}
      src: uri
      note:
    command: "python fit.py {depth} {rate} {data}"
  validate:
    command: python validate.py
unknown_to_us: [1, 2]
"""


def project(folder: Path, text: str, name: str = "MLproject") -> Path:
    (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize("name", ["MLproject", "mlproject", "MLPROJECT", "MlProject"])
def test_file_is_found_in_any_case(tmp_path: Path, name: str) -> None:
    found = load_project(project(tmp_path, DEMAND, name))
    assert found.name == "demand"
    assert list(found.entry_points) == ["main", "validate"]
    assert found.environment == {"conda_env": "conda.yaml"}
    assert found.entry_points["main"].parameters == (
        Parameter("depth", "float"),
        Parameter("rate", "float", "0.1"),
        Parameter("data", "path"),
        Parameter("src", "uri"),
        Parameter("note"),
    )


def test_two_files_that_differ_in_case_are_refused(tmp_path: Path) -> None:
    project(tmp_path, DEMAND)
    with pytest.raises(InvalidInput, match="MLproject and mlproject"):
        load_project(project(tmp_path, DEMAND, "mlproject"))


@pytest.mark.parametrize("text", [None, "", "name: bare\n", "entry_points:\n"])
def test_script_is_an_entry_point_without_being_named(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        project(tmp_path, text)
    (tmp_path / "fit it.py").touch()
    assert load_project(tmp_path).entry_point("fit it.py") == EntryPoint(
        "fit it.py", "python 'fit it.py'"
    )


def test_shell_script_runs_by_the_users_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.sh").touch()
    monkeypatch.setenv("SHELL", "/bin/zsh")
    assert load_project(tmp_path).entry_point("a.sh").command == "/bin/zsh a.sh"
    monkeypatch.delenv("SHELL")
    assert load_project(tmp_path).entry_point("a.sh").command == "bash a.sh"


def test_script_whose_name_begins_with_a_dash_is_no_option(tmp_path: Path) -> None:
    (tmp_path / "-c.py").touch()
    assert load_project(tmp_path).entry_point("-c.py").command == "python ./-c.py"


@pytest.mark.parametrize("name", ["main", "gone.py", "../outside.py", "notes.txt"])
def test_what_is_neither_entry_point_nor_script_is_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "notes.txt").touch()
    (folder / "fit.py").touch()
    (tmp_path / "outside.py").touch()
    with pytest.raises(InvalidInput, match=r"no entry point|neither an entry point"):
        load_project(folder).entry_point(name)


def test_two_environments_are_refused(tmp_path: Path) -> None:
    project(tmp_path, "python_env: a.yaml\ndocker_env: {image: x}\n")
    with pytest.raises(InvalidInput, match="python_env and docker_env"):
        load_project(tmp_path)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("entry_points: [main]", "entry_points should be a mapping"),
        ("entry_points: {main: python fit.py}", "'main' should be a mapping"),
        ("entry_points: {main: {parameters: {a: float}}}", "should have a command"),
        ("entry_points: {main: {command: [python, fit.py]}}", "should have a command"),
        (
            "entry_points: {main: {command: x, parameters: {a: 0.5}}}",
            "such as {type: float, default: 0.5}",
        ),
        ("steps: {a: b}", "steps should be a list"),
    ],
)
def test_broken_rule_is_named(tmp_path: Path, text: str, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        load_project(project(tmp_path, text))


@pytest.mark.parametrize("text", ["- a", "a: !!python/object/apply:os.system [id]", "a: [b"])
def test_what_is_no_plain_yaml_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(Corrupt):
        load_project(project(tmp_path, text))
