"""The page of the Python API: each public name with its signature and docstring, read from the source.

Nothing is imported, so that an orchestrator need not be installed for its integration to be described.
"""

from __future__ import annotations

import ast
from pathlib import Path

from pagetext import docstring

ROOT = Path(__file__).parents[2]
SOURCES = [ROOT / "core/src", ROOT / "integrations/prefect/src", ROOT / "integrations/airflow/src"]
PACKAGES = {
    "stageline": "Tracking, models and the registry; its functions have MLflow's names.",
    "stageline.tasks": "What an integration with an orchestrator is made of.",
    "prefect_stageline": "For [Prefect](../prefect.md).",
    "airflow_provider_stageline": "For [Airflow](../airflow.md).",
}
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def python_page() -> str:
    """All public names as Markdown."""
    parts = ["# Python\n\nWhat is here, stays ([stability](../stability.md)).\n"]
    for package, about in PACKAGES.items():
        parts.append(f"## `{package}`\n\n{about}\n")
        parts += [_told(package, name) for name in public(package)]
    return "\n".join(parts)


def public(package: str) -> list[str]:
    """The names in the `__all__` of a package."""
    for node in _tree(package).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    raise LookupError(f"{package} has no __all__")


def _told(package: str, name: str) -> str:
    module, node = _found(package, name)
    head = f"### `{name}`\n\nof `{module}`\n"
    if isinstance(node, Definition):
        text = docstring(ast.get_docstring(node))
        return f"{head}\n```python\n{_signature(node)}\n```\n\n{text}\n"
    return f"{head}\n```python\n{ast.unparse(node)}\n```\n" if node is not None else head


def _signature(node: Definition) -> str:
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(one) for one in node.bases)
        inits = [one for one in node.body if getattr(one, "name", "") == "__init__"]
        head = f"class {node.name}({bases})" if bases else f"class {node.name}"
        return "\n    ".join(
            [head, *(_signature(one) for one in inits if isinstance(one, Definition))]
        )
    word = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    answer = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    plain = f"{word} {node.name}({ast.unparse(node.args)}){answer}"
    if len(plain) < 100:
        return plain
    return f"{word} {node.name}(\n{''.join(f'    {one},{chr(10)}' for one in _parts(node.args))}){answer}"


def _parts(given: ast.arguments) -> list[str]:
    """The parameters, each as it is written."""
    text, parts, depth = ast.unparse(given), [""], 0
    for letter in text:
        depth += (letter in "([{") - (letter in ")]}")
        parts[-1] += letter
        if letter == "," and depth == 0:
            parts[-1] = parts[-1][:-1].strip()
            parts.append("")
    return [one.strip() for one in parts]


def _found(module: str, name: str) -> tuple[str, ast.stmt | None]:
    """Where `name` is defined, following imports as far as they lead through our own packages."""
    tree = _tree(module)
    for node in tree.body:
        targets = [node] if isinstance(node, Definition) and not _is_overload(node) else []
        if any(one.name == name for one in targets):
            return module, node
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if getattr(target, "id", "") == name:
                return module, node
    for inner in ast.walk(tree):
        if isinstance(inner, ast.ImportFrom) and inner.module:
            for one in inner.names:
                if (one.asname or one.name) == name and inner.module.split(".")[0] in _OURS:
                    return _found(inner.module, one.name)
    return module, None


def _is_overload(node: Definition) -> bool:
    """Whether it only says a type: what is told stands at the definition itself."""
    return any(getattr(one, "id", "") == "overload" for one in node.decorator_list)


_OURS = {package.split(".")[0] for package in PACKAGES}


def _tree(module: str) -> ast.Module:
    path = Path(*module.split("."))
    for source in SOURCES:
        for file in (source / path / "__init__.py", source / path.with_suffix(".py")):
            if file.exists():
                return ast.parse(file.read_text("utf-8"))
    raise LookupError(f"{module} is none of our modules")
