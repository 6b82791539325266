"""The command lines for docker and conda, with programs that stand in for them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stageline.errors import InvalidInput, NotFound, StorageFailed
from stageline.projects.environments.prepare import prepare
from stageline.projects.environments.prepared import TAG_ENVIRONMENT, TAG_IMAGE, TAG_IMAGE_ID
from stageline.projects.environments.read import read_environment

MakeProgram = Callable[[str, str], Path]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeProgram:
    """Puts a Python program on a PATH that has nothing else of its kind; each call of it is a line in `calls`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "bash").symlink_to("/bin/bash")
    monkeypatch.setenv("PATH", str(folder))
    for name in ("MAMBA_EXE", "CONDA_EXE"):
        monkeypatch.delenv(name, raising=False)

    def make(name: str, body: str) -> Path:
        path = folder / name
        calls = tmp_path / "calls"
        path.write_text(
            f"#!{sys.executable}\nimport json, os, sys\nargv = sys.argv[1:]\n"
            f"open({str(calls)!r}, 'a').write(json.dumps(argv) + '\\n')\n{body}\n"
        )
        path.chmod(0o755)
        return calls

    return make


def calls_of(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


DOCKER = """
if argv[:2] == ['image', 'inspect']:
    if not os.path.exists(__file__ + '.pulled'):
        sys.exit('Error response from daemon: No such image: ' + argv[-1])
    print('sha256:abc')
elif argv[0] == 'pull':
    open(__file__ + '.pulled', 'w').close()
else:
    print(json.dumps(dict(os.environ)))
"""


def test_docker_runs_the_command_in_the_image_and_values_stay_off_its_command_line(
    programs: MakeProgram, tmp_path: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = programs("docker", DOCKER)
    monkeypatch.setenv("TOKEN", "tok_secret")
    document = {
        "docker_env": {
            "image": "team/image:1",
            "volumes": ["/data:/data:ro"],
            "environment": ["TOKEN", ["DOCKER_HOST", "tcp://elsewhere"], ["MODE", "quick"]],
        }
    }
    spec = read_environment(tmp_path, document)
    prepared = prepare(spec, None, cache=tmp_path / "cache", say=said.append)
    assert prepared.tags == {
        TAG_ENVIRONMENT: "docker",
        TAG_IMAGE: "team/image:1",
        TAG_IMAGE_ID: "sha256:abc",
    }
    assert said == ["pulling the image team/image:1"]

    store = tmp_path / "store"
    command, environment = prepared.command(
        ["bash", "-c", "python train.py 'a b'"],
        folder=tmp_path,
        variables={"STAGELINE_STORE": str(store), "STAGELINE_RUN_ID": "r1", "KEY": "key_secret"},
    )
    out = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout
    assert calls_of(calls)[-1] == [
        "run",
        "--rm",
        "--init",
        f"--volume={tmp_path}:/mlflow/projects/code",
        "--workdir=/mlflow/projects/code",
        f"--volume={store}:{store}",
        "--volume=/data:/data:ro",
        "--env=DOCKER_HOST=tcp://elsewhere",
        "--env=MODE=quick",
        "--env=KEY",
        "--env=STAGELINE_RUN_ID",
        "--env=STAGELINE_STORE",
        "--env=TOKEN",
        "team/image:1",
        "bash",
        "-c",
        "python train.py 'a b'",
    ]
    assert "secret" not in calls.read_text()
    seen = json.loads(out)
    assert (seen["TOKEN"], seen["KEY"]) == ("tok_secret", "key_secret")
    assert "DOCKER_HOST" not in seen, "docker itself must not listen to the project"


def test_options_for_docker_are_given_as_mlflow_takes_them(
    programs: MakeProgram, tmp_path: Path
) -> None:
    programs("docker", DOCKER)
    spec = read_environment(tmp_path, {"docker_env": {"image": "x"}})
    options: dict[str, str | bool] = {"gpus": "all", "t": True, "m": "1g", "read-only": True}
    prepared = prepare(spec, None, cache=tmp_path, say=print, docker_args=options)
    command, _ = prepared.command(["true"], folder=tmp_path, variables={})
    assert command[4:10] == ["--gpus", "all", "-t", "-m", "1g", "--read-only"]
    with pytest.raises(InvalidInput, match="no option"):
        prepare(spec, None, cache=tmp_path, say=print, docker_args={"--gpus": "all"})
    with pytest.raises(InvalidInput, match="local takes no options"):
        prepare(spec, "local", cache=tmp_path, say=print, docker_args={"gpus": "all"})


def test_docker_that_is_not_there_or_does_not_answer_says_what_to_do(
    programs: MakeProgram, tmp_path: Path
) -> None:
    spec = read_environment(tmp_path, {"docker_env": {"image": "x"}})
    with pytest.raises(NotFound, match=r"docker is not installed.*--env-manager local"):
        prepare(spec, None, cache=tmp_path, say=print)
    programs("docker", "sys.exit('Cannot connect to the Docker daemon')")
    with pytest.raises(StorageFailed, match="Cannot connect to the Docker daemon"):
        prepare(spec, None, cache=tmp_path, say=print)
    missing = read_environment(tmp_path, {"docker_env": {"image": "x", "environment": ["NOT_SET"]}})
    with pytest.raises(InvalidInput, match="not set here: NOT_SET"):
        prepare(missing, None, cache=tmp_path, say=print)
    with pytest.raises(InvalidInput, match="runs in the image x"):
        prepare(spec, "uv", cache=tmp_path, say=print)


CONDA = """
place = argv[argv.index('--prefix') + 1]
os.makedirs(place + '/bin')
os.makedirs(place + '/etc/conda/activate.d')
open(place + '/etc/conda/activate.d/some.sh', 'w').write('export ACTIVATED=yes\\n')
"""


@pytest.mark.parametrize("name", ["conda", "mamba", "micromamba"])
def test_conda_builds_once_and_the_command_keeps_its_arguments(
    programs: MakeProgram, tmp_path: Path, name: str
) -> None:
    (tmp_path / "conda.yaml").write_text("dependencies: [python=3.11, cudatoolkit]")
    spec = read_environment(tmp_path, {})
    with pytest.raises(NotFound, match=r"--env-manager uv.*leaves out cudatoolkit"):
        prepare(spec, "conda", cache=tmp_path / "cache", say=print)
    calls = programs(name, CONDA)
    for _ in range(2):
        prepared = prepare(spec, None, cache=tmp_path / "cache", say=print)
    (call,) = calls_of(calls)
    assert call[:2] == ["env", "create"]
    assert call[-2:] == ["--file", str(tmp_path / "conda.yaml")]
    assert prepared.tags[TAG_ENVIRONMENT] == "conda"
    script = "import json, os, sys; print(json.dumps([os.environ['ACTIVATED'], os.environ['X'], sys.argv[1:]]))"
    odd = ["a b", "$HOME", "new\nline", "'\""]
    command, environment = prepared.command(
        [sys.executable, "-c", script, *odd], folder=tmp_path, variables={"X": "x"}
    )
    out = subprocess.run(
        command, env=environment, check=True, capture_output=True, text=True
    ).stdout
    assert json.loads(out) == ["yes", "x", odd]
