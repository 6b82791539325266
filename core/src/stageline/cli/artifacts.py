"""`stageline artifacts`: the files of runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stageline.cli.session import session

if TYPE_CHECKING:
    from stageline.domain.run import ArtifactFile

app = typer.Typer(no_args_is_help=True, help="List, fetch and add the files of runs.")

_RUN = typer.Argument(metavar="RUN", help="A run, by id, beginning of an id, or name.")
_PATH = typer.Argument(
    "", metavar="[PATH]", help="A file or folder of the run's artifacts; all of them if not given."
)


@app.command("list")
def list_artifacts(
    ctx: typer.Context,
    run: str = _RUN,
    path: str = _PATH,
    tree: bool = typer.Option(False, "--tree", help="With what is in the folders, at any depth."),
) -> None:
    """List a run's files."""
    from stageline.cli.documents import file_document
    from stageline.cli.finding import find_run

    here = session(ctx)
    files = here.workspace.artifacts(find_run(here.workspace, run))
    found = list(files.walk(path)) if tree else files.list(path)
    show = _print_tree if tree else _print_list
    here.answer({"artifacts": [file_document(file) for file in found]}, lambda: show(found, path))


@app.command()
def download(
    ctx: typer.Context,
    run: str = _RUN,
    path: str = _PATH,
    to: Path | None = typer.Option(
        None,
        "--output",
        "-o",
        metavar="DIR",
        help="Where to; default: here, or for all files a folder named by the id.",
    ),
) -> None:
    """Fetch a run's files, each checked against what was logged."""
    from stageline.cli.finding import find_run
    from stageline.cli.progress import Bar

    here = session(ctx)
    run_id = find_run(here.workspace, run)
    files = here.workspace.artifacts(run_id)
    folder = to or Path("." if path else run_id)
    size = sum(file.file_size or 0 for file in files.walk(path))
    with Bar("downloading", size, in_bytes=True) as bar:
        place = files.download(path, folder, progress=bar)
    here.say({"run_id": run_id, "path": str(place)}, str(place))


@app.command()
def upload(
    ctx: typer.Context,
    run: str = _RUN,
    local: Path = typer.Argument(
        metavar="LOCAL", help="A file, or a folder, which keeps its name."
    ),
    to: str = typer.Option(
        "", "--to", metavar="PATH", help="A folder of the run's artifacts to put it in."
    ),
) -> None:
    """Add a file or a folder to a run."""
    from stageline.cli.finding import find_run
    from stageline.cli.progress import Bar

    here = session(ctx)
    run_id = find_run(here.workspace, run)
    with Bar("uploading", _size(local), in_bytes=True) as bar:
        here.workspace.artifacts(run_id).log_file(local, to or None, progress=bar)
    path = "/".join(filter(None, [to.strip("/"), local.name or local.resolve().name]))
    here.say(
        {"run_id": run_id, "artifact_path": path},
        f"{here.workspace.runs.artifact_uri(run_id)}/{path}",
    )


def _size(local: Path) -> int:
    if local.is_file():
        return local.stat().st_size
    return sum(file.stat().st_size for file in local.rglob("*") if file.is_file())


def _print_list(files: Sequence[ArtifactFile], path: str) -> None:
    from stageline.cli.render import file_size
    from stageline.cli.tables import Column, print_table

    if not files:
        print(f"nothing under {path!r}" if path else "the run has no files")
        return
    rows = [
        [f"{f.path}/" if f.is_dir else f.path, "" if f.is_dir else file_size(f.file_size or 0)]
        for f in files
    ]
    print_table([Column("path", shrinks=False), Column("size", is_number=True)], rows)


def _print_tree(files: Sequence[ArtifactFile], path: str) -> None:
    for line in tree_lines(files) or [
        f"nothing under {path!r}" if path else "the run has no files"
    ]:
        print(line)


def tree_lines(files: Sequence[ArtifactFile]) -> list[str]:
    """Files as a tree, folders before what is in them."""
    root: dict[str, dict[str, object] | ArtifactFile] = {}
    for file in files:
        *folders, name = file.path.split("/")
        place = root
        for folder in folders:
            place = place.setdefault(f"{folder}/", {})  # type: ignore[assignment]  # a tree has no shorter type
        place[name] = file
    return list(_branches(root, ""))


def _branches(place: dict[str, dict[str, object] | ArtifactFile], indent: str) -> Iterator[str]:
    from stageline.cli.render import clean, file_size

    for number, (name, item) in enumerate(place.items(), 1):
        is_last = number == len(place)
        size = "" if isinstance(item, dict) else f"  {file_size(item.file_size or 0)}"
        yield f"{indent}{'└── ' if is_last else '├── '}{clean(name)}{size}"
        if isinstance(item, dict):
            yield from _branches(item, indent + ("    " if is_last else "│   "))  # type: ignore[arg-type]
