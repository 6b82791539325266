"""The card of a run: all that there is to show of it on one page of Markdown, with its lineage as a Mermaid chart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from stageline.domain.figures import duration, file_size, number, sparkline
from stageline.domain.run import (
    TAG_GIT_BRANCH,
    TAG_GIT_COMMIT,
    TAG_GIT_DIRTY,
    TAG_GIT_REPO_URL,
    TAG_SOURCE_NAME,
    Run,
    RunStatus,
)
from stageline.lineage.export.mermaid import to_mermaid
from stageline.tasks.markdown import block, code, link, table, word

if TYPE_CHECKING:
    from stageline.tasks.facts import RunFacts

MOST_ROWS = 50
"""Params, metrics or runs in one table."""
MOST_COLUMNS = 6
"""Metrics, and params, by which nested runs are compared."""
LONGEST_REASON = 4_000
_ENDED = {
    RunStatus.FINISHED: "finished",
    RunStatus.FAILED: "failed",
    RunStatus.KILLED: "was killed",
}


def card_markdown(facts: RunFacts, *, page: str = "") -> str:
    """The card, as GitHub's Markdown; the chart is a block of the language `mermaid`.

    Whatever others named is shown as code or escaped in the chart, so no name can be a link, a tag or a sign.

    Args:
        facts: What to show; see `run_facts`.
        page: URL of a page about the run.
    """
    run = facts.run
    ended = _ENDED.get(run.info.status, "is running")
    parts = [
        f"### {code(run.info.run_name or run.info.run_id, 80)} {ended}",
        block(run.info.reason[:LONGEST_REASON], "text") if run.info.reason else "",
        table(["", ""], [[title, value] for title, value in _info(facts, page) if value]),
        _titled("Metrics", metrics_table(facts)),
        _titled("Params", _params_table(run)),
        _titled("Runs", _children_table(facts.children)),
        _titled("Read", _inputs_table(run)),
        _titled("Files", _files_table(facts)),
        _titled("Lineage", block(to_mermaid(facts.graph), "mermaid") if facts.graph.edges else ""),
        f"From the shell: `stageline runs show {run.info.run_id}`",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def metric_rows(facts: RunFacts) -> list[dict[str, str]]:
    """A row for each metric: its last value, its range, how often it was logged, its course; cells are Markdown."""
    return [
        {
            "metric": word(key),
            "last": number(facts.run.metrics[key].value),
            **_range([point.value for point in points if math.isfinite(point.value)]),
            "points": str(len(points)),
            "course": sparkline([point.value for point in points]) if len(points) > 1 else "",
        }
        for key, points in sorted(facts.series.items())
    ]


def run_rows(runs: list[Run]) -> list[dict[str, str]]:
    """A row for each run: its name and status, the params in which they differ, their metrics; cells are Markdown."""
    params = [key for key in _most_common(runs, lambda run: run.data.params) if _varies(runs, key)]
    metrics = _most_common(runs, lambda run: run.data.metrics)[:MOST_COLUMNS]
    return [
        {
            "run": word(run.info.run_name, 80),
            "status": str(run.info.status),
            # A param and a metric may have one name, or that of a column of ours.
            **{
                f"param {word(key, 80)}": word(run.data.params.get(key, ""), 80)
                for key in params[:MOST_COLUMNS]
            },
            **{f"metric {word(key, 80)}": _shown(run.data.metrics.get(key)) for key in metrics},
        }
        for run in runs
    ]


def metrics_table(facts: RunFacts) -> str:
    """The rows of `metric_rows` as Markdown."""
    rows = metric_rows(facts)
    return _and_more(_as_table(rows), len(rows), "metrics")


def _info(facts: RunFacts, page: str) -> Iterator[tuple[str, str]]:
    info, tags = facts.run.info, facts.run.data.tags
    yield "run", link(info.run_id, page) if page else code(info.run_id)
    yield "experiment", code(facts.experiment)
    if info.duration_ms is not None:
        yield "took", duration(info.duration_ms)
    attempts = facts.run.attempts
    if len(attempts) > 1:
        yield (
            "attempts",
            f"{len(attempts)}: {', '.join(str(one.status).lower() for one in attempts)}",
        )
    commit = tags.get(TAG_GIT_COMMIT, "")
    if commit:
        dirty = ", changed since" if tags.get(TAG_GIT_DIRTY, "").lower() == "true" else ""
        yield "code", f"{code(commit[:12])} {code(tags.get(TAG_GIT_BRANCH, ''))}{dirty}".rstrip()
        yield "repository", code(tags.get(TAG_GIT_REPO_URL, ""))
    yield "source", code(tags.get(TAG_SOURCE_NAME, ""))


def _params_table(run: Run) -> str:
    params = sorted(run.data.params.items())
    rows = [[code(key), code(value)] for key, value in params[:MOST_ROWS]]
    return _and_more(table(["param", "value"], rows), len(params), "params")


def _children_table(children: list[Run]) -> str:
    rows = run_rows(children)
    return _and_more(_as_table(rows), len(rows), "runs")


def _as_table(rows: list[dict[str, str]]) -> str:
    return table(list(rows[0]), [list(row.values()) for row in rows[:MOST_ROWS]]) if rows else ""


def _inputs_table(run: Run) -> str:
    rows = [
        [code(one.dataset.name), code(one.dataset.digest[:12]), code(one.dataset.source, 120)]
        for one in run.inputs.dataset_inputs
    ]
    return _and_more(table(["data or model", "digest", "from"], rows[:MOST_ROWS]), len(rows), "")


def _files_table(facts: RunFacts) -> str:
    rows = [[code(path, 120), file_size(file.size)] for path, file in facts.files.items()]
    return _and_more(table(["file", "size"], rows[:20]), len(rows), "files", 20)


def _titled(title: str, text: str) -> str:
    return f"#### {title}\n\n{text}" if text else ""


def _and_more(text: str, count: int, what: str, most: int = MOST_ROWS) -> str:
    return text if count <= most else f"{text}\n\n... and {count - most} more {what}".rstrip()


def _shown(value: float | None) -> str:
    return "" if value is None else number(value)


def _range(values: list[float]) -> dict[str, str]:
    return {"min": _shown(min(values, default=None)), "max": _shown(max(values, default=None))}


def _most_common(runs: list[Run], keys_of: Callable[[Run], Mapping[str, object]]) -> list[str]:
    counted: dict[str, int] = {}
    for run in runs:
        for key in keys_of(run):
            counted[key] = counted.get(key, 0) + 1
    return sorted(counted, key=lambda key: (-counted[key], key))


def _varies(runs: list[Run], key: str) -> bool:
    return len({run.data.params.get(key) for run in runs}) > 1
