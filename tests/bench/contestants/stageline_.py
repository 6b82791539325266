"""Stageline, by its public API, on a local store."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import tracking_load
from page_load import Pages, look_at
from population import EXPERIMENT, FILTER, ORDER, PAGE, population, series
from scoring_load import COLUMNS, measured, training
from stopwatch import Stopwatch, contest, folder_bytes, made_file, warm

import stageline
from stageline.domain.run import RunStatus
from stageline.domain.summary import LastPoint, RunSummary, StatusAt
from stageline.storage.index import ExperimentIndex


def log_metric(size: int) -> dict[str, float]:
    stageline.set_store("store")
    with stageline.start_run():
        stageline.log_metric("loss", 0.0, step=-1)
        with Stopwatch() as watch:
            for step in range(size):
                stageline.log_metric("loss", 0.5 * step, step=step)
    return watch.figures()


def empty_run(size: int) -> dict[str, float]:
    stageline.set_store("store")
    with stageline.start_run():
        pass
    with Stopwatch() as watch:
        for _ in range(size):
            with stageline.start_run():
                pass
    return watch.figures()


def batches(size: int) -> dict[str, float]:
    stageline.set_store("store")
    stageline.start_run()
    points = series(size)
    with Stopwatch() as watch:
        for first in range(0, size, 1_000):
            stageline.log_batch(
                ("loss", value, step, timestamp)
                for step, value, timestamp in points[first : first + 1_000]
            )
        stageline.end_run()
    return watch.figures(bytes_per_point=folder_bytes("store") / size)


def search_prepare(size: int) -> None:
    stageline.set_store("store")
    stageline.set_experiment(EXPERIMENT)
    for params, metrics in population(size):
        with stageline.start_run():
            stageline.log_params(params)
            stageline.log_metrics(metrics)
    # As ten minutes later: the inbox is folded, and what was folded is swept.
    experiment = stageline.set_experiment(EXPERIMENT)
    store = stageline.Workspace.open("store").store
    ExperimentIndex(store, experiment.experiment_id, grace_s=0).fold()


def search(_: int) -> dict[str, float]:
    stageline.set_store("store")
    return warm(
        lambda: stageline.search_runs(
            experiment_names=[EXPERIMENT],
            filter_string=FILTER,
            order_by=[ORDER],
            max_results=PAGE,
            output_format="list",
        ),
        PAGE,
    )


def artifact(size: int) -> dict[str, float]:
    stageline.set_store("store")
    path = made_file(size)
    with stageline.start_run(), Stopwatch() as watch:
        stageline.log_artifact(path)
    return watch.figures(extra_mb=watch.extra_mb)


def serving_prepare(size: int) -> None:
    import pandas as pd
    from sklearn.linear_model import ElasticNet

    from stageline.models.saving import Details, save_model

    rows, target = training()
    frame = pd.DataFrame(rows, columns=COLUMNS)
    model = ElasticNet(alpha=0.01).fit(frame, target)
    save_model(model, "model", details=Details(input_example=frame.head(3), pip_requirements=[]))


def serving(size: int) -> dict[str, float]:
    command = str(Path(sys.executable).with_name("stageline"))
    return measured([command, "models", "serve", "-m", "model", "--port", "{port}"], size)


STAGELINE = str(Path(sys.executable).with_name("stageline"))
SERVER = [STAGELINE, "--store", "store", "server", "--port", "{port}"]


def http_log_metric(size: int) -> dict[str, float]:
    return tracking_load.log_metric(SERVER, size)


def http_log_batch(size: int) -> dict[str, float]:
    return tracking_load.log_batch(SERVER, size)


http_search_prepare = search_prepare


def http_search(_: int) -> dict[str, float]:
    return tracking_load.search(SERVER)


def ui_prepare(size: int) -> None:
    """As after folding: all runs are in the index. Logging a hundred thousand takes minutes."""
    workspace = stageline.Workspace.open("store")
    experiment_id = workspace.experiments.create(EXPERIMENT).experiment_id
    now = workspace.clock.now_ms()

    def summaries() -> Iterator[RunSummary]:
        for n, (params, metrics) in enumerate(population(size)):
            yield RunSummary(
                run_id=f"{n:032x}",
                started=(now + n, 1),
                experiment=(1, experiment_id),
                status=StatusAt(1, RunStatus.FINISHED, now + n + 1, None),
                params={key: (1, value) for key, value in params.items()},
                tags={"mlflow.runName": (1, f"run-{n}")},
                metrics={key: LastPoint(1, now, 0, value) for key, value in metrics.items()},
            )

    ExperimentIndex(workspace.store, experiment_id).rebuild(summaries)
    Path("table").write_text(f"/experiments/{experiment_id}")


def ui(_: int) -> dict[str, float]:
    table = Path("table").read_text()
    pages = Pages(
        table=table,
        rows="tr[data-run]:nth-child(100)",
        charts=f"{table}/charts?kind=bars",
        chart=".barlayer .point",
        sort=f"{table}?order=metrics.loss",
        filter=f"{table}?filter=rmse+%3C+0.5+and+mae+%3E+0.2+and+seed+!%3D+7",
        is_app=False,
    )
    return look_at([STAGELINE, "--store", "store", "ui", "--port", "{port}"], "/health", pages)


if __name__ == "__main__":
    contest(globals())
