"""Runs as pages of a run meet them: with everything, and with scripts planted wherever text can be stored."""

from __future__ import annotations

import io
import json
import math
from typing import TYPE_CHECKING

from stageline.domain import events as ev
from stageline.domain.model_input import model_input
from stageline.domain.run import TAG_NOTE, Attempt, DatasetInput, DatasetRef, RunStatus

if TYPE_CHECKING:
    from stageline.workspace import Workspace

START = 1_790_000_000_000
AIRFLOW = "https://airflow.example/dags/train_daily/runs/scheduled__1/tasks/train?try_number=2"
SCRIPT = "<script>window.planted = 1</script>"
HANDLER = '"><img src=x onerror="window.planted = 2">'
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" onload="window.planted=3"><script>window.planted=4</script>'
    '<rect width="9" height="9"/></svg>'
)

MLMODEL = """\
artifact_path: model
flavors:
  python_function: {loader_module: stageline.models.flavors.sklearn, python_version: 3.11.4}
  sklearn: {sklearn_version: 1.5.2}
model_uuid: 0123abcd
signature:
  inputs: '[{"type": "double", "name": "alcohol"}, {"type": "long", "name": "year", "required": false}]'
  outputs: '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1]}}]'
  params: '[{"name": "top", "type": "long", "default": 3, "shape": null}]'
utc_time_created: '2026-11-23 09:00:00'
"""


def full_run(workspace: Workspace, experiment: str = "wine") -> str:
    """A task's run at its second attempt, with metrics, inputs, files, a model and a version of it."""
    experiment_id = workspace.experiments.get_or_create(experiment).experiment_id
    parent = workspace.runs.create(
        experiment_id,
        run_name="train_daily scheduled__1",
        tags={
            "stageline.orchestrator": "airflow",
            "stageline.pipeline": "train_daily",
            "stageline.pipeline_run": "train_daily/scheduled__1",
        },
        start_time=START,
    )
    run = workspace.runs.create(
        experiment_id,
        run_name="train",
        tags={
            "stageline.orchestrator": "airflow",
            "stageline.pipeline": "train_daily",
            "stageline.pipeline_run": "train_daily/scheduled__1",
            "stageline.task": "train",
            "mlflow.source.git.commit": "0123456789abcdef0123456789abcdef01234567",
            "mlflow.source.git.repoURL": "git@github.com:acme/wine.git",
            "mlflow.source.git.branch": "main",
            "stageline.source.git.dirty": "true",
            "mlflow.source.name": "train.py",
            "team": "quality",
            TAG_NOTE: "The **best** so far; see [the report](https://example.org/report).",
        },
        parent_run_id=parent.run_id,
        start_time=START + 1_000,
    )
    tries = [
        Attempt(
            number=1,
            status=RunStatus.FAILED,
            start_time=START + 1_000,
            end_time=START + 3_000,
            reason="MemoryError: too many rows",
            links={"airflow": AIRFLOW.replace("=2", "=1")},
        ),
        Attempt(
            number=2,
            status=RunStatus.FINISHED,
            start_time=START + 60_000,
            end_time=START + 64_500,
            links={"airflow": AIRFLOW},
        ),
    ]
    for attempt in tries:
        run.record(ev.AttemptNoted(attempt.number, attempt))
    run.log_batch(
        [("loss", 2 * math.exp(-step / 9), step, START + step) for step in range(40)]
        + [("rmse", 0.618, 0, START), ("system/cpu", 12.5, 0, START)],
        {"alpha": 0.1, "l1_ratio": 0.5},
    )
    data = DatasetRef(namespace="", name="wine.csv", digest="d1", source="s3://lake/wine.csv")
    run.log_input(DatasetInput(data, {"mlflow.data.context": "training"}))
    run.log_input(model_input("models:/wine/1", "m0"))
    run.record(ev.OutputWritten(START, "stdout", "epoch 1\nepoch 2\n"))
    run.record(ev.OutputWritten(START + 1, "stderr", "a warning\n"))
    log_files(workspace, run.run_id)
    run.end()
    parent.end()
    workspace.registry.register("wine", run.run_id, "model")
    return run.run_id


