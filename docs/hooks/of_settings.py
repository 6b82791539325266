"""The page of the settings, from the docstrings of `stageline.settings.Settings`."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
from pagetext import table

from stageline import settings

HEAD = """# Settings

A setting is an argument of `Workspace.open`, a variable of the environment, or a line of a TOML file, in this order:
the file is the one that `STAGELINE_CONFIG` names, or `~/.config/stageline/config.toml`.

"""


def settings_page() -> str:
    """All settings as Markdown."""
    told = told_of(settings.Settings)
    rows = [
        (f"`{one.name}`", f"`STAGELINE_{one.name.upper()}`", _default(one), told[one.name])
        for one in msgspec.structs.fields(settings.Settings)
    ]
    return HEAD + table(("setting", "in the environment", "default", ""), rows)


def told_of(kind: type[Any]) -> dict[str, str]:
    """What stands under each field of a class."""
    tree = ast.parse(Path(inspect.getfile(kind)).read_text("utf-8"))
    (body,) = [
        one.body
        for one in ast.walk(tree)
        if isinstance(one, ast.ClassDef) and one.name == kind.__name__
    ]
    return {
        field.target.id: text.value.value
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }


def _default(field: Any) -> str:
    value = {} if field.default is msgspec.NODEFAULT else field.default
    return "" if value in ("", {}) else f"`{value}`"
