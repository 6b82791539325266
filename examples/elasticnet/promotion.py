"""Register a candidate, promote it if the gate of Production lets it in, and show why and where it came from."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text
from rich.tree import Tree

import stageline
from stageline.registry import BetterRule, MetricRule, Policy, SignatureRule

POLICY = Policy(
    rules=(
        MetricRule(condition="metrics.r2 > 0"),  # better than always saying the mean
        SignatureRule(),
        BetterRule(metric="r2", direction="max", margin=0.001),  # than what is in Production
    )
)


def promote(run_id: str, name: str, console: Console) -> None:
    """Register the model of a run as the next version of `name`; it enters Production if the policy lets it."""
    registry = stageline.get_workspace().registry
    version = registry.register(name, run_id=run_id, artifact_path="model").version
    registry.set_policy(name, "Production", POLICY)

    decision = registry.check_gate(name, version, "Production", archive_existing=True)
    _print(console, f"The gate of Production, for {name}", str(decision))
    if decision.allowed:
        registry.transition(
            name, version, "Production", archive_existing=True, reason="best of its sweep"
        )
    held = registry.latest_versions(name, ["Production"])
    _print(console, f"In Production: {f'version {held[0].version}' if held else 'nothing'}")

    _print(console, f"History of {name}")
    for entry in registry.history(name):
        why = f" ({entry.reason})" if entry.reason else ""
        console.print(f"{entry.number}  {entry.actor}  {entry.summary}{why}", **PLAIN)
    if held:
        show_lineage(f"models:/{name}/Production", console)


def show_lineage(uri: str, console: Console) -> None:
    """Print what a model came from: its version, the run that trained it, that run's data and code."""
    graph = stageline.get_workspace().lineage.of(uri, direction="up")

    def grow(node_id: str) -> Tree:
        node = graph.node(node_id)
        commit = node.attributes.get("commit", "")
        label = f"{node.kind} {node.label}" + (f", commit {commit[:8]}" if commit else "")
        tree = Tree(Text(label))
        for edge in graph.sources(node_id):
            tree.children.append(grow(edge.source))
        return tree

    _print(console, "Lineage")
    console.print(grow(next(node.id for node in graph.nodes if node.kind == "stage")))


PLAIN = {"markup": False, "highlight": False, "soft_wrap": True}


def _print(console: Console, heading: str, text: str = "") -> None:
    console.print(f"\n{heading}", style="bold", **PLAIN)
    if text:
        console.print(text, **PLAIN)
