"""The `stageline` command: its groups, its global options, and how an error ends it."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from stageline.cli import (
    artifacts,
    care,
    experiments,
    exporting,
    importing,
    lineage,
    models,
    plugins,
    project_environments,
    projects,
    registry,
    runs,
    server,
    ui,
)
from stageline.cli.session import Session
from stageline.errors import StagelineError, reaction

# What the parser raises for a wrong option. Typer before 0.16 takes it from click, later ones have their own.
_USAGE_ERROR: Any = typer.BadParameter.__mro__[2]
_ANYWHERE = {"--json": 0, "--store": 1}


class _Root(TyperGroup):
    """Takes the global options anywhere on the line, and turns errors into one line and an exit code."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _hoisted(args))

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        given = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in given
        extra["standalone_mode"] = False
        try:
            code = super().main(given, *rest, **extra)
        except StagelineError as error:
            _tell(error.code, str(error), as_json)
            code = reaction(error).exit_code
        except _USAGE_ERROR as error:
            if as_json:
                _tell("invalid_input", error.format_message(), as_json)
            else:
                error.show()
            code = error.exit_code
        except typer.Abort:
            print("aborted: nothing was changed", file=sys.stderr)
            code = 1
        sys.exit(code if isinstance(code, int) else 0)


app = typer.Typer(
    cls=_Root,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Track machine learning in your own bucket or folder: no server, no database.\n\n"
    "--store and --json may stand anywhere on the line.",
)
app.add_typer(runs.app, name="runs")
app.add_typer(experiments.app, name="experiments")
app.add_typer(artifacts.app, name="artifacts")
app.add_typer(importing.app, name="import")
app.add_typer(exporting.app, name="export")
app.add_typer(lineage.app, name="lineage")
app.add_typer(models.app, name="models")
app.add_typer(registry.app, name="registry")
app.add_typer(project_environments.app, name="projects")
app.add_typer(plugins.watch, name="watch")
projects.register(app)
care.register(app)
server.register(app)
ui.register(app)


def main() -> None:
    """The console script."""
    if isinstance(
        sys.stdout, io.TextIOWrapper
    ):  # a terminal that knows no block characters gets question marks
        sys.stdout.reconfigure(errors="replace")
    app()


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # late: it costs as much as all the rest

        print(f"stageline {version('stageline')}")
        raise typer.Exit


@app.callback()
def options(
    ctx: typer.Context,
    store: str | None = typer.Option(
        None,
        metavar="URL",
        help="The store: a folder, or any URL that fsspec knows; default: STAGELINE_STORE, or ./mlstore.",
    ),
    as_json: bool = typer.Option(False, "--json", help="Answer in JSON, for programs."),
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and leave."
    ),
) -> None:
    """Keep what was given for the whole line."""
    ctx.obj = Session(store, as_json)


def _hoisted(args: list[str]) -> list[str]:
    """`args` with the global options first, wherever they stood before a `--`."""
    front: list[str] = []
    rest: list[str] = []
    left = iter(args)
    for arg in left:
        if arg == "--":
            rest.append(arg)
            break
        name = arg.partition("=")[0]
        if name not in _ANYWHERE:
            rest.append(arg)
            continue
        front.append(arg)
        if _ANYWHERE[name] and name == arg:
            front += [value for value in [next(left, None)] if value is not None]
    return [*front, *rest, *left]


def _tell(code: str, message: str, as_json: bool) -> None:
    if as_json:
        print(json.dumps({"error": {"code": code, "message": message}}))
    else:
        print(f"error: {message}", file=sys.stderr)
