"""The whole way of a model, as one flow: train, compare, register, gate, approve, promote, score files with it.

    python retrain.py                       # once; it pauses until somebody approves
    python retrain.py --cron '0 6 * * 1'    # on Mondays at six, and whenever data drifts, until Ctrl-C
    stageline registry approve elasticnet-diabetes 1 --as bob   # the yes, from any shell; or in Prefect's pages

The yes is bob's: whoever asked can not give it. Nothing here knows where things are kept: `STAGELINE_STORE` says that.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from data import BadData, load
from flow import elasticnet  # before Prefect itself: it chooses Prefect's settings
from prefect import serve, task
from prefect.states import Completed, State

import stageline
from prefect_stageline import (
    Tracking,
    on_drift,
    promote,
    require_stage,
    retraining,
    tracked_flow,
    tracked_task,
)
from stageline.errors import NotAllowed
from stageline.registry import BetterRule, MetricRule, Policy, SignatureRule

# Better than always saying the mean, and then than what is in Production.
STAGING = Policy(rules=(MetricRule(condition="metrics.r2 > 0"), SignatureRule()))
PRODUCTION = Policy(
    rules=(BetterRule(metric="r2", direction="max", margin=0.001),),
    approvals=1,
    from_stages=("Staging",),
)


@task
def compare(flow_run_id: str) -> str:
    """The run of the best candidate of a sweep."""
    (best,) = stageline.search_runs(
        experiment_names=["elasticnet"],
        filter_string=f"tags.`mlflow.parentRunId` = '{flow_run_id}'",
        order_by=["metrics.r2 DESC"],
        max_results=1,
        output_format="list",
    )
    return best.info.run_id


@task
def register(run_id: str, model: str) -> int:
    """The model of a run as the next version, behind the policies of its stages."""
    registry = stageline.get_workspace().registry
    version = registry.register(model, run_id=run_id, artifact_path="model").version
    registry.set_policy(model, "Staging", STAGING)
    registry.set_policy(model, "Production", PRODUCTION)
    return version


@tracked_task(tracking=Tracking(params=False))
def score_part(part: dict[str, Any]) -> dict[str, Any]:
    """Score one part of the files; its figures become metrics."""
    return stageline.predict_part(part)


@tracked_flow(name="retrain-elasticnet", tracking=Tracking(experiment="elasticnet", metrics=None))
def retrain(
    data: str | None = None,
    target: str | None = None,
    score: str | None = None,
    output: str = "scores",
    patience_s: float = 3600,
) -> State[Any] | dict[str, Any]:
    """Bring a better model into Production, and score files with it.

    Args:
        data: A CSV to train on, instead of the data that scikit-learn ships.
        target: The column to predict; default: the last one.
        score: A file or folder of CSV or Parquet to score; nothing is scored without it.
        output: The folder for scores.
        patience_s: Seconds to wait for the approval.
    """
    split = load(Path(data) if data else None, target)
    sweep, _ = elasticnet(split)
    model = f"elasticnet-{split.source.name}"
    version = register(compare(sweep), model)
    try:
        promote(model, "Staging", version=version, reason="best of its sweep")
        # The approval moves it, in the instant in which it is given.
        require_stage(
            model,
            "Production",
            version=version,
            on_block="pause",
            archive_existing=True,
            timeout_s=patience_s,
            poll_interval_s=5,
        )
    except NotAllowed as refused:  # no better than what is there, or somebody said no
        return Completed(name="NotPromoted", message=str(refused))
    if score is None:
        return {"model": f"models:/{model}/{version}"}
    # Looked up once: all parts are scored by one version, whatever is promoted meanwhile.
    parts = stageline.plan_batches(f"models:/{model}/Production", score, output, overwrite=True)
    return stageline.collect_batches(score_part.map(parts).result())


def main() -> int:
    """Retrain once, or by the clock; 0 if the flow ran, 1 if it failed, 2 if the data can not be used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", metavar="CSV", help="train on this file")
    parser.add_argument("--target", metavar="COLUMN", help="what to predict")
    parser.add_argument("--score", metavar="PATH", help="score these files")
    parser.add_argument("--output", metavar="FOLDER", default="scores", help="where scores go")
    parser.add_argument("--patience", metavar="SECONDS", type=float, default=3600.0)
    parser.add_argument("--cron", metavar="CRON", help="retrain by the clock, and when data drifts")
    given = parser.parse_args()
    parameters = {
        "data": given.data,
        "target": given.target,
        "score": given.score,
        "output": given.output,
        "patience_s": given.patience,
    }
    try:
        load(Path(given.data) if given.data else None, given.target)
    except BadData as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    if given.cron:
        serve(retraining(retrain, cron=given.cron, on=[on_drift()], parameters=parameters))
        return 0
    state = retrain(**parameters, return_state=True)
    result = state.result(raise_on_failure=False)
    if isinstance(result, Exception):
        print(f"error: {result}", file=sys.stderr)
        return 1
    print(f"{state.name}: {state.message or result}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
