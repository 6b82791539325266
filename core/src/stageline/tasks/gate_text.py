"""What a person is shown who has to decide about a transition: the gate's rules and values, as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stageline.domain.figures import number
from stageline.tasks.markdown import code, link, table

if TYPE_CHECKING:
    from stageline.domain.gate import Decision, RuleResult
    from stageline.tasks.evaluation import ModelWorkspace

MOST_METRICS = 30


def gate_markdown(decision: Decision) -> str:
    """A gate's table: each rule with what was measured and what is required."""
    rows = [
        [code(one.rule), code(one.measured), code(one.required), _verdict(one)]
        for one in decision.results
    ]
    return table(["rule", "measured", "required", ""], rows)


def transition_markdown(
    workspace: ModelWorkspace,
    name: str,
    version: int,
    decision: Decision,
    *,
    page: str = "",
) -> str:
    """All that bears on a transition: who moves where, the rules, the metrics beside those of what is there now.

    Args:
        workspace: Where the model is.
        name: The registered model.
        version: The version that is to move.
        decision: The gate's.
        page: URL of a page about the version.
    """
    registry = workspace.registry
    held = [
        one for one in registry.latest_versions(name, [decision.to_stage]) if one.version != version
    ]
    candidate = registry.facts_of(registry.get_version(name, version)).metrics
    theirs = registry.facts_of(held[0]).metrics if held else {}
    there = f"version {held[0].version}" if held else "nothing"
    label = f"{name} version {version}"
    rows = [
        [code(key), number(value), number(theirs[key]) if key in theirs else ""]
        for key, value in sorted(candidate.items())[:MOST_METRICS]
    ]
    parts = [
        f"{link(label, page) if page else code(label)}: {code(decision.from_stage)} to "
        f"{code(decision.to_stage)}, where {there} is now",
        gate_markdown(decision),
        table(["metric", f"version {version}", there], rows),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(result: RuleResult) -> str:
    if result.passed:
        return "passes"
    return "**fails**" if result.blocks else "warns"
