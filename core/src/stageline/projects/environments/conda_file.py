"""conda.yaml: which part of it pip can install, and which only conda can."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stageline.errors import InvalidInput
from stageline.projects.environments.spec import CondaEnvironment

# channel::name operator version build; conda's own = is "starts with".
_PACKAGE = re.compile(
    r"^(?:[\w./-]+::)?(?P<name>[\w.-]+)\s*(?:(?P<operator>==|=|<=|>=|!=|<|>)\s*(?P<version>[\w.*+!]+))?(?:=[\w.*]+)?$"
)
_TOOLS = ("pip", "setuptools", "wheel")


def read_conda(file: Path, document: Mapping[str, Any]) -> CondaEnvironment:
    """What a conda.yaml asks for. Raises `InvalidInput`."""
    listed = document.get("dependencies")
    if listed is not None and not isinstance(listed, list):
        raise InvalidInput(f"dependencies in {file} should be a list, but is {listed!r}")
    python: str | None = None
    tools: list[str] = []
    pip: list[str] = []
    others: list[str] = []
    for one in listed or []:
        if isinstance(one, Mapping) and set(one) == {"pip"} and _are_texts(one["pip"]):
            pip += [line.strip() for line in one["pip"] if line.strip()]
            continue
        if not isinstance(one, str):
            raise InvalidInput(
                f"dependencies in {file} take names, and one {{pip: [...]}}; they have {one!r}"
            )
        found = _PACKAGE.match(one.strip())
        name = found["name"].lower() if found else ""
        if found and name == "python":
            python = _python(file, one, found["operator"], found["version"])
        elif found and name in _TOOLS:
            operator = "==" if found["operator"] == "=" else found["operator"] or ""
            tools.append(f"{name}{operator}{found['version'] or ''}")
        else:
            others.append(one.strip())
    return CondaEnvironment(file, python, tuple(tools), tuple(pip), tuple(others))


def _python(file: Path, text: str, operator: str | None, version: str | None) -> str | None:
    if operator is None or version is None:
        return None
    if operator in ("<", ">", "!="):
        raise InvalidInput(
            f"{text!r} in {file} does not say which Python it is: write it as python=3.11"
        )
    return version.rstrip("*").rstrip(".")


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
