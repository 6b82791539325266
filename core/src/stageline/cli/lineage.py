"""`stageline lineage`: what something came from and what came of it, and what stands behind a version."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import typer

from stageline.cli.session import Session, session

if TYPE_CHECKING:
    from stageline.domain.graph import LineageGraph

app = typer.Typer(
    no_args_is_help=True,
    help="What came from what: datasets, runs, model versions, stages, deployments.",
)


class Format(str, Enum):
    """How a graph is told."""

    TREE = "tree"
    JSON = "json"
    MERMAID = "mermaid"
    DOT = "dot"
    OPENLINEAGE = "openlineage"


@app.command()
def show(
    ctx: typer.Context,
    target: str = typer.Argument(
        metavar="TARGET",
        help="models:/NAME/VERSION, models:/NAME/STAGE, models:/NAME@ALIAS, dataset:NAME[@DIGEST], or a run by its id, "
        "at least six characters of it, or its name.",
    ),
    up: bool = typer.Option(False, "--up", help="Only what it came from."),
    down: bool = typer.Option(False, "--down", help="Only what came of it."),
    both: bool = typer.Option(False, "--both", help="Both; the default."),
    depth: int = typer.Option(8, min=0, max=1000, help="Follow so many links each way."),
    form: Format = typer.Option(
        Format.TREE,
        "--format",
        help="A tree for people; JSON; charts; OpenLineage events, one a line.",
    ),
) -> None:
    """Show what TARGET came from, and what came of it."""
    here = session(ctx)
    direction = "both" if both or up == down else "up" if up else "down"
    graph = here.workspace.lineage.of(_target(here, target), direction=direction, depth=depth)
    _tell(here, graph, Format.JSON if here.as_json and form is Format.TREE else form)


@app.command()
def trace(
    ctx: typer.Context,
    uri: str = typer.Argument(
        metavar="MODEL", help="models:/NAME/STAGE, models:/NAME/VERSION or models:/NAME@ALIAS."
    ),
    as_of: str = typer.Option(
        "",
        metavar="DATE",
        help="As it stood then: 2026-03-01 (all of that day), 2026-03-01T17:30, with Z or +02:00 if not of here.",
    ),
) -> None:
    """Tell what stands behind a version: its run, data, code and task, who let it in, when and why."""
    from stageline.cli.dates import parse_date
    from stageline.cli.lineage_trace import print_trace, trace_document

    here = session(ctx)
    found = here.workspace.lineage.trace(uri, as_of=parse_date(as_of) if as_of else None)
    here.answer(trace_document(found), lambda: print_trace(found))


def _target(here: Session, text: str) -> str:
    if text.startswith(("models:", "runs:", "dataset:")):
        return text
    from stageline.cli.finding import find_run

    return find_run(here.workspace, text)


def _tell(here: Session, graph: LineageGraph, form: Format) -> None:
    # Each late: one line of the shell needs one of them.
    match form:
        case Format.TREE:
            from stageline.cli.lineage_tree import print_tree

            print_tree(graph)
        case Format.JSON:
            from stageline.lineage.export.document import to_json

            print(to_json(graph).decode())
        case Format.MERMAID:
            from stageline.lineage.export.mermaid import to_mermaid

            print(to_mermaid(graph), end="")
        case Format.DOT:
            from stageline.lineage.export.dot import to_dot

            print(to_dot(graph), end="")
        case Format.OPENLINEAGE:
            from stageline.lineage.export.openlineage import to_openlineage

            for event in to_openlineage(graph, here.workspace.store.url):
                here.line(event)
