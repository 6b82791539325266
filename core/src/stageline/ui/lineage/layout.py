"""Where each thing lies: layers from left to right, by grandalf; long lines go between the things on their way."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

from grandalf.graphs import Edge, Graph, Vertex
from grandalf.layouts import SugiyamaLayout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stageline.ui.lineage.things import Link, Picture, Thing

WIDTH, HEIGHT = 176, 44
"""Of a thing, in pixels."""
_BETWEEN_LAYERS = 44
_BETWEEN_THINGS = 18
_MARGIN = 12
_PASSES = 3
"""Over the layers, to cross fewer lines; more change little."""


class Placed(NamedTuple):
    """A thing, by its left upper corner."""

    thing: Thing
    x: float
    y: float


class Line(NamedTuple):
    """A link, as the path of an SVG."""

    link: Link
    path: str


class Layout(NamedTuple):
    """The whole drawing."""

    placed: Sequence[Placed]
    lines: Sequence[Line]
    width: float
    height: float


class _Box:
    """What grandalf asks of a thing: it draws from top to bottom, so width and height change places."""

    w, h = HEIGHT, WIDTH

    def __init__(self) -> None:
        self.xy = (0.0, 0.0)


class _Route:
    """What grandalf tells of an edge: the points that it goes through."""

    def __init__(self) -> None:
        self.points: list[tuple[float, float]] = []

    def setpath(self, points: list[tuple[float, float]]) -> None:
        """Called by grandalf."""
        self.points = points


def lay_out(drawn: Picture) -> Layout:
    """The drawing. What hangs together is one block; blocks stand below each other."""
    vertices = {one.id: _vertex(one) for one in drawn.things}
    edges = [_edge(one, vertices) for one in drawn.links if one.source != one.target]
    placed: list[Placed] = []
    lines: list[Line] = []
    bottom = float(_MARGIN)
    width = 0.0
    for block in Graph(list(vertices.values()), edges).C:
        layout = SugiyamaLayout(block)
        layout.xspace, layout.yspace = _BETWEEN_THINGS, _BETWEEN_LAYERS
        layout.init_all()
        layout.draw(_PASSES)
        boxes = [(v.data, v.view.xy[1] - WIDTH / 2, v.view.xy[0] - HEIGHT / 2) for v in block.sV]
        left, top = min(x for _, x, _ in boxes), min(y for _, _, y in boxes)
        right, down = _MARGIN - left, bottom - top
        here = [Placed(thing, round(x + right, 1), round(y + down, 1)) for thing, x, y in boxes]
        placed += here
        for edge in block.sE:
            inner = [(y + right, x + down) for x, y in edge.view.points[1:-1]]
            lines.append(Line(edge.data, _path(edge, inner, right, down)))
        bottom = max(one.y for one in here) + HEIGHT + _BETWEEN_THINGS
        width = max(width, max(one.x for one in here) + WIDTH + _MARGIN)
    return Layout(placed, lines, width, bottom + _MARGIN - _BETWEEN_THINGS)


def _vertex(thing: Thing) -> Any:
    vertex = Vertex(thing)
    vertex.view = _Box()
    return vertex


def _edge(link: Link, vertices: dict[str, Any]) -> Any:
    edge = Edge(vertices[link.source], vertices[link.target], data=link)
    edge.view = _Route()
    return edge


def _path(edge: Any, inner: Sequence[tuple[float, float]], right: float, down: float) -> str:
    """From the right side of the source to the left side of the target, level at both ends and in between."""
    source, target = edge.v
    begin = (source.view.xy[1] + WIDTH / 2 + right, source.view.xy[0] + down)
    end = (target.view.xy[1] - WIDTH / 2 + right, target.view.xy[0] + down)
    points = [begin, *sorted(inner), end]
    told = [f"M{begin[0]:.1f},{begin[1]:.1f}"]
    for (x, y), (to_x, to_y) in pairwise(points):
        bend = max((to_x - x) / 2, 16)
        told.append(f"C{x + bend:.1f},{y:.1f} {to_x - bend:.1f},{to_y:.1f} {to_x:.1f},{to_y:.1f}")
    return " ".join(told)
