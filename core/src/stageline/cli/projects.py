"""`stageline run`: an entry point of a project, run as a tracked run."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from stageline.cli.session import Session, session
from stageline.errors import InvalidInput

if TYPE_CHECKING:
    from stageline.projects.options import RunOptions

_EPILOG = """\b
Exit codes:
  0    the run is finished
  11   the run failed, or was killed from elsewhere
  130  it was interrupted
Others are those of errors: 2 for bad input, 3 for no such project, 7 for a store that is away."""


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command(epilog=_EPILOG)(run)


def run(
    ctx: typer.Context,
    uri: str = typer.Argument(
        metavar="URI",
        help="A folder, an archive, a git repository, or any URL that fsspec knows; #subfolder names a folder in it.",
    ),
    entry_point: str | None = typer.Option(
        None,
        "--entry-point",
        "-e",
        metavar="NAME",
        help="An entry point of the MLproject file, or a script: .py, .sh or .R; default: its steps, else main.",
    ),
    version: str | None = typer.Option(
        None, "--version", "-v", metavar="VERSION", help="A branch, a tag or a commit, for git."
    ),
    parameters: list[str] = typer.Option(
        [], "--param-list", "-P", metavar="NAME=VALUE", help="A parameter; may be repeated."
    ),
    docker_args: list[str] = typer.Option(
        [],
        "--docker-args",
        "-A",
        metavar="NAME[=VALUE]",
        help="An option of `docker run`; may be repeated.",
    ),
    experiment_name: str | None = typer.Option(
        None, metavar="NAME", help="Experiment of the run; made if need be."
    ),
    experiment_id: str | None = typer.Option(None, metavar="ID", help="The same by id."),
    backend: str = typer.Option("local", "--backend", "-b", metavar="NAME", help="What runs it."),
    backend_config: str | None = typer.Option(
        None,
        "--backend-config",
        "-c",
        metavar="FILE",
        help="What the backend asks for: a file that ends in .json, or JSON.",
    ),
    env_manager: str | None = typer.Option(
        None,
        metavar="KIND",
        help="uv, virtualenv, conda, docker or local; default: what suits the project.",
    ),
    storage_dir: Path | None = typer.Option(
        None, metavar="FOLDER", help="Where files from URLs go, and stay."
    ),
    run_id: str | None = typer.Option(
        None, metavar="RUN_ID", help="A run to go on with, instead of a new one."
    ),
    run_name: str | None = typer.Option(None, metavar="NAME", help="Name of the run."),
    build_image: bool = typer.Option(
        False, "--build-image", help="Build a docker image with the project's code in it."
    ),
    max_parallel: int | None = typer.Option(
        None,
        metavar="N",
        min=1,
        help="Steps side by side at most; default: one for each processor.",
    ),
    cache: bool = typer.Option(
        True, "--cache/--no-cache", help="Skip steps that were run before with all the same."
    ),
    refresh: list[str] = typer.Option(
        [], "--refresh", metavar="STEP", help="A step to run again in any case; may be repeated."
    ),
    dry_run: bool = typer.Option(
        False,
        "--dry-run",
        help="Print the command and its environment, or which steps would run and why, and record nothing.",
    ),
) -> None:
    """Run a project, from anywhere, as a tracked run; its output appears here and is kept with the run."""
    from stageline.fluent.projects import placed

    here = session(ctx)
    options: RunOptions = {
        "version": version,
        "docker_args": _pairs(docker_args, "-A", or_true=True),
        "experiment_name": experiment_name,
        "experiment_id": experiment_id,
        "backend": backend,
        "backend_config": _config(backend_config),
        "env_manager": env_manager,
        "storage_dir": storage_dir,
        "run_id": run_id,
        "run_name": run_name,
        "build_image": build_image,
        "max_parallel": max_parallel,
        "use_cache": cache,
        "refresh": refresh,
        "say": _say,
    }
    given = _pairs(parameters, "-P")
    projects = here.workspace.projects
    if dry_run:
        described = projects.describe(uri, entry_point, given, **placed(options))
        here.say({"dry_run": described}, described)
        return
    _run(here, uri, entry_point, given, placed(options))


def _run(
    here: Session, uri: str, entry_point: str | None, given: Mapping[str, Any], options: RunOptions
) -> None:
    from stageline.cli.documents import run_document

    # With --json, standard output is the answer's alone.
    aside = contextlib.redirect_stdout(sys.stderr) if here.as_json else contextlib.nullcontext()
    try:
        with aside:
            submitted = here.workspace.projects.run(uri, entry_point, given, **options)
    except KeyboardInterrupt:
        print("interrupted: the run is KILLED", file=sys.stderr)
        raise typer.Exit(130) from None
    _say(f"run {submitted.run_id} is finished")
    if here.as_json:
        here.line(run_document(here.workspace.runs.get(submitted.run_id)))


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _pairs(texts: Sequence[str], option: str, *, or_true: bool = False) -> dict[str, Any]:
    """Values by name, as MLflow reads them: no name twice, and a docker option may stand alone."""
    pairs: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not (equals or or_true):
            raise InvalidInput(
                f"expected {option} NAME=VALUE, such as {option} alpha=0.5, not {text!r}"
            )
        if name in pairs:
            raise InvalidInput(f"{option} {name} is given twice: give it once")
        pairs[name] = value if equals else True
    return pairs


def _config(text: str | None) -> Mapping[str, Any] | None:
    if text is None:
        return None
    try:
        document = json.loads(Path(text).read_bytes() if text.endswith(".json") else text)
    except OSError as error:
        raise InvalidInput(f"--backend-config {text} can not be read: {error.strerror}") from error
    except ValueError as error:
        raise InvalidInput(f"--backend-config is not JSON: {error}") from None
    if not isinstance(document, dict):
        raise InvalidInput(f"--backend-config should be a JSON object, not {document!r}")
    return document
