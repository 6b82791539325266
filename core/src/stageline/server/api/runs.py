"""Runs: their attempts, the runs within them, and what came from what."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from stageline.domain.page import MAX_RESULTS_LIMIT
from stageline.domain.run import TAG_PARENT_RUN_ID, ViewType
from stageline.lineage.walk import Direction
from stageline.server.api import words
from stageline.server.api.asking import Asking, Pages, RunId
from stageline.server.api.failures import ToldRoute
from stageline.server.api.run_shapes import Attempts, Graph, OpenLineageEvents, RunInfo, RunPage

router = APIRouter(route_class=ToldRoute, tags=["runs"])

MOST_NODES = 2000
DEEPEST = 100


class Format(str, Enum):
    """How a graph is told."""

    JSON = "json"
    MERMAID = "mermaid"
    DOT = "dot"
    OPENLINEAGE = "openlineage"


@router.get("/runs/{run_id}")
def get_run(ask: Asking, run_id: RunId) -> RunInfo:
    """A run and its attempts; metrics and params are told by MLflow's `runs/get`."""
    ask.run_experiment(run_id)
    return words.run_info(ask.workspace.runs.get(run_id))


@router.get("/runs/{run_id}/attempts")
def list_attempts(ask: Asking, run_id: RunId) -> Attempts:
    """All tries of a run: how each ended, why, and when."""
    return Attempts(run_id=run_id, attempts=get_run(ask, run_id).attempts)


@router.get("/runs/{run_id}/children")
def list_children(ask: Asking, run_id: RunId, pages: Pages) -> RunPage:
    """The runs that were started within a run, in any experiment, the newest first."""
    ask.run_experiment(run_id)
    found = ask.workspace.search_runs(
        [
            one.experiment_id
            for one in ask.workspace.experiments.list(ViewType.ALL)
            if ask.caller.may("read", experiment=one.name)
        ],
        f"tags.`{TAG_PARENT_RUN_ID}` = '{run_id}'",
        max_results=min(pages.count, MAX_RESULTS_LIMIT),
        page_token=pages.token,
    )
    return RunPage(runs=[words.run_info(one) for one in found], next_page_token=found.token)


_IMAGES: dict[str, Any] = {
    "text/plain": {"schema": {"type": "string"}, "example": "flowchart LR\n"},
    "text/vnd.graphviz": {"schema": {"type": "string"}, "example": "digraph lineage {\n}\n"},
}


@router.get(
    "/lineage",
    tags=["lineage"],
    response_model=Graph | OpenLineageEvents,
    responses={200: {"content": _IMAGES}},
)
def get_lineage(
    ask: Asking,
    target: Annotated[
        str,
        Query(
            description="`models:/NAME/VERSION`, `models:/NAME/STAGE`, `models:/NAME@ALIAS`, `runs:/ID/PATH`, "
            "`dataset:NAME[@DIGEST]`, or a run's id.",
            examples=["models:/wine/1"],
        ),
    ],
    direction: Annotated[Direction, Query()] = Direction.BOTH,
    depth: Annotated[int, Query(ge=0, le=DEEPEST)] = 8,
    most_nodes: Annotated[int, Query(ge=1, le=MOST_NODES)] = MOST_NODES,
    format: Annotated[Format, Query()] = Format.JSON,
) -> Any:
    """What something came from and what came of it: as JSON, as a chart, as events of OpenLineage."""
    ask.check_all("read")  # a graph leads from one experiment and model to any other
    graph = ask.workspace.lineage.of(
        target, direction=direction, depth=depth, most_nodes=most_nodes
    )
    # Each late: one request needs one of them.
    if format is Format.MERMAID:
        from stageline.lineage.export.mermaid import to_mermaid

        return Response(to_mermaid(graph), media_type="text/plain")
    if format is Format.DOT:
        from stageline.lineage.export.dot import to_dot

        return Response(to_dot(graph), media_type="text/vnd.graphviz")
    if format is Format.OPENLINEAGE:
        from stageline.lineage.export.openlineage import to_openlineage

        return OpenLineageEvents(events=to_openlineage(graph, ask.workspace.store.url))
    from stageline.lineage.export.document import to_document

    return Graph.model_validate(to_document(graph))
