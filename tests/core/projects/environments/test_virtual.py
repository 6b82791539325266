"""Environments by uv and by venv: what is in them, when they are shared, and that they are built once and whole."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import processes
import pytest
from racing import race
from wheels import make_wheel

from stageline.errors import InvalidInput, NotFound, StorageFailed
from stageline.projects.environments.prepare import prepare
from stageline.projects.environments.prepared import TAG_ENVIRONMENT, TAG_KEY, Prepared
from stageline.projects.environments.read import read_environment
from stageline.projects.environments.shelf import (
    ENVIRONMENTS,
    list_environments,
    prune_environments,
)
from stageline.projects.holding import hold_alone
from stageline.testing.clock import FixedClock

MakeProject = Callable[..., Path]
TINY = "import sys, tiny; print(tiny.VERSION, sys.prefix)"


def output(prepared: Prepared, argv: Sequence[str], folder: Path, **variables: str) -> str:
    command, environment = prepared.command(argv, folder=folder, variables=variables)
    return subprocess.run(
        command, env=environment, cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def tiny_project(project: MakeProject, version: str = "1.0", **files: str) -> Path:
    folder = project(
        python_env_yaml="build_dependencies: []\ndependencies:\n  - -r requirements.txt\n",
        requirements_txt=f"./wheels/tiny-{version}-py3-none-any.whl\n",
        **files,
    )
    make_wheel(folder / "wheels", "tiny", version)
    return folder


@pytest.mark.parametrize("kind", [None, "virtualenv"])
def test_a_python_env_is_built_once_and_runs_what_it_asks_for(
    project: MakeProject, cache: Path, said: list[str], kind: str | None
) -> None:
    folder = tiny_project(project)
    spec = read_environment(folder, {})
    prepared = prepare(spec, kind, cache=cache, say=said.append)
    version, prefix = output(prepared, ["python", "-c", TINY], folder).split()
    assert version == "1.0"
    assert Path(prefix) == cache / ENVIRONMENTS / prepared.tags[TAG_KEY] / "content"
    assert output(prepared, ["bash", "-c", "tiny"], folder) == "1.0"
    assert prepared.tags[TAG_ENVIRONMENT] == (kind or "uv")
    built = len([line for line in said if line.startswith("building")])
    again = prepare(spec, kind, cache=cache, say=said.append)
    assert built == 1
    assert len([line for line in said if line.startswith("building")]) == 1
    assert again.tags == prepared.tags


def test_the_environment_of_this_process_reaches_the_command_but_its_packages_do_not(
    project: MakeProject, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_project(project)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    monkeypatch.setenv("OUTER", "outer")
    prepared = prepare(read_environment(folder, {}), None, cache=cache, say=print)
    script = "import os, sys; print(os.environ['OUTER'], os.environ['INNER'], 'PYTHONPATH' in os.environ)"
    assert output(prepared, ["python", "-c", script], folder, INNER="a 'b") == "outer a 'b False"


def test_the_same_content_elsewhere_shares_an_environment_and_other_content_does_not(
    project: MakeProject, cache: Path, tmp_path: Path
) -> None:
    folder = tiny_project(project)
    one = prepare(read_environment(folder, {}), None, cache=cache, say=print).tags
    folder.rename(tmp_path / "moved")
    two = prepare(read_environment(tmp_path / "moved", {}), None, cache=cache, say=print).tags
    assert one == two
    make_wheel(tmp_path / "moved" / "wheels", "other", "1.0")
    requirements = tmp_path / "moved" / "requirements.txt"
    requirements.write_text(requirements.read_text() + "./wheels/other-1.0-py3-none-any.whl\n")
    three = prepare(read_environment(tmp_path / "moved", {}), None, cache=cache, say=print).tags
    assert three[TAG_KEY] != one[TAG_KEY]


def test_the_pip_part_of_a_conda_yaml_is_built_and_the_rest_is_told(
    project: MakeProject, cache: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MAMBA_EXE", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)
    folder = project(
        conda_yaml="name: x\nchannels: [conda-forge]\ndependencies:\n"
        f"  - python={platform.python_version()}\n  - cudatoolkit=11\n"
        "  - pip:\n    - ./wheels/tiny-1.0-py3-none-any.whl\n"
    )
    make_wheel(folder / "wheels", "tiny", "1.0")
    prepared = prepare(read_environment(folder, {}), "uv", cache=cache, say=said.append)
    assert output(prepared, ["python", "-c", TINY], folder).startswith("1.0 ")
    assert any("only conda installs it: cudatoolkit=11" in line for line in said)


def test_four_processes_at_once_build_one_environment(project: MakeProject, cache: Path) -> None:
    folder = tiny_project(project)
    script = """
        from pathlib import Path
        from stageline.projects.environments.prepare import prepare
        from stageline.projects.environments.read import read_environment
        prepared = prepare(read_environment(Path(sys.argv[1]), {}), None, cache=Path(sys.argv[2]), say=print)
        print('key', prepared.tags['stageline.project.env.key'])
    """
    told = race(script, str(folder), str(cache))
    assert sum("building a uv environment" in one for one in told) == 1
    assert len({one.splitlines()[-1] for one in told}) == 1
    assert len(list_environments(cache)) == 1


def test_a_killed_builder_leaves_nothing_that_passes_for_built(
    project: MakeProject, cache: Path, tmp_path: Path
) -> None:
    folder = tiny_project(project)
    # The builder's own program goes on after the builder was killed, and keeps others away until it ends.
    uv = tmp_path / "bin" / "uv"
    uv.parent.mkdir()
    uv.write_text(
        f'#!/bin/sh\nmkdir -p "$5"\necho started > {tmp_path}/started\ncat {tmp_path}/gate > /dev/null\n'
    )
    uv.chmod(0o755)
    os.mkfifo(tmp_path / "gate")
    script = f"""
        import sys
        from pathlib import Path
        from stageline.projects.environments import virtual
        from stageline.projects.environments.prepare import prepare
        from stageline.projects.environments.read import read_environment
        virtual.find_uv = lambda: {str(uv)!r}
        prepare(read_environment(Path(sys.argv[1]), {{}}), None, cache=Path(sys.argv[2]), say=print)
    """
    with processes.start(script, str(folder), str(cache)) as builder:
        processes.until((tmp_path / "started").exists, "the build")
        builder.send_signal(signal.SIGKILL)
        builder.wait(timeout=processes.WITHIN_S)
        assert builder.stdout is not None
        (left,) = list_environments(cache)
        assert left.kind == ""
        assert left.is_in_use, "the program that it started still works there"
        assert prune_environments(cache, 0) == []
        (tmp_path / "gate").write_text("")
        lock = cache / ENVIRONMENTS / f"{left.key}.lock"
        processes.until(lambda: hold_alone(lock) is not None, "the end of that program")
    prepared = prepare(read_environment(folder, {}), None, cache=cache, say=print)
    assert prepared.tags[TAG_KEY] == left.key
    assert output(prepared, ["python", "-c", TINY], folder).startswith("1.0 ")


def test_a_failed_build_tells_its_last_lines_without_passwords_and_leaves_nothing(
    project: MakeProject, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    folder = project(
        python_env_yaml="dependencies: ['nothing @ http://ann:secret@127.0.0.1:1/nothing-1.0-py3-none-any.whl']"
    )
    with pytest.raises(StorageFailed, match="uv ended with") as failed:
        prepare(read_environment(folder, {}), None, cache=cache, say=print)
    assert "secret" not in str(failed.value)
    assert list_environments(cache) == []
    kept = [path.read_bytes() for path in cache.rglob("*") if path.is_file()]
    assert not any(b"secret" in one for one in kept)


def test_a_python_that_is_not_here_is_told_with_those_that_are(
    project: MakeProject, cache: Path
) -> None:
    folder = project(python_env_yaml='python: "3.98"')
    with pytest.raises(
        NotFound, match=r"asks for Python 3\.98.*there is .*3\.\d+.*uv python install 3\.98"
    ):
        prepare(read_environment(folder, {}), None, cache=cache, say=print)


def test_another_last_number_of_a_python_will_do_and_is_told(
    project: MakeProject, cache: Path, said: list[str]
) -> None:
    major, minor, _ = platform.python_version_tuple()
    folder = project(python_env_yaml=f'python: "{major}.{minor}.98"')
    prepare(read_environment(folder, {}), None, cache=cache, say=said.append)
    assert any(f"there is no Python {major}.{minor}.98 here: taking" in line for line in said)


def test_an_environment_whose_python_went_away_is_built_anew(
    project: MakeProject, cache: Path
) -> None:
    folder = tiny_project(project)
    spec = read_environment(folder, {})
    key = prepare(spec, None, cache=cache, say=print).tags[TAG_KEY]
    python = cache / ENVIRONMENTS / key / "content" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python")
    prepared = prepare(spec, None, cache=cache, say=print)
    assert output(prepared, ["python", "-c", TINY], folder).startswith("1.0 ")


def test_what_is_in_use_is_never_pruned_and_the_last_use_counts(
    project: MakeProject, cache: Path
) -> None:
    folder = tiny_project(project)
    spec = read_environment(folder, {})
    held = prepare(spec, None, cache=cache, say=print)
    (listed,) = list_environments(cache)
    assert (listed.kind, listed.is_in_use, listed.size > 1000) == ("uv", True, True)
    assert prune_environments(cache, 0) == []
    del held
    clock = FixedClock(listed.used_ms + 5_000)
    assert not list_environments(cache)[0].is_in_use
    assert prune_environments(cache, 10, clock=clock) == []
    assert [one.key for one in prune_environments(cache, 5, clock=clock)] == [listed.key]
    assert list_environments(cache) == []
    assert list((cache / ENVIRONMENTS).iterdir()) == []


def test_the_cache_is_this_users_alone(project: MakeProject, cache: Path) -> None:
    prepare(read_environment(tiny_project(project), {}), None, cache=cache, say=print)
    root = cache / ENVIRONMENTS
    for folder in (root, *(one for one in root.iterdir() if one.is_dir())):
        assert folder.stat().st_mode & 0o077 == 0


def test_local_is_the_python_that_runs_stageline(project: MakeProject, cache: Path) -> None:
    folder = tiny_project(project)
    prepared = prepare(read_environment(folder, {}), "local", cache=cache, say=print)
    assert output(prepared, ["python", "-c", "import sys; print(sys.prefix)"], folder) == sys.prefix
    assert not cache.exists()


def test_a_project_that_asks_for_nothing_runs_locally_or_in_a_bare_environment(
    tmp_path: Path, cache: Path
) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    spec = read_environment(folder, {})
    assert prepare(spec, None, cache=cache, say=print).tags[TAG_ENVIRONMENT] == "local"
    bare = prepare(spec, "uv", cache=cache, say=print)
    script = "import importlib.util as u; print(u.find_spec('msgspec'))"
    assert output(bare, ["python", "-c", script], folder) == "None"


@pytest.mark.parametrize("kind", ["poetry", "docker", "conda"])
def test_a_kind_that_does_not_fit_is_refused(tmp_path: Path, cache: Path, kind: str) -> None:
    with pytest.raises(InvalidInput):
        prepare(read_environment(tmp_path, {}), kind, cache=cache, say=print)


@pytest.mark.slow
@pytest.mark.usefixtures("index")
def test_a_project_that_asks_for_stageline_tracks_from_its_own_environment(
    project: MakeProject, cache: Path, tmp_path: Path
) -> None:
    repository = Path(__file__).parents[4]
    folder = project(
        python_env_yaml="dependencies: ['-r requirements.txt']\n",
        requirements_txt=f"-c {repository}/constraints/prefect.txt\n{repository}/core\n",
    )
    prepared = prepare(read_environment(folder, {}), None, cache=cache, say=print)
    script = (
        "import sys, stageline\n"
        "with stageline.start_run() as run: stageline.log_metric('a', 1.0)\n"
        "print(stageline.get_run(run.info.run_id).data.metrics, stageline.__file__.startswith(sys.prefix))\n"
    )
    told = output(
        prepared, ["python", "-c", script], folder, STAGELINE_STORE=str(tmp_path / "store")
    )
    assert told == "{'a': 1.0} True"
