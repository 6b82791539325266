"""The MLproject file: what a project can run, and in which environment. A folder without one is a project too.

The format is MLflow's; what it does not know is passed over, so that a project made for it is read as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stageline.errors import InvalidInput, NotFound
from stageline.models.safe_yaml import read_yaml
from stageline.projects.entry_point import EntryPoint, Parameter
from stageline.projects.scripts import script_command, scripts_in
from stageline.projects.steps.graph import linked
from stageline.projects.steps.step import Step, read_step

FILE_NAME = "mlproject"
"""In any case: `MLproject` as a rule."""

_ENVIRONMENT_KEYS = ("python_env", "conda_env", "docker_env")


@dataclass(frozen=True)
class Project:
    """A project, as its folder describes it."""

    name: str | None
    folder: Path
    entry_points: Mapping[str, EntryPoint]
    environment: Mapping[str, object]
    """The part of the file that is about the environment: at most one of its three keys."""
    steps: tuple[Step, ...] = ()
    """In an order in which they can run."""

    def step(self, name: str) -> Step:
        """The step of that name. Raises `InvalidInput`."""
        for step in self.steps:
            if step.name == name:
                return step
        known = ", ".join(step.name for step in self.steps) or "none"
        raise InvalidInput(f"the project has no step {name!r}; there are: {known}")

    def entry_point(self, name: str) -> EntryPoint:
        """The entry point of that name, or else the script: `.py`, `.sh` or `.R`, by its path in the project.

        Raises:
            InvalidInput: it is neither.
        """
        if name in self.entry_points:
            return self.entry_points[name]
        command = script_command(name)
        if command is None:
            known = ", ".join(self.entry_points) or "none"
            raise InvalidInput(
                f"the project has no entry point {name!r} (there are: {known}), and it is no script that can be run: "
                "one that ends in .py, .sh or .R"
            )
        script = (self.folder / name).resolve()
        if not script.is_file() or not script.is_relative_to(self.folder.resolve()):
            raise InvalidInput(
                f"the project has neither an entry point nor a script {name!r}: choose one with -e; "
                f"there are: {', '.join([*self.entry_points, *scripts_in(self.folder)]) or 'none'}"
            )
        return EntryPoint(name, command)


def load_project(folder: Path) -> Project:
    """Read the project that lies in `folder`.

    Raises:
        InvalidInput: the MLproject file breaks a rule.
        Corrupt: it is not plain YAML.
    """
    path = find_mlproject(folder)
    return Project(None, folder, {}, {}) if path is None else _read(path, folder)


def read_steps(place: str | Path) -> tuple[Step, ...]:
    """The steps that an MLproject file lists, in an order in which they can run: nothing is fetched, or looked for.

    Args:
        place: The file, whatever it is called, or the folder that it lies in.

    Raises:
        NotFound: there is no such file.
        InvalidInput: it breaks a rule.
        Corrupt: it is not plain YAML.
    """
    path = Path(place)
    found = find_mlproject(path) if path.is_dir() else path if path.is_file() else None
    if found is None:
        raise NotFound(
            f"there is no MLproject file at {path}: name one, or the folder that it lies in"
        )
    return _read(found, found.parent).steps


def _read(path: Path, folder: Path) -> Project:
    data = path.read_bytes()
    document = read_yaml(data, str(path)) if data.strip() else {}
    environment = {key: document[key] for key in _ENVIRONMENT_KEYS if key in document}
    if len(environment) > 1:
        raise InvalidInput(
            f"{path} names more than one environment, {' and '.join(environment)}: keep one of them"
        )
    name = document.get("name")
    entry_points = {
        str(key): _entry_point(str(key), value, path)
        for key, value in _mapping(document.get("entry_points"), "entry_points", path).items()
    }
    steps = linked(_steps(document.get("steps"), path), entry_points, str(path))
    return Project(None if name is None else str(name), folder, entry_points, environment, steps)


def find_mlproject(folder: Path) -> Path | None:
    """The MLproject file of `folder`, whatever the case of its name; None if there is none."""
    found = sorted(path for path in folder.iterdir() if path.name.lower() == FILE_NAME)
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise InvalidInput(f"{folder} holds {names}, which differ only in case: keep one of them")
    return found[0] if found else None


def _entry_point(name: str, value: object, path: Path) -> EntryPoint:
    entry = _mapping(value, f"the entry point {name!r}", path)
    command = entry.get("command")
    if not isinstance(command, str) or not command.strip():
        raise InvalidInput(
            f"{path}: the entry point {name!r} should have a command, such as 'python train.py', not {command!r}"
        )
    parameters = _mapping(entry.get("parameters"), f"the parameters of {name!r}", path)
    return EntryPoint(
        name,
        command,
        tuple(_parameter(str(key), spec, path) for key, spec in parameters.items()),
    )


def _parameter(name: str, spec: object, path: Path) -> Parameter:
    if spec is None:
        return Parameter(name)
    if isinstance(spec, str):
        return Parameter(name, spec)
    if not isinstance(spec, Mapping):
        raise InvalidInput(
            f"{path}: the parameter {name!r} should be a type or a mapping such as {{type: float, default: {spec}}}, "
            f"not {spec!r}"
        )
    default = spec.get("default")
    return Parameter(
        name, str(spec.get("type", "string")), None if default is None else str(default)
    )


def _steps(value: object, path: Path) -> list[Step]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(step, Mapping) for step in value):
        raise InvalidInput(
            f"{path}: steps should be a list of mappings, such as [{{entry_point: load}}]"
        )
    return [read_step(step, str(path)) for step in value]


def _mapping(value: object, what: str, path: Path) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{path}: {what} should be a mapping, not {value!r}")
    return value
