"""Every page, by a name: the addresses that are looked at, measured and photographed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo_registry import MODEL

if TYPE_CHECKING:
    from demo_store import Team

TWINS = frozenset(
    (
        "runs-none-match",
        "run-of-sweep",
        "artifacts-report",
        "charts-scatter",
        "charts-box",
        "charts-contour",
    )
)
"""Pages that are laid out as another one is."""


def addresses(team: Team) -> dict[str, str]:
    """Path and query of each page of the demo's store."""
    experiments = team.workspace.experiments
    sweep, networks, daily = (
        f"/experiments/{experiments.get_by_name(name).experiment_id}"
        for name in ("elasticnet", "digits-mlp", "forecast-daily")
    )
    network = team.run_named("digits-mlp", "mlp-05")
    best, *others = team.candidates[-1]
    compared = "&".join(f"run={run}" for run in (best, *others[:3]))
    files = f"/runs/{best}/artifacts"
    return {
        "experiments": "/experiments",
        "runs": networks,
        "runs-nested": sweep,
        "runs-grouped": f"{networks}?group=params.learning_rate",
        "runs-wrong-filter": f"{networks}?filter=val/los+%3C+1",
        "runs-none-match": f"{networks}?filter=loss+%3C+-9",
        "runs-empty": f"/experiments/{experiments.get_by_name('ablation').experiment_id}",
        "settings": f"{networks}/settings",
        "run": f"/runs/{network}",
        "run-of-pipeline": f"/runs/{team.run_named('forecast-daily', 'fit')}",
        "run-of-sweep": f"/runs/{best}",
        "artifacts": f"{files}?path=residuals.png",
        "artifacts-table": f"{files}?path=residuals.csv",
        "artifacts-code": f"{files}?path=code/train.py",
        "artifacts-model": f"{files}?path=model",
        "artifacts-report": f"{files}?path=report.md",
        "run-charts": f"/runs/{network}/charts",
        "charts": f"{networks}/charts",
        "charts-parallel": f"{networks}/charts?kind=parallel",
        "charts-scatter": f"{networks}/charts?kind=scatter",
        "charts-bars": f"{daily}/charts?kind=bars",
        "charts-box": f"{networks}/charts?kind=box",
        "charts-contour": f"{sweep}/charts?kind=contour",
        "compare": f"/compare?{compared}",
        "models": "/models",
        "model": f"/models/{MODEL}",
        "version": f"/models/{MODEL}/versions/5",
        "version-in-production": f"/models/{MODEL}/versions/2",
        "model-compare": f"/models/{MODEL}/compare?a=2&b=5",
        "history": f"/models/{MODEL}/history",
        "requests": "/requests",
        "lineage": f"/lineage?of=models:/{MODEL}/Production",
        "lineage-start": "/lineage",
        "missing": "/runs/nowhere",
    }
