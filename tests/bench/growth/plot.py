"""The kept curves as pictures: SVG with logarithmic axes, legible on light and dark pages."""

from __future__ import annotations

import math
from html import escape
from pathlib import Path
from typing import Any

from growth.curves import CURVES, Curve, kept

PICTURES = Path(__file__).resolve().parents[3] / "docs/pictures"
WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 48, 52
GAP = 15
"""Between names at the ends of lines."""

# Okabe and Ito's palette, which people who see fewer colours can tell apart; each has a lighter one on dark.
COLOURS = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff9a56"),
    ("#009e73", "#4fd1a5"),
    ("#b0578d", "#eba6cc"),
    ("#8a6d00", "#f0c93f"),
    ("#6b4fbb", "#b39dff"),
    ("#444444", "#cccccc"),
    ("#a3333d", "#f28b82"),
)

Line = list[tuple[float, float]]


def draw() -> list[Path]:
    """A picture for each curve that was measured."""
    found = kept()
    PICTURES.mkdir(parents=True, exist_ok=True)
    drawn = []
    for curve in CURVES:
        if curve.name in found:
            path = PICTURES / f"growth-{curve.name}.svg"
            path.write_text(picture(curve, lines_of(curve, found[curve.name])))
            drawn.append(path)
    return drawn


def lines_of(curve: Curve, points: dict[str, list[dict[str, Any]]]) -> dict[str, Line]:
    """What is drawn: for each step its figure at each size."""
    lines: dict[str, Line] = {}
    for size, costs in points.items():
        for cost in costs:
            figure = cost[curve.figure]
            value = sum(figure.values()) if isinstance(figure, dict) else figure
            lines.setdefault(cost["step"], []).append((float(size), max(value, 0.01)))
    return lines


def picture(curve: Curve, lines: dict[str, Line]) -> str:
    """One curve as an SVG document."""
    across = [x for line in lines.values() for x, _ in line]
    up = [y for line in lines.values() for _, y in line]
    low, high = math.floor(math.log10(min(up))), math.ceil(math.log10(max(up)))
    high += low == high
    first, last = math.log10(min(across)), math.log10(max(across))

    def at(x: float, y: float) -> tuple[float, float]:
        right = (math.log10(x) - first) / ((last - first) or 1)
        above = (math.log10(y) - low) / (high - low)
        return (
            LEFT + right * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - above * (HEIGHT - TOP - BOTTOM),
        )

    unit = "ms of CPU" if curve.figure == "cpu_ms" else "requests each"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(curve.title)}: {unit} by {curve.grows}">',
        _style(),
        f'<rect class="page" width="{WIDTH}" height="{HEIGHT}"/>',
        f'<text class="title" x="{LEFT}" y="24">{escape(curve.title)}: {unit}</text>',
    ]
    for power in range(low, high + 1):
        _, y = at(min(across), 10.0**power)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="end" x="{LEFT - 8}" y="{y + 4:.1f}">{10.0**power:,g}</text>')
    for size in sorted(set(across)):
        x, _ = at(size, 10.0**low)
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{HEIGHT - BOTTOM}"/>')
        parts.append(f'<text class="middle" x="{x:.1f}" y="{HEIGHT - 30}">{size:,.0f}</text>')
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(
        f'<text class="middle" x="{middle}" y="{HEIGHT - 10}">{escape(curve.grows)}</text>'
    )
    ends = _apart({name: at(*line[-1])[1] for name, line in lines.items()})
    for number, (name, line) in enumerate(lines.items()):
        places = [at(*point) for point in line]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path class="line c{number}" d="M{path}"/>')
        parts += [
            f'<circle class="dot c{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in places
        ]
        x = places[-1][0]
        parts.append(
            f'<path class="lead" d="M{x + 4:.1f} {places[-1][1]:.1f}L{x + 12:.1f} {ends[name]:.1f}"/>'
        )
        parts.append(
            f'<text class="name c{number}" x="{x + 15:.1f}" y="{ends[name] + 4:.1f}">{escape(name)}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _apart(wanted: dict[str, float]) -> dict[str, float]:
    """Heights of names, moved so that none lies on another."""
    placed: dict[str, float] = {}
    lowest = HEIGHT - BOTTOM + 4.0
    for name, height in sorted(wanted.items(), key=lambda item: -item[1]):
        placed[name] = min(height, lowest)
        lowest = placed[name] - GAP
    return placed


def _style() -> str:
    light = "".join(f".c{n}{{--c:{colour}}}" for n, (colour, _) in enumerate(COLOURS))
    dark = "".join(f".c{n}{{--c:{colour}}}" for n, (_, colour) in enumerate(COLOURS))
    return (
        "<style>"
        "text{font:13px system-ui,sans-serif;fill:#333}.title{font-size:15px;font-weight:600}"
        ".end{text-anchor:end}.middle{text-anchor:middle}.page{fill:#fff}"
        ".grid{stroke:#ddd;stroke-width:1}.lead{stroke:#999;fill:none}"
        ".line{fill:none;stroke:var(--c);stroke-width:2}.dot{fill:var(--c)}.name{fill:var(--c)}"
        f"{light}"
        "@media (prefers-color-scheme:dark){"
        f"text{{fill:#ddd}}.page{{fill:#1e2129}}.grid{{stroke:#3a3f4b}}.name{{fill:var(--c)}}{dark}}}"
        "</style>"
    )
