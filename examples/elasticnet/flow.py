"""Train ElasticNet candidates over a grid, as a Prefect flow whose every candidate is a tracked run; promote the best.

    python flow.py                          # on data that scikit-learn ships
    python flow.py --data wine.csv --target quality
    STAGELINE_STORE=s3://bucket/ml python flow.py

Nothing here knows where runs and models are kept: `STAGELINE_STORE` alone says that.
"""

from __future__ import annotations

import os

# Before Prefect is imported. Its temporary server needs a while to start on a small machine.
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")
os.environ.setdefault("PREFECT_LOGGING_LEVEL", "ERROR")
os.environ.setdefault("PREFECT_LOGGING_SERVER_LEVEL", "CRITICAL")
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DO_NOT_TRACK", "1")
if "PREFECT_HOME" in os.environ:  # Prefect makes the folder, but not those above it
    os.makedirs(os.environ["PREFECT_HOME"], exist_ok=True)

import argparse
import shlex
import sys
import tempfile
from itertools import product
from pathlib import Path

from data import BadData, Split, load
from matplotlib.figure import Figure
from prefect import unmapped
from promotion import promote
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import stageline
from prefect_stageline import Tracking, current_run, tracked_flow, tracked_task

ALPHAS = (0.01, 0.1, 0.5, 1.0)
L1_RATIOS = (0.1, 0.5, 0.9)
SHOWN = 5

console = Console()


@tracked_task(
    task_run_name="alpha={alpha} l1_ratio={l1_ratio}",
    tracking=Tracking(params=["alpha", "l1_ratio"]),  # not the data: it is logged as an input
)
def train(alpha: float, l1_ratio: float, split: Split) -> dict[str, float]:
    """Train one candidate. What it returns becomes metrics; the plot and the model are kept with its run."""
    model = make_pipeline(StandardScaler(), ElasticNet(alpha=alpha, l1_ratio=l1_ratio))
    model.fit(split.x_train, split.y_train)
    predicted = model.predict(split.x_test)

    figure = Figure(figsize=(5, 4), layout="constrained")
    axes = figure.subplots()
    axes.scatter(predicted, split.y_test - predicted, s=12)
    axes.axhline(0, color="grey", linewidth=1)
    axes.set(xlabel="predicted", ylabel="residual", title=f"alpha {alpha}, l1_ratio {l1_ratio}")

    stageline.log_input(split.source, context="training")
    with tempfile.TemporaryDirectory() as folder:
        figure.savefig(Path(folder, "residuals.png"))
        stageline.log_artifacts(folder)
    stageline.log_model(model, signature=stageline.infer_signature(split.x_train, predicted))

    return {
        "rmse": root_mean_squared_error(split.y_test, predicted),
        "mae": mean_absolute_error(split.y_test, predicted),
        "r2": r2_score(split.y_test, predicted),
    }


@tracked_flow(name="elasticnet", tracking=Tracking(experiment="elasticnet", params=False))
def elasticnet(split: Split) -> tuple[str, int]:
    """Train all candidates; the id of the flow's run, and how many candidates failed."""
    alphas, l1_ratios = zip(*product(ALPHAS, L1_RATIOS), strict=True)
    candidates = train.map(alphas, l1_ratios, unmapped(split))
    candidates.wait()
    failed = sum(not candidate.state.is_completed() for candidate in candidates)
    return current_run().run_id, failed


def show_best(flow_run_id: str) -> str:
    """Print the best candidates of a flow run; the id of the best one's run."""
    best = stageline.search_runs(
        experiment_names=["elasticnet"],
        filter_string=f"tags.`mlflow.parentRunId` = '{flow_run_id}'",
        order_by=["metrics.rmse ASC"],
        max_results=SHOWN,
        output_format="list",
    )
    table = Table(title="Best candidates", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("run", no_wrap=True)
    for name in ("alpha", "l1_ratio", "rmse", "mae", "r2"):
        table.add_column(name, justify="right")
    for run in best:
        params, metrics = run.data.params, run.data.metrics
        figures = [
            f"{metrics[name]:.3f}" if name in metrics else "-" for name in ("rmse", "mae", "r2")
        ]
        table.add_row(run.info.run_id, params["alpha"], params["l1_ratio"], *figures)
    console.print(table)
    return best[0].info.run_id


def look_further(run_id: str, model: str) -> None:
    """Print the commands that show more of it."""
    if stageline.get_store().startswith("memory:"):
        told = "\nNothing was kept: the store was memory. Set STAGELINE_STORE to keep runs."
        console.print(told, soft_wrap=True)
        return
    console.print("\nLook further:", style="bold")
    for line in (
        f"runs show {run_id}",
        "runs list -e elasticnet --order-by 'metrics.rmse ASC'",
        f"registry versions {shlex.quote(model)}",
        f"registry gate {shlex.quote(f'models:/{model}/latest')} Production",
    ):
        console.print(f"  stageline {line}", soft_wrap=True, markup=False, highlight=False)


def main() -> int:
    """Run the flow; 0 if all candidates finished, 1 if not, 2 if the data can not be used."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, metavar="CSV", help="train on this file instead of the shipped data"
    )
    parser.add_argument(
        "--target", metavar="COLUMN", help="what to predict; default: the last column"
    )
    given = parser.parse_args()
    try:
        split = load(given.data, given.target)
        total = len(ALPHAS) * len(L1_RATIOS)
        where = f"on {split.source.name} ({split.rows} rows) into {stageline.get_store()}"
        console.print(f"Training {total} candidates {where}", soft_wrap=True)
        with console.status("starting Prefect and training ..."):
            flow_run_id, failed = elasticnet(split)
        best = show_best(flow_run_id)
        if failed < total:
            model = f"elasticnet-{split.source.name}".replace(":", "-")
            promote(best, model, console)
            look_further(best, model)
    except BadData as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except stageline.StagelineError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except RuntimeError as error:
        if "ephemeral" not in str(error):
            raise
        print(
            "error: Prefect's temporary server did not start in "
            f"{os.environ['PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS']} s: try again, or start one with "
            "`prefect server start` and name it in PREFECT_API_URL",
            file=sys.stderr,
        )
        return 1
    if failed:
        print(f"error: {failed} of {total} candidates failed: their runs say why", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
