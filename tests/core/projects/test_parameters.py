"""Typed parameters: what is given, what is missing, what a value must be, and where paths lead."""

from __future__ import annotations

from pathlib import Path

import pytest

from stageline.errors import InvalidInput
from stageline.projects.entry_point import EntryPoint, Parameter
from stageline.projects.parameters import arguments, bind


def entry(*parameters: Parameter) -> EntryPoint:
    return EntryPoint("main", "python fit.py", parameters)


def never(url: str, name: str) -> Path:
    raise AssertionError(f"{url} should not be fetched")


def test_defaults_fill_in_and_extras_are_kept_apart() -> None:
    bound = bind(entry(Parameter("a"), Parameter("b", "float", "0.1")), {"x y": 1, "a": True})
    assert (bound.declared, bound.extra) == ({"a": "True", "b": "0.1"}, {"x y": "1"})
    assert bound.params == {"a": "True", "b": "0.1", "x y": "1"}


def test_all_that_is_missing_is_named() -> None:
    with pytest.raises(InvalidInput, match=r"missing parameters: 'a', 'c'.*-P a="):
        bind(entry(Parameter("a"), Parameter("b", default=""), Parameter("c")), {})


@pytest.mark.parametrize("value", ["0.5", "-1e-3", "7", "inf"])
def test_float_goes_on_as_it_was_written(value: str) -> None:
    assert bind(entry(Parameter("a", "float")), {"a": value}).declared == {"a": value}


@pytest.mark.parametrize("value", ["", "half", "0,5", "$(id)"])
def test_float_is_checked(value: str) -> None:
    with pytest.raises(InvalidInput, match="'a' is a float"):
        bind(entry(Parameter("a", "float")), {"a": value})
    with pytest.raises(InvalidInput, match="'a' is a float"):
        bind(entry(Parameter("a", "float", value)), {})


def test_unknown_type_is_a_string() -> None:
    assert bind(entry(Parameter("a", "int", "x")), {}).declared == {"a": "x"}


def test_uri_has_a_scheme_and_is_left_alone(tmp_path: Path) -> None:
    point = entry(Parameter("a", "uri"))
    bound = bind(point, {"a": "s3://bucket/gone"})
    assert arguments(point, bound, folder=tmp_path, fetch=never) == {"a": "s3://bucket/gone"}
    with pytest.raises(InvalidInput, match="'a' is a URI"):
        bind(point, {"a": "data/train.csv"})


def test_path_is_absolute_and_exists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a b.csv").touch()
    point = entry(Parameter("a", "path"))
    for given in ("a b.csv", f"file://{tmp_path}/a%20b.csv"):
        found = arguments(point, bind(point, {"a": given}), folder=Path("/nowhere"), fetch=never)
        assert found == {"a": str(tmp_path / "a b.csv")}
    with pytest.raises(InvalidInput, match=r"no 'gone.csv'"):
        arguments(point, bind(point, {"a": "gone.csv"}), folder=tmp_path, fetch=never)


def test_default_path_is_the_projects_before_it_is_the_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, project = tmp_path / "here", tmp_path / "project"
    for folder in (here, project):
        folder.mkdir()
        (folder / "train.csv").touch()
    monkeypatch.chdir(here)
    point = entry(Parameter("a", "path", "train.csv"))
    assert arguments(point, bind(point, {}), folder=project, fetch=never) == {
        "a": str(project / "train.csv")
    }
    (project / "train.csv").unlink()
    assert arguments(point, bind(point, {}), folder=project, fetch=never) == {
        "a": str(here / "train.csv")
    }


def test_remote_path_is_fetched_into_the_runs_folder_by_its_number(tmp_path: Path) -> None:
    point = entry(Parameter("n"), Parameter("a", "path"))
    asked: list[tuple[str, str]] = []

    def fetch(url: str, name: str) -> Path:
        asked.append((url, name))
        return tmp_path / name / "train.csv"

    bound = bind(point, {"n": "1", "a": "s3://bucket/train.csv"})
    assert arguments(point, bound, folder=tmp_path, fetch=fetch)["a"] == str(
        tmp_path / "param_1" / "train.csv"
    )
    assert asked == [("s3://bucket/train.csv", "param_1")]
    assert bound.params["a"] == "s3://bucket/train.csv", "a run records what was given"
