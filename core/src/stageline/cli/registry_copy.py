"""`stageline registry copy`: a version to another store."""

from __future__ import annotations

import typer

from stageline.cli.registry_naming import ACTOR, VERSION, document, label, registry
from stageline.cli.session import session


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command("copy")(copy_version)


def copy_version(
    ctx: typer.Context,
    version: str = VERSION,
    to: str = typer.Option(
        metavar="URL", help="The other store: a folder, or any URL that fsspec knows."
    ),
    name: str | None = typer.Option(None, help="Its name there; default: the same."),
    all_artifacts: bool = typer.Option(
        False, "--all-artifacts", help="Take all files of the run, not only the model's."
    ),
    actor: str = ACTOR,
) -> None:
    """Take a version to another store: its files, its run, and where it came from. The same again changes nothing.

    It gets a number of its own there and begins in the first stage. A copy that was interrupted goes on.
    """
    from stageline.cli.progress import Bar

    here = session(ctx)
    desk = registry(here, actor)
    found = desk.get_by_uri(version)
    size = 0
    if found.run_id is not None:
        folder = None if all_artifacts else found.artifact_path
        files = here.workspace.artifacts(found.run_id).walk(folder)
        size = sum(file.file_size or 0 for file in files)
    with Bar("copying", size, in_bytes=True) as bar:
        made = desk.copy(version, to, name, all_artifacts=all_artifacts, progress=bar)
    here.say(
        {**document(made), "model_uri": f"models:/{made.name}/{made.version}"},
        f"models:/{found.name}/{found.version} is {label(made)} there, in {made.current_stage}",
    )
