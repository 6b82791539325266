"""Lineage: what something came from and what came of it, as a drawing, as a list, and for other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from starlette.responses import Response

from stageline.errors import InvalidInput
from stageline.lineage.export.captions import nearest
from stageline.ui.lineage.layout import HEIGHT, WIDTH, lay_out
from stageline.ui.lineage.shapes import outline
from stageline.ui.lineage.things import KINDS, picture
from stageline.ui.view import View

if TYPE_CHECKING:
    from stageline.domain.graph import LineageGraph
    from stageline.ui.lineage.things import Thing
    from stageline.ui.page import Page

HOPS = 3
MOST_DRAWN = 60
"""More than anyone can take in; how many more there are is said."""
MOST_MET = 400
MOST_EXPORTED = 2_000
DIRECTIONS = ("both", "up", "down")


def lineage(page: Page) -> Response:
    """The drawing around what the address names, with one thing of it beside; or what could be asked about."""
    target = page.query.get("of", "").strip()
    if not target:
        known = page.workspace.registry.list()
        return page.render("lineage_start.html", models=known)
    direction = page.query.get("direction", "both")
    met = page.workspace.lineage.of(
        target, direction=direction, depth=HOPS + 1, most_nodes=MOST_MET
    )
    drawn = picture(nearest(_near(met), MOST_DRAWN), met)
    wanted = page.query.get("node", "")
    targets = [one for one in drawn.things if one.is_target]
    chosen = next((one for one in drawn.things if one.id == wanted), targets[-1])
    names = {one.id: one for one in drawn.things}
    return page.render(
        "lineage.html",
        target=target,
        title=targets[-1].label if targets[-1].kind == "run" else target,
        direction=direction,
        directions=DIRECTIONS,
        drawn=drawn,
        layout=lay_out(drawn),
        outlines={kind: outline(kind) for kind in KINDS},
        kinds=KINDS,
        chosen=chosen,
        told=_told(chosen, page.workspace.store.url),
        came_from=[(one, names[one.source]) for one in drawn.links if one.target == chosen.id],
        led_to=[(one, names[one.target]) for one in drawn.links if one.source == chosen.id],
        width=WIDTH,
        height=HEIGHT,
    )


def _told(thing: Thing, store_url: str) -> dict[str, str]:
    """What is recorded of a thing, without the addresses of this store: they may name a host or a folder."""
    kept = {name: text for name, text in thing.attributes.items() if name != "experiment_id"}
    return {name: text for name, text in kept.items() if not text.startswith(store_url)}


def export(page: Page, form: str) -> Response:
    """The graph in a language of others, as `stageline lineage show --format` has it."""
    graph = page.workspace.lineage.of(
        page.query.get("of", "").strip(),
        direction=page.query.get("direction", "both"),
        most_nodes=MOST_EXPORTED,
    )
    text, media_type = _exported(graph, form, page.workspace.store.url)
    headers = {"content-disposition": f"attachment; filename=lineage.{ENDINGS[form]}"}
    return Response(text, media_type=media_type, headers=headers)


ENDINGS = {"json": "json", "mermaid": "mmd", "dot": "dot", "openlineage": "ndjson"}


def _exported(graph: LineageGraph, form: str, store_url: str) -> tuple[bytes, str]:
    # Late: each is a language that few ask for.
    if form == "json":
        from stageline.lineage.export.document import to_json

        return to_json(graph), "application/json"
    if form == "mermaid":
        from stageline.lineage.export.mermaid import to_mermaid

        return to_mermaid(graph).encode(), "text/plain; charset=utf-8"
    if form == "dot":
        from stageline.lineage.export.dot import to_dot

        return to_dot(graph).encode(), "text/plain; charset=utf-8"
    if form == "openlineage":
        from stageline.lineage.export.openlineage import to_openlineage

        events = to_openlineage(graph, store_url)
        lines = b"".join(msgspec.json.encode(one) + b"\n" for one in events)
        return lines, "application/x-ndjson"
    raise InvalidInput(f"Invalid format {form[:50]!r}: expected one of {', '.join(ENDINGS)}")


def _near(met: LineageGraph) -> LineageGraph:
    """What is at most `HOPS` links away from what was asked about."""
    far = met.distances(met.targets)
    kept = [node for node in met.nodes if far.get(node.id, HOPS + 1) <= HOPS]
    return type(met).of(kept, met.edges, met.targets, is_cut=met.is_cut)


ROUTES = [
    View("/lineage", lineage, concerns_all=True),
    View("/lineage/export/{form}", export, concerns_all=True),
]
