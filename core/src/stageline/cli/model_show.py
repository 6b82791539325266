"""`stageline models show` and `verify`: what a model says of itself, who made it, and whether its files are whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.session import session
from stageline.errors import NotFound

if TYPE_CHECKING:
    from stageline.models.mlmodel import MLmodel
    from stageline.models.schema import Param, Schema
    from stageline.workspace import Workspace

CHECKED_AT_ONCE = 256 << 20
"""Bytes of a model up to which `show` fetches and checks it too."""

_URI = typer.Argument(
    metavar="URI",
    help="A folder, a URL, runs:/<run_id>/<path>, models:/<name>/<version, stage or latest>, models:/<name>@<alias>.",
)


def show(ctx: typer.Context, uri: str = _URI) -> None:
    """Show a model: flavors, signature, requirements, size, digests, and who made it."""
    from stageline.cli.progress import working
    from stageline.models.folder import model_files, read_model_folder

    here = session(ctx)
    with working("reading the model"):
        model = here.workspace.models.describe(uri)
        is_small = (model.model_size_bytes or 0) <= CHECKED_AT_ONCE
        folder = here.workspace.models.fetch(uri) if is_small else None
        if folder is not None:
            read_model_folder(folder)
    files = _sizes(model_files(folder)) if folder else {}
    document = {
        "uri": uri,
        "resolved": str(here.workspace.models.locate(uri)),
        "flavors": model.flavors,
        "signature": model.signature.to_dict() if model.signature else None,
        "requirements": _requirements(folder),
        "size_bytes": sum(files.values()) or model.model_size_bytes,
        "files": files,
        "digests": _digests(model, is_checked=folder is not None),
        "created": model.utc_time_created,
        "model_uuid": model.model_uuid,
        **_made_by(here.workspace, model),
    }
    here.answer(document, lambda: _print(document, model))


def verify(ctx: typer.Context, uri: str = _URI) -> None:
    """Check every file of a model against what was recorded; nothing of it is loaded."""
    from stageline.cli.progress import working
    from stageline.cli.render import file_size
    from stageline.models.folder import model_files, read_model_folder

    here = session(ctx)
    with working("checking the model"):
        folder = here.workspace.models.fetch(uri)
        model = read_model_folder(folder)
    files = _sizes(model_files(folder))
    total = file_size(sum(files.values()))
    told = "as they were saved" if model.digests else "there, but no digests were recorded"
    here.say(
        {
            "uri": uri,
            "files": files,
            "checked": sorted(model.digests),
            "is_checked": bool(model.digests),
        },
        f"{uri}: {len(files)} files, {total}, {told}",
    )


def _sizes(files: dict[str, Path]) -> dict[str, int]:
    return {name: path.stat().st_size for name, path in files.items()}


def _requirements(folder: Path | None) -> list[str]:
    from stageline.models.environment import REQUIREMENTS

    path = folder / REQUIREMENTS if folder else None
    if path is None or not path.is_file():
        return []
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _digests(model: MLmodel, *, is_checked: bool) -> str:
    if not model.digests:
        return "none recorded"
    return "checked" if is_checked else "not checked: large"


def _made_by(workspace: Workspace, model: MLmodel) -> dict[str, Any]:
    """The run that made it, as far as this store knows it."""
    if model.run_id is None:
        return {"run_id": None, "run_name": None, "user": None}
    try:
        info = workspace.runs.get(model.run_id).info
    except NotFound:  # logged in another store
        return {"run_id": model.run_id, "run_name": None, "user": None}
    return {"run_id": model.run_id, "run_name": info.run_name, "user": info.user_id}


def _print(document: dict[str, Any], model: MLmodel) -> None:
    from stageline.cli.render import file_size
    from stageline.cli.tables import Column, print_heading, print_table

    size = document["size_bytes"]
    made = [document["user"], f"run {document['run_id']}" if document["run_id"] else None]
    rows = [
        ["model", document["uri"]],
        ["is", document["resolved"]],
        ["flavors", ", ".join(sorted(model.flavors))],
        ["size", file_size(size) if size is not None else "not recorded"],
        ["digests", document["digests"]],
        ["made by", ", ".join(filter(None, made)) or "not recorded"],
        ["made at", f"{model.utc_time_created} UTC" if model.utc_time_created else "not recorded"],
    ]
    print_table([Column("", shrinks=False), Column("", shrinks=False)], rows)
    signature = model.signature
    for title, part in (
        ("takes", signature.inputs if signature else None),
        ("params", signature.params if signature else None),
        ("gives", signature.outputs if signature else None),
    ):
        if part:
            print_heading(title)
            print_table([Column("name", shrinks=False), Column("type")], _described(part))
    if document["requirements"]:
        print_heading("requirements")
        for line in document["requirements"]:
            print(line)


def _described(part: Schema | Sequence[Param]) -> list[list[str]]:
    rows = []
    for number, one in enumerate(part):
        name = getattr(one, "name", None)
        told = str(one).removeprefix(f"{name!r}: ")
        rows.append([str(number if name is None else name), told])
    return rows
