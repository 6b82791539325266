"""Virtual environments, by uv or by Python's own venv and pip: built once for each content, where they are to stay."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stageline.errors import NotFound
from stageline.projects.built import Built, built_once
from stageline.projects.environments.building import run_builder
from stageline.projects.environments.index_settings import uv_settings
from stageline.projects.environments.interpreters import Interpreter, find_interpreter
from stageline.projects.environments.prepared import TAG_ENVIRONMENT, TAG_KEY, TAG_PYTHON
from stageline.projects.environments.requirements import Requirements, read_requirements
from stageline.projects.environments.shelf import ENVIRONMENTS

_FORMAT = 1
# What would let another Python, or its packages, into this one.
_FOREIGN = ("PYTHONHOME", "PYTHONPATH", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "__PYVENV_LAUNCHER__")


@dataclass(frozen=True)
class VirtualEnvironment:
    """A virtual environment that is ready."""

    built: Built

    @property
    def tags(self) -> dict[str, str]:
        """Its kind, its Python, and the digest of what it was made from."""
        facts = self.built.facts
        return {
            TAG_ENVIRONMENT: facts["kind"],
            TAG_PYTHON: facts["python"],
            TAG_KEY: self.built.folder.parent.name,
        }

    def command(
        self, argv: Sequence[str], *, folder: Path, variables: Mapping[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        """`argv`, with this environment's programs before all others."""
        del folder
        return [*argv], {**activated(self.built.folder), **variables}


def activated(place: Path) -> dict[str, str]:
    """This process's environment, in which the virtual environment at `place` is the active one."""
    environment = {key: value for key, value in os.environ.items() if key not in _FOREIGN}
    path = environment.get("PATH", os.defpath)
    return {
        **environment,
        "VIRTUAL_ENV": str(place),
        "PATH": f"{place / 'bin'}{os.pathsep}{path}",
    }


def prepare_virtual(
    kind: str,
    *,
    python: str | None,
    build_dependencies: Sequence[str],
    dependencies: Sequence[str],
    folder: Path,
    cache: Path,
    say: Callable[[str], None],
) -> VirtualEnvironment:
    """The environment for these, built if nobody has.

    Raises:
        NotFound: uv, the interpreter, or a file that is asked for is not there.
        StorageFailed: it could not be built; the message has the last lines of the program that failed.
    """
    uv = find_uv() if kind == "uv" else shutil.which("uv")
    interpreter = find_interpreter(python, uv, say)
    steps = [read_requirements(part, folder) for part in (build_dependencies, dependencies)]
    key = environment_key(kind, interpreter, steps)

    def build(content: Path, lock: int) -> Mapping[str, str]:
        say(f"building a {kind} environment with Python {interpreter.version}")
        making = _ByUv(uv, folder, lock, say) if uv and kind == "uv" else _ByVenv(folder, lock, say)
        making.create(content, interpreter)
        for number, step in enumerate(steps):
            if step:
                files = _written(content.with_name(f"step-{number}"), step)
                making.install(content, files)
                for one in files[1::2]:
                    Path(one).unlink()
        return {"kind": kind, "python": interpreter.version}

    built = built_once(
        cache / ENVIRONMENTS,
        key,
        build,
        what=f"the environment {key[:12]}",
        say=say,
        is_sound=_runs,
    )
    return VirtualEnvironment(built)


def environment_key(kind: str, interpreter: Interpreter, steps: Sequence[Requirements]) -> str:
    """A digest of all that an environment depends on."""
    content = [_FORMAT, kind, list(interpreter), [step.key for step in steps]]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


def find_uv() -> str:
    """uv's program: that of the package beside Stageline, else the one on the PATH. Raises `NotFound`."""
    try:
        from uv import find_uv_bin

        return str(find_uv_bin())
    except (ImportError, FileNotFoundError):
        found = shutil.which("uv")
    if found is None:
        raise NotFound(
            "uv is not installed, and it builds this environment: install it with `pip install 'stageline[projects]'`, "
            "or run with `--env-manager virtualenv` or `--env-manager local`"
        )
    return found


def _runs(place: Path) -> bool:
    """Whether its Python is still there: it is a link to the interpreter that it was made with."""
    return (place / "bin" / "python").exists()


def _written(place: Path, step: Requirements) -> list[str]:
    """Arguments for pip: options and files in turn. Files, since a URL in a requirement may hold a password."""
    requirements, constraints = place.with_suffix(".txt"), place.with_suffix(".constraints.txt")
    requirements.write_text("\n".join([*step.lines, ""]), encoding="utf-8")
    if not step.constraints:
        return ["-r", str(requirements)]
    constraints.write_text("\n".join([*step.constraints, ""]), encoding="utf-8")
    return ["-r", str(requirements), "-c", str(constraints)]


@dataclass(frozen=True)
class _ByUv:
    uv: str
    folder: Path
    lock: int
    say: Callable[[str], None]

    def create(self, place: Path, interpreter: Interpreter) -> None:
        self._run("venv", "--quiet", "--no-project", "--python", interpreter.path, str(place))

    def install(self, place: Path, files: list[str]) -> None:
        self._run("pip", "install", "--python", str(place / "bin" / "python"), *files)

    def _run(self, *arguments: str) -> None:
        environment = {key: value for key, value in os.environ.items() if key not in _FOREIGN}
        environment.pop("VIRTUAL_ENV", None)
        environment |= {"UV_NO_PROGRESS": "1", "NO_COLOR": "1", **uv_settings(environment)}
        command = [self.uv, arguments[0], *arguments[1:]]
        run_builder(
            command, what="the environment", folder=self.folder, environment=environment,
            lock=self.lock, say=self.say,
        )  # fmt: skip


@dataclass(frozen=True)
class _ByVenv:
    folder: Path
    lock: int
    say: Callable[[str], None]

    def create(self, place: Path, interpreter: Interpreter) -> None:
        self._run(dict(os.environ), interpreter.path, "-I", "-m", "venv", str(place))

    def install(self, place: Path, files: list[str]) -> None:
        python = str(place / "bin" / "python")
        self._run(activated(place), python, "-m", "pip", "install", "--no-input", *files)

    def _run(self, environment: dict[str, str], *command: str) -> None:
        environment = {key: value for key, value in environment.items() if key not in _FOREIGN}
        environment |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_PROGRESS_BAR": "off"}
        run_builder(
            command, what="the environment", folder=self.folder, environment=environment,
            lock=self.lock, say=self.say,
        )  # fmt: skip
