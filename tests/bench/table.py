"""Scores as a Markdown table: what goes into docs/performance.md."""

from __future__ import annotations

from race import Score
from rows import Row

SCALE = {"s": 1.0, "ms": 1e3, "us": 1e6}
EXTRAS = {
    "bytes_per_point": "bytes/point",
    "extra_mb": "MB extra memory",
    "requests_s": "requests/s",
    "table_kb": "KB for the table",
    "charts_kb": "KB for the charts",
    "sort_ms": "ms to sort",
    "filter_ms": "ms to filter",
    "server_mb": "MB of server",
    "outside": "other hosts asked",
}


def render(row: Row, scores: dict[str, Score]) -> str:
    """A heading, the bound and the aim in words, and a line for each contestant."""
    bound = scores["bound"]
    lines = [
        f"### {row.name}: {row.title}",
        "",
        f"Bound: {row.bound}. To reach: {row.reach}.",
        "",
        f"| | wall {row.unit} | CPU {row.unit} | x bound, wall | x bound, CPU | |",
        "|---|---:|---:|---:|---:|---|",
    ]
    lines += [_line(name, row, score, bound) for name, score in scores.items()]
    return "\n".join([*lines, ""])


def _line(name: str, row: Row, score: Score, bound: Score) -> str:
    if score.absence:
        return f"| {name} | - | - | - | - | {score.absence.replace('|', '/')} |"
    wall, cpu = (_figure(score.median(key), SCALE[row.unit]) for key in ("wall_s", "cpu_s"))
    ratios = [_ratio(score.median(key), bound.median(key)) for key in ("wall_s", "cpu_s")]
    extras = [
        f"{_figure(value)} {words}"
        for key, words in EXTRAS.items()
        if (value := score.median(key)) is not None
    ]
    return f"| {name} | {wall} | {cpu} | {' | '.join(ratios)} | {', '.join(extras)} |"


def _figure(value: float | None, scale: float = 1.0) -> str:
    """Three digits that mean something."""
    if value is None:
        return "-"
    value *= scale
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _ratio(value: float | None, bound: float | None) -> str:
    return _figure(value / bound) if value is not None and bound else "-"
