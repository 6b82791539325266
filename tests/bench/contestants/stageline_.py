"""Stageline, by its public API, on a local store."""

from __future__ import annotations

import sys
from pathlib import Path

import tracking_load
from population import EXPERIMENT, FILTER, ORDER, PAGE, population, series
from scoring_load import COLUMNS, measured, training
from stopwatch import Stopwatch, contest, folder_bytes, made_file, warm

import stageline
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


if __name__ == "__main__":
    contest(globals())
