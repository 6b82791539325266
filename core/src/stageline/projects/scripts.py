"""Scripts as entry points: a project without an MLproject file has no others."""

from __future__ import annotations

import os
import shlex
from pathlib import Path


def script_command(name: str) -> str | None:
    """The command that runs a script, by the ending of its name, as a template; None for any other ending."""
    extension = os.path.splitext(name)[1]
    # A path that begins with a dash would be an option.
    path = _as_template(shlex.quote(f"./{name}" if name.startswith("-") else name))
    if extension == ".py":
        return f"python {path}"
    if extension == ".sh":
        return f"{_as_template(shlex.quote(os.environ.get('SHELL') or 'bash'))} {path}"
    if extension == ".R":
        return f"Rscript -e {_as_template(shlex.quote(_r_expression(name)))} --args"
    return None


def _r_expression(name: str) -> str:
    """As MLflow, by way of its R package, which hands the script its parameters; without it, the script alone."""
    text = name.replace("\\", "\\\\").replace("'", "\\'")
    return (
        "if (requireNamespace('mlflow', quietly = TRUE)) "
        f"mlflow::mlflow_source('{text}') else source('{text}')"
    )


def _as_template(text: str) -> str:
    """Text that stands for itself in a command."""
    return text.replace("{", "{{").replace("}", "}}")


def scripts_in(folder: Path) -> list[str]:
    """The scripts that lie directly in `folder`."""
    return sorted(path.name for path in folder.iterdir() if path.suffix in (".py", ".sh", ".R"))
