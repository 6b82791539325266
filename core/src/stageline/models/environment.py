"""The environment files of a model: requirements.txt, conda.yaml and python_env.yaml, from what was really imported."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from stageline.errors import InvalidInput, NotFound
from stageline.models.safe_yaml import write_yaml

REQUIREMENTS = "requirements.txt"
CONDA = "conda.yaml"
PYTHON_ENV = "python_env.yaml"

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_IS_EXTRA = re.compile(r";.*\bextra\b")


def write_environment(folder: Path, requirements: Sequence[str]) -> None:
    """Write the three files beside a model."""
    python = platform.python_version()
    conda = {
        "name": "stageline-env",
        "channels": ["conda-forge"],
        "dependencies": [f"python={python}", "pip", {"pip": [*requirements]}],
    }
    python_env = {
        "python": python,
        "build_dependencies": ["pip"],
        "dependencies": [f"-r {REQUIREMENTS}"],
    }
    (folder / REQUIREMENTS).write_text("\n".join([*requirements, ""]), encoding="utf-8")
    (folder / CONDA).write_text(write_yaml(conda), encoding="utf-8")
    (folder / PYTHON_ENV).write_text(write_yaml(python_env), encoding="utf-8")


def chosen_requirements(
    inferred: Iterable[str],
    pip_requirements: Sequence[str] | str | Path | None = None,
    extra_pip_requirements: Sequence[str] | None = None,
) -> list[str]:
    """What the caller gave, or what was inferred, and what is to be added to it.

    Args:
        inferred: Pinned requirements.
        pip_requirements: All of them instead, as a list or the path of a requirements file.
        extra_pip_requirements: More; one that names the same distribution takes its place.

    Raises:
        InvalidInput: one is no requirement.
        NotFound: there is no such file.
    """
    given = [*inferred] if pip_requirements is None else _given(pip_requirements)
    extra = [*(extra_pip_requirements or ())]
    replaced = {distribution_of(one) for one in extra}
    return [one for one in given if distribution_of(one) not in replaced] + extra


def distribution_of(requirement: str) -> str:
    """The normal name of what a requirement asks for; a path, URL or option is its own. Raises `InvalidInput`."""
    text = requirement.strip()
    if not text or "\n" in text:
        raise InvalidInput(
            f"{requirement!r} is no requirement: expected one such as 'scikit-learn==1.7.2'"
        )
    if text.startswith(("-", "/", ".")) or "://" in text.partition("@")[0]:
        return text
    name = _NAME.match(text)
    if name is None:
        raise InvalidInput(
            f"{requirement!r} is no requirement: expected one such as 'scikit-learn==1.7.2'"
        )
    return _normal(name[0])


def infer_requirements(modules: Iterable[str], objects: Iterable[Any] = ()) -> list[str]:
    """Pinned requirements of what it takes to load a model.

    The distributions of the named modules and of what the objects' code imports, and those that these need in turn, as
    far as this process has imported them. So what runs the training (an orchestrator, a notebook) is not among them.
    """
    roots = {module.partition(".")[0] for module in modules}
    for one in objects:
        roots |= _packages_of(one)
    providers = _providers()
    imported = {_normal(name) for package in {*_imported()} for name in providers.get(package, ())}
    wanted = {_normal(name) for root in roots for name in providers.get(root, ())}
    found: set[str] = set()
    while wanted:
        name = wanted.pop()
        found.add(name)
        wanted |= (_needs(name) & imported) - found
    return sorted(pin for pin in map(_pinned, found) if pin)


def _given(requirements: Sequence[str] | str | Path) -> list[str]:
    if not isinstance(requirements, (str, Path)):
        return [*requirements]
    path = Path(requirements)
    if not path.is_file():
        raise NotFound(
            f"no requirements file {path}: pip_requirements is a list, or the path of a file"
        )
    lines = (
        line.partition(" #")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()
    )
    return [line for line in lines if line and not line.startswith("#")]


def _imported() -> set[str]:
    return {name.partition(".")[0] for name in list(sys.modules)}


def _packages_of(value: Any) -> set[str]:
    """The packages that the code of a value's class comes from; for code of no package, those that it imports."""
    classes = value.__mro__ if isinstance(value, type) else type(value).__mro__
    named = {cls.__module__ for cls in classes}
    if not isinstance(value, type) and isinstance(getattr(value, "__module__", None), str):
        named.add(value.__module__)  # a function
    found: set[str] = set()
    seen: set[str] = set()
    while named:
        name = named.pop()
        if name in seen:
            continue
        seen.add(name)
        root = name.partition(".")[0]
        if root in _providers() or root in sys.stdlib_module_names:
            found.add(root)
        elif root != "stageline":
            named |= _imports_of(sys.modules.get(name))
    return found


def _imports_of(module: ModuleType | None) -> set[str]:
    values: Mapping[str, Any] = vars(module) if module is not None else {}
    return {
        value.__name__ if isinstance(value, ModuleType) else str(value.__module__)
        for value in list(values.values())
        if isinstance(value, (ModuleType, type))
        or (callable(value) and isinstance(getattr(value, "__module__", None), str))
    }


@lru_cache(maxsize=1)
def _providers() -> Mapping[str, Sequence[str]]:
    return metadata.packages_distributions()


def _needs(name: str) -> set[str]:
    try:
        requires = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return set()
    plain = (one for one in requires if not _IS_EXTRA.search(one))
    return {_normal(found[0]) for one in plain if (found := _NAME.match(one))}


def _pinned(name: str) -> str | None:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
    return f"{name}=={version.partition('+')[0]}"  # a local build's label is on no index


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
