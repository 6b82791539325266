"""What stands behind a version, as a page on the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from stageline.cli.documents import run_document
from stageline.cli.render import clean, moment, number

if TYPE_CHECKING:
    from stageline.lineage.standing import Entered
    from stageline.lineage.trace import ProductionTrace


def trace_document(trace: ProductionTrace) -> dict[str, Any]:
    """For programs: the fields of `ProductionTrace`."""
    told: dict[str, Any] = {
        name: msgspec.to_builtins(getattr(trace, name))
        for name in trace.__struct_fields__
        if name != "run"
    }
    return {**told, "run": None if trace.run is None else run_document(trace.run)}


def print_trace(trace: ProductionTrace) -> None:
    """For people."""
    told = [(title, clean(text)) for title, text in _lines(trace) if text]
    width = max(len(title) for title, _ in told)
    for title, text in told:
        print(f"{title:<{width}}  {text}".rstrip())


def _lines(trace: ProductionTrace) -> Iterator[tuple[str, str]]:
    version = trace.version
    yield "model", f"{version.name} version {version.version}"
    yield "stage", version.current_stage
    if version.origin is not None:
        origin = version.origin
        yield "copied from", f"{origin.name} version {origin.version} in {origin.store}"
    if trace.as_of is not None:
        yield "as of", moment(trace.as_of)
    if trace.others:
        yield "beside it", ", ".join(f"version {one}" for one in trace.others)
    if trace.entered is not None:
        yield from _entered(trace.entered)
    for remark in version.annotations:
        yield "remark", f"{remark.by}, {moment(remark.time)}: {remark.text}"
    yield from _run(trace)
    for given in trace.datasets:
        ref = given.input.dataset
        where = f"{ref.namespace} {ref.name}".strip()
        by = "" if given.run_id == version.run_id else f" (read by {given.run_id})"
        yield "data", f"{where} @{ref.digest}{by}"
    for uri in trace.models:
        yield "loaded", uri
    yield from _source(trace)
    for place in version.deployments.values():
        yield "deployed", f"{place.target} {place.url} by {place.by}, {moment(place.time)}"


def _entered(entered: Entered) -> Iterator[tuple[str, str]]:
    why = f": {entered.reason}" if entered.reason else ""
    yield "entered", f"{moment(entered.time)}, by {entered.actor} ({entered.cause}){why}"
    if entered.requested_by:
        comment = f": {entered.comment}" if entered.comment else ""
        yield "asked for", f"by {entered.requested_by}{comment}"
    for approval in entered.approvals:
        comment = f": {approval.comment}" if approval.comment else ""
        yield "approved", f"by {approval.by}, {moment(approval.time)}{comment}"
    for row in entered.decision.results if entered.decision else ():
        verdict = "passed" if row.passed else "failed"
        yield "gate", f"{row.rule} {verdict}: {row.measured}, required {row.required}"
    yield "page", entered.link


def _run(trace: ProductionTrace) -> Iterator[tuple[str, str]]:
    if trace.run_is_missing:
        yield (
            "run",
            f"{trace.version.run_id}, which is gone; its metrics are those of the registration",
        )
    if trace.run is not None:
        info = trace.run.info
        yield "run", f"{info.run_name} ({info.run_id}), {info.status}"
        yield "trained", f"{moment(info.start_time)}, by {info.user_id}"
    yield "params", ", ".join(f"{key}={value}" for key, value in trace.params.items())
    yield "metrics", ", ".join(f"{key}={number(value)}" for key, value in trace.metrics.items())
    if trace.task is not None:
        names = (trace.task.pipeline, trace.task.pipeline_run, trace.task.task, trace.task.index)
        yield "task", f"{trace.task.orchestrator}: {' / '.join(name for name in names if name)}"
        for url in trace.task.links.values():
            yield "page", url


def _source(trace: ProductionTrace) -> Iterator[tuple[str, str]]:
    source = trace.source
    if source.commit:
        branch = f" on {source.branch}" if source.branch else ""
        dirty = " (with uncommitted changes)" if source.is_dirty else ""
        yield "commit", f"{source.commit}{branch}{dirty}"
    yield "repository", source.repository
    yield "code", source.entry_point
