"""Environment files: what was imported for the model, pinned, and what the caller says instead."""

from __future__ import annotations

import sys
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from sklearn.linear_model import LinearRegression

from stageline.errors import InvalidInput, NotFound
from stageline.models.environment import chosen_requirements, infer_requirements, write_environment


def test_requirements_are_what_the_model_needs_and_this_process_imported() -> None:
    found = infer_requirements(["sklearn"], [LinearRegression()])
    assert f"scikit-learn=={version('scikit-learn')}" in found
    assert f"numpy=={version('numpy')}" in found
    assert not any(one.startswith(("pytest", "hypothesis", "stageline")) for one in found)


def test_code_of_no_package_brings_what_it_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("users_module")
    exec("import numpy\nclass Mine: pass", module.__dict__)
    monkeypatch.setitem(sys.modules, "users_module", module)
    assert infer_requirements([], [module.Mine()]) == [f"numpy=={version('numpy')}"]


def test_given_requirements_take_the_place_of_those_found(tmp_path: Path) -> None:
    assert chosen_requirements(["a==1"], ["b"]) == ["b"]
    assert chosen_requirements(["Some_Pkg==1", "b==2"], None, ["some-pkg==3", "c"]) == [
        "b==2",
        "some-pkg==3",
        "c",
    ]
    (tmp_path / "r.txt").write_text("# of the user\nb==1  # why\n\n-e ./here\n")
    assert chosen_requirements([], tmp_path / "r.txt") == ["b==1", "-e ./here"]
    with pytest.raises(NotFound):
        chosen_requirements([], "no-such-file.txt")
    with pytest.raises(InvalidInput):
        chosen_requirements(["a"], None, ["=="])


def test_three_files_say_the_same(tmp_path: Path) -> None:
    write_environment(tmp_path, ["a==1", "b==2"])
    assert (tmp_path / "requirements.txt").read_text() == "a==1\nb==2\n"
    conda = yaml.safe_load((tmp_path / "conda.yaml").read_text())
    assert conda["dependencies"][-1] == {"pip": ["a==1", "b==2"]}
    python_env = yaml.safe_load((tmp_path / "python_env.yaml").read_text())
    assert python_env["dependencies"] == ["-r requirements.txt"]
    assert python_env["python"] == sys.version.split()[0]