def log_files(workspace: Workspace, run_id: str) -> None:
    """A file for each viewer."""
    files = workspace.artifacts(run_id)
    files.log_text(MLMODEL, "model/MLmodel")
    files.log_text("scikit-learn==1.5.2\npandas\n", "model/requirements.txt")
    files.log_text("def f(x):\n    return x < 1  # why\n", "code/train.py")
    files.log_text(
        json.dumps({"classes": ["red", "white"], "deep": {"a": {"b": None}}}), "labels.json"
    )
    files.log_text("x,y\n" + "".join(f"{n},{n * n}\n" for n in range(250)), "tables/squares.csv")
    files.log_text("# Report\n\nAll *well*.\n", "report.md")
    files.log_text("<h1>A chart</h1><script>window.planted = 5</script>", "plots/chart.html")
    files.log_text(SVG, "plots/drawing.svg")
    files.log_bytes(picture(), "plots/roc.png")
    files.log_bytes(bytes(range(256)), "weights.bin")
    for step in (1, 2, 10):
        stem = f"images/val#sample+step+{step}+timestamp+{START}+uuid-{step}"
        files.log_bytes(picture(40 * (step % 5)), f"{stem}.png")
        files.log_bytes(picture(40 * (step % 5)), f"{stem}+compressed.webp")


def planted_run(workspace: Workspace) -> str:
    """Scripts wherever a user may store text."""
    evil = SCRIPT + HANDLER
    experiment_id = workspace.experiments.get_or_create(f"e {evil}").experiment_id
    run = workspace.runs.create(
        experiment_id,
        run_name=f"r {evil}",
        tags={
            "said": f"value {evil}",
            TAG_NOTE: f"{SCRIPT}\n\n[x](javascript:window.planted=6) <img src=x onerror=window.planted=7>\n\n{HANDLER}",
            "mlflow.source.name": evil,
            "mlflow.source.git.commit": evil,
            "mlflow.source.git.repoURL": "javascript:window.planted=8",
            "stageline.task": evil,
            "stageline.pipeline": evil,
            "stageline.orchestrator": "airflow",
            "stageline.cached_from": evil,
            "stageline.skipped": evil,
        },
        start_time=START,
    )
    links = {"airflow": "javascript:window.planted=9", evil: "data:text/html,<script>1</script>"}
    run.record(
        ev.AttemptNoted(
            1,
            Attempt(number=1, status=RunStatus.FAILED, start_time=START, reason=evil, links=links),
        )
    )
    # No key that is checked may look so, but a log may have been written by something else.
    run.record(ev.TagsSet(START, {f"key {evil}": evil}))
    run.record(ev.PointLogged(f"m {evil}", 1.0, 0, START))
    run.record(ev.ParamsLogged(START, {f"p {evil}": evil}))
    run.log_input(DatasetInput(DatasetRef(name=evil, digest="d", source=evil)))
    run.record(ev.OutputWritten(START, "stdout", f"{evil}\n"))
    files = workspace.artifacts(run.run_id)
    name = "a '\"<img src=x onerror=window.planted=10>.txt"
    files.log_text(evil, name)
    files.log_text(f"<html><body>{evil}<svg onload=window.planted=11></body></html>", "evil.html")
    files.log_text(SVG, "evil.svg")
    files.log_text(
        f"{SCRIPT}\n\n[y](javascript:window.planted=12)\n\n<b onclick=a>b</b>", "evil.md"
    )
    files.log_text(json.dumps({evil: [evil]}), "evil.json")
    files.log_text(f'"{SCRIPT}",b\n"<b>",{SCRIPT}\n', "evil.csv")
    files.log_text(f"x = '{evil}'\n", "evil.py")
    files.log_text(f"flavors: {{'{SCRIPT}': {{}}}}\n", "model/MLmodel")
    files.log_text(evil, "model/requirements.txt")
    run.end(RunStatus.FAILED, evil)
    return run.run_id


def picture(shade: int = 90) -> bytes:
    """A PNG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, 120, 200)).save(buffer, format="png")
    return buffer.getvalue()
