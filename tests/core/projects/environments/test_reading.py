"""What a project's files ask for, and what of it makes an environment another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stageline.errors import InvalidInput, NotFound
from stageline.projects.environments.index_settings import uv_settings
from stageline.projects.environments.read import read_environment
from stageline.projects.environments.requirements import read_requirements
from stageline.projects.environments.spec import (
    CondaEnvironment,
    DockerEnvironment,
    NoEnvironment,
    PythonEnvironment,
)

MakeProject = Callable[..., Path]


def test_the_mlproject_file_decides_then_what_lies_there(project: MakeProject) -> None:
    folder = project()
    assert read_environment(folder, {}) == NoEnvironment()
    project(conda_yaml="dependencies: []", my_yaml='python: "3.10"')
    assert isinstance(read_environment(folder, {}), CondaEnvironment)
    project(python_env_yaml="")
    assert isinstance(read_environment(folder, {}), PythonEnvironment)
    named = read_environment(folder, {"python_env": "my.yaml"})
    assert isinstance(named, PythonEnvironment)
    assert named.python == "3.10"
    assert read_environment(folder, {"docker_env": {"image": "x"}}) == DockerEnvironment(
        "x", (), (), ()
    )


@pytest.mark.parametrize(
    ("document", "match"),
    [
        ({"python_env": "a", "conda_env": "b"}, "more than one environment: python_env, conda_env"),
        ({"python_env": ["a"]}, "should be the name of a file"),
        ({"docker_env": {"volumes": []}}, "should have an image"),
        ({"docker_env": {"image": "--privileged"}}, "no name of an image"),
        ({"docker_env": {"image": "x --privileged"}}, "no name of an image"),
        ({"docker_env": {"image": "x", "volumes": "/a:/a"}}, "should be a list"),
        ({"docker_env": {"image": "x", "environment": [["A", 1]]}}, "takes NAME, or"),
        ({"docker_env": {"image": "x", "environment": ["A=1"]}}, "no name"),
    ],
)
def test_a_document_that_is_not_in_the_format_is_refused(
    project: MakeProject, document: dict[str, Any], match: str
) -> None:
    with pytest.raises(InvalidInput, match=match):
        read_environment(project(), document)


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("python: 3.10", 'write python: "3.1"'),
        ("dependencies: {}", "should be a list"),
        ("dependencies: [1]", "list of texts"),
        ("!!python/object/apply:os.system [id]", "Mend the file"),
        ("- a", "should be a YAML mapping"),
    ],
)
def test_a_python_env_that_is_not_in_the_format_is_refused(
    project: MakeProject, text: str, match: str
) -> None:
    with pytest.raises(InvalidInput, match=match):
        read_environment(project(python_env_yaml=text), {})


def test_a_file_that_is_named_has_to_be_there(project: MakeProject) -> None:
    with pytest.raises(NotFound, match=r"names 'other\.yaml' as its conda_env"):
        read_environment(project(), {"conda_env": "other.yaml"})


def test_a_conda_yaml_is_parted_into_what_pip_and_what_conda_installs(project: MakeProject) -> None:
    folder = project(
        conda_yaml="dependencies: [python=3.11.*, pip<=24, conda-forge::gdal=3.8=py311_0, numpy, "
        "{pip: [a==1, -r r.txt]}]"
    )
    spec = read_environment(folder, {})
    assert isinstance(spec, CondaEnvironment)
    assert spec.python == "3.11"
    assert spec.build_dependencies == ("pip<=24",)
    assert spec.dependencies == ("a==1", "-r r.txt")
    assert spec.conda_only == ("conda-forge::gdal=3.8=py311_0", "numpy")
    with pytest.raises(InvalidInput, match="does not say which Python"):
        read_environment(project(conda_yaml="dependencies: ['python<3.12']"), {})


def test_requirement_files_are_read_as_pip_reads_them(project: MakeProject) -> None:
    folder = project(
        a_txt="one==1  # why\n\n# nothing\n-r sub/b.txt\n-c c.txt\n--hash=x\n-e ./code\ntwo @ https://host/two.whl#sha256=1\n"
        "long==1 \\\n  --hash=sha256:2\n",
        c_txt="three<2\n",
    )
    (folder / "sub").mkdir()
    (folder / "sub" / "b.txt").write_text("-r d.txt\n--find-links wheels\n")
    (folder / "sub" / "d.txt").write_text("four\n")
    (folder / "sub" / "wheels").mkdir()
    (folder / "code").mkdir()
    found = read_requirements(["-r a.txt", "five"], folder)
    assert found.lines == (
        "one==1",
        "four",
        f"--find-links {folder}/sub/wheels",
        "--hash=x",
        f"{folder}/code",
        "two @ https://host/two.whl#sha256=1",
        "long==1   --hash=sha256:2",
        "five",
    )
    assert found.constraints == ("three<2",)


def test_the_key_follows_the_content_of_all_that_is_referred_to(project: MakeProject) -> None:
    folder = project(r_txt="-c c.txt\n./code\n", c_txt="a<2\n")
    (folder / "code").mkdir()
    (folder / "code" / "x.py").write_text("1")
    keys = {read_requirements(["-rr.txt"], folder).key}
    for change in ("c.txt", "code/x.py", "code/y.py"):
        (folder / change).write_text("b<3")
        keys.add(read_requirements(["-rr.txt"], folder).key)
    assert len(keys) == 4
    (folder / "code" / "__pycache__").mkdir()
    (folder / "code" / "__pycache__" / "x.pyc").write_text("made from it")
    assert read_requirements(["-rr.txt"], folder).key in keys


def test_requirements_that_refer_to_nothing_or_to_themselves_are_refused(
    project: MakeProject,
) -> None:
    folder = project(r_txt="-r r.txt\n")
    with pytest.raises(InvalidInput, match="refers to itself"):
        read_requirements(["-r r.txt"], folder)
    with pytest.raises(NotFound, match=r"requirement file .*/none\.txt"):
        read_requirements(["-r none.txt"], folder)
    with pytest.raises(NotFound, match="no such file or folder"):
        read_requirements(["./none"], folder)


def test_pips_settings_hold_for_uv_unless_it_has_its_own(tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://ann:pw@one.example/simple\nextra_index_url =\n    https://two.example/simple\n"
        "    https://three.example/simple\n[install]\nfind-links = /a /b\n"
    )
    pip = {"PIP_CONFIG_FILE": str(config), "HOME": str(tmp_path), "XDG_CONFIG_DIRS": str(tmp_path)}
    found = uv_settings({**pip, "PIP_TRUSTED_HOST": "two.example"})
    assert found["UV_DEFAULT_INDEX"] == "https://ann:pw@one.example/simple"
    assert found["UV_INDEX"] == "https://two.example/simple https://three.example/simple"
    assert found["UV_INDEX_STRATEGY"] == "unsafe-best-match"
    assert found["UV_FIND_LINKS"] == "/a,/b"
    assert found["UV_INSECURE_HOST"] == "two.example"
    own = uv_settings(
        {**pip, "UV_INDEX_URL": "https://uv.example", "UV_INDEX": "https://uv.example"}
    )
    assert own.keys() & {"UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_STRATEGY"} == set()
    assert uv_settings({"PIP_CONFIG_FILE": "/dev/null"}) == {}
