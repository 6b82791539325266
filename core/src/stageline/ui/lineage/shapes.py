"""The outline of each kind of thing, so that no kind is known by its colour alone."""

from __future__ import annotations

from stageline.ui.lineage.layout import HEIGHT, WIDTH
from stageline.ui.lineage.things import COMMIT, TASK

_W, _H = WIDTH, HEIGHT


def outline(kind: str) -> str:
    """The path of an SVG, from the left upper corner of the thing."""
    return _OUTLINES.get(kind, _OUTLINES["model_version"])


def _round(radius: float) -> str:
    r, w, h = radius, _W - 2 * radius, _H - 2 * radius
    corner = f"a{r},{r} 0 0 1"
    return f"M{r},0h{w}{corner} {r},{r}v{h}{corner} -{r},{r}h-{w}{corner} -{r},-{r}v-{h}{corner} {r},-{r}z"


_OUTLINES = {
    # A drum, as data are drawn everywhere.
    "dataset": f"M0,4a{_W / 2},4 0 0 1 {_W},0v{_H - 8}a{_W / 2},4 0 0 1 -{_W},0zM0,4a{_W / 2},4 0 0 0 {_W},0",
    "run": _round(_H / 2),
    TASK: f"M0,0h{_W - 14}l14,{_H / 2}l-14,{_H / 2}h-{_W - 14}z",
    COMMIT: f"M8,0h{_W - 8}v{_H - 8}l-8,8h-{_W - 8}v-{_H - 8}z",
    "model": f"M12,0h{_W - 12}l-12,{_H}h-{_W - 12}z",
    "model_version": _round(4),
    "stage": f"M14,0h{_W - 28}l14,{_H / 2}l-14,{_H / 2}h-{_W - 28}l-14,-{_H / 2}z",
    "deployment": f"{_round(4)}M8,0v{_H}M{_W - 8},0v{_H}",
}
