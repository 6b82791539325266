"""Two months of a small team's work as the pages show it: sweeps, learning curves, daily pipelines, a registry in use.

The numbers are computed, so the store says the same each time; its times end at the moment that is given.
"""

from __future__ import annotations

import itertools
import math
import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from demo_files import image_of, log_elasticnet_files, log_network_files
from demo_registry import fill_registry

from stageline import DatasetInput, DatasetRef
from stageline.domain import events as ev
from stageline.domain.run import TAG_NOTE, Attempt, RunStatus
from stageline.settings import load_settings
from stageline.storage.open import open_store
from stageline.testing.clock import FixedClock
from stageline.ui.experiments.primary import TAG_METRIC
from stageline.workspace import Workspace

if TYPE_CHECKING:
    from stageline.tracking.active import ActiveRun

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
ALPHAS = (0.01, 0.1, 0.5, 1.0)
L1_RATIOS = (0.1, 0.5, 0.9)
FLOWS = ("amber", "lapis", "coral", "sable")
COMMITS = ("9f2c41d07be3a6581c4d2e90ab7735f1c08d4e66", "41be7c9d3f20a8866e5bd1c7940f32ab5d7e6f18")
REPOSITORY = "https://git.example/acme/wine.git"


class Team:
    """The store, a clock that its members' days are told by, and what was made so far."""

    def __init__(self, folder: Path, now_ms: int) -> None:
        self.folder = folder
        """Where the store lies."""
        self.now_ms = now_ms
        self.clock = FixedClock(now_ms)
        settings = load_settings(
            given={"store": str(folder), "cache": str(folder.with_name("cache")), "user": "ann"}
        )
        self.workspace = Workspace(open_store(settings.store), settings, self.clock)
        self.candidates: list[list[str]] = []
        """Run ids of each sweep, the best first."""

    def at(self, days_ago: float) -> int:
        """Set the clock to so many days before now."""
        self.clock.set(self.now_ms - int(days_ago * DAY_MS))
        return self.clock.now_ms()

    def begin(
        self,
        experiment: str,
        name: str,
        tags: dict[str, str],
        *,
        parent: str | None = None,
        owns_end: bool = True,
    ) -> ActiveRun:
        """Start a run at the clock's time."""
        experiment_id = self.workspace.experiments.get_or_create(experiment).experiment_id
        return self.workspace.runs.create(
            experiment_id,
            run_name=name,
            tags=tags,
            parent_run_id=parent,
            start_time=self.clock.now_ms(),
            owns_end=owns_end,
        )

    def run_named(self, experiment: str, name: str) -> str:
        """The id of the newest run of that name."""
        experiment_id = self.workspace.experiments.get_by_name(experiment).experiment_id
        found = [
            run
            for run in self.workspace.runs.summaries(experiment_id)
            if run.tags["mlflow.runName"][1] == name
        ]
        return max(found, key=lambda run: run.started).run_id


def build(folder: Path, now_ms: int) -> Team:
    """Fill the store in `folder`. What is returned holds a run that still goes on: keep it while the pages are read."""
    team = Team(folder, now_ms)
    for number, days_ago in enumerate((56, 35, 21, 7)):
        _sweep(team, number, days_ago)
    for number in range(16):
        _network(team, number)
    _pipelines(team)
    fill_registry(team)
    _experiments(team)
    team.at(0)
    return team


def _sweep(team: Team, number: int, days_ago: float) -> None:
    """A flow whose tasks train ElasticNet over a grid."""
    start = team.at(days_ago)
    flow = f"elasticnet/{FLOWS[number]}-heron"
    common = {
        "stageline.orchestrator": "prefect",
        "stageline.pipeline": "elasticnet",
        "stageline.pipeline_run": flow,
        "mlflow.source.name": "flow.py",
        "mlflow.source.git.commit": COMMITS[number % 2],
        "mlflow.source.git.branch": "main",
        "mlflow.source.git.repoURL": REPOSITORY,
    }
    parent = team.begin("elasticnet", flow.partition("/")[2], common)
    scores = {}
    for index, (alpha, l1_ratio) in enumerate(itertools.product(ALPHAS, L1_RATIOS)):
        team.clock.set(start + 4_000 + 1_700 * index)
        name = f"alpha={alpha} l1_ratio={l1_ratio}"
        tags = {**common, "stageline.task": "train", "stageline.task_index": str(index)}
        run = team.begin("elasticnet", name, tags, parent=parent.run_id)
        run.log_params({"alpha": alpha, "l1_ratio": l1_ratio})
        data = DatasetRef(
            namespace="s3://lake",
            name="wine.csv",
            digest=f"{0xA17C + 977 * number:x}",
            source="s3://lake/wine.csv",
            source_type="s3",
        )
        run.log_input(DatasetInput(data, {"mlflow.data.context": "training"}))
        if (number, index) == (1, 11):
            team.clock.sleep(0.4)
            run.end(RunStatus.FAILED, "ConvergenceWarning: no progress after 1,000 iterations")
            continue
        rmse = _rmse(alpha, l1_ratio, number)
        run.log_batch(
            [
                ("rmse", rmse, 0, team.clock.now_ms()),
                ("mae", rmse * 0.812, 0, team.clock.now_ms()),
                ("r2", 1 - rmse**2 / 0.96, 0, team.clock.now_ms()),
            ]
        )
        log_elasticnet_files(team.workspace, run.run_id, alpha, l1_ratio)
        team.clock.sleep(0.9 + 0.11 * ((index * 7) % 5))
        run.end()
        scores[run.run_id] = rmse
    parent.end()
    team.candidates.append(sorted(scores, key=scores.__getitem__))


def _rmse(alpha: float, l1_ratio: float, number: int) -> float:
    return (
        0.642 + 0.075 * abs(math.log10(alpha) + 1) ** 1.5 + 0.05 * l1_ratio * alpha - 0.011 * number
    )


def _network(team: Team, number: int) -> None:
    """A run with learning curves; the last one goes on."""
    rng = random.Random(number)
    is_last, is_broken, is_stopped = number == 15, number == 9, number == 12
    start = team.at(0.006 if is_last else 12 - 0.7 * number)
    rate, width, dropout = (
        10 ** -(1.5 + 0.5 * (number % 4)),
        64 << (number % 3),
        0.1 * (number // 4),
    )
    tags = {"mlflow.source.name": "train_mlp.py", "mlflow.source.git.commit": COMMITS[1]}
    tags |= {"team": "vision", "gpu": "a10" if number % 3 else "l4"}
    if number == 5:
        tags[TAG_NOTE] = (
            "Best of the *wide* ones. Next: `dropout` below 0.1, see the **confusion** plot."
        )
    run = team.begin("digits-mlp", f"mlp-{number:02d}", tags, owns_end=not is_last)
    run.log_params(
        {"learning_rate": f"{rate:.3g}", "width": width, "dropout": round(dropout, 1), "seed": 7}
    )
    run.log_params({"optimizer": ("adam", "sgd")[number % 2], "epochs": 60})
    steps = 8 if is_broken else 34 if is_last or is_stopped else 60
    run.log_batch(_curves(rng, start, steps, rate, width, is_broken))
    team.clock.set(start + steps * 9_000)
    files = team.workspace.artifacts(run.run_id)
    if number == 5:
        log_network_files(team.workspace, run)
        for step in (0, 20, 40, 59):
            stem = f"images/filters+step+{step}+timestamp+{start + step * 9_000}+5f{step:02d}"
            files.log_bytes(image_of(step), f"{stem}.png")
            files.log_bytes(image_of(step), f"{stem}+compressed.webp")
        run.record(ev.OutputWritten(start, "stdout", _terminal(steps)))
    if is_last:
        run.flush()
        return
    ending: tuple[Any, ...] = (RunStatus.FINISHED,)
    if is_broken:
        ending = (RunStatus.FAILED, "FloatingPointError: loss is NaN at step 8")
    elif is_stopped:
        ending = (RunStatus.KILLED, "stopped by hand")
    run.end(*ending)


def _curves(
    rng: random.Random, start: int, steps: int, rate: float, width: int, is_broken: bool
) -> list[tuple[str, float, int, int]]:
    points = []
    speed = 6 + 4 * abs(math.log10(rate) + 2.5)
    floor = 0.04 + 0.03 * abs(math.log10(rate) + 2.5) + 2 / width
    for step in range(steps):
        when = start + step * 9_000
        loss = floor + 2.2 * math.exp(-step / speed) + rng.gauss(0, 0.012)
        gap = 0.03 + 0.0009 * step
        points += [
            ("loss", loss if not is_broken or step < 7 else math.nan, step, when),
            ("val/loss", loss + gap + rng.gauss(0, 0.02), step, when),
            ("val/accuracy", 0.985 - 0.28 * (loss + gap) + rng.gauss(0, 0.004), step, when),
        ]
        if step % 2 == 0:
            points += [
                (
                    "system/cpu_utilization_percentage",
                    55 + 12 * math.sin(step / 4) + rng.gauss(0, 3),
                    step,
                    when,
                ),
                ("system/system_memory_usage_megabytes", 2100 + 9.0 * step, step, when),
            ]
    return points


def _terminal(steps: int) -> str:
    lines = [f"epoch {n:3d}  loss {0.05 + 2.2 * math.exp(-n / 8):.4f}" for n in range(0, steps, 6)]
    return "\n".join([*lines, "saved model"]) + "\n"


def _pipelines(team: Team) -> None:
    """A daily DAG of Airflow; its last run needed a second try."""
    for day in range(14, -1, -1):
        start = team.at(day + 0.2)
        day_name = f"scheduled__{15 - day:02d}"
        common = {
            "stageline.orchestrator": "airflow",
            "stageline.pipeline": "forecast_daily",
            "stageline.pipeline_run": f"forecast_daily/{day_name}",
            "mlflow.source.git.commit": COMMITS[0],
        }
        parent = team.begin("forecast-daily", f"forecast_daily {day_name}", common)
        team.clock.sleep(2)
        run = team.begin(
            "forecast-daily", "fit", {**common, "stageline.task": "fit"}, parent=parent.run_id
        )
        page = f"https://airflow.example/dags/forecast_daily/runs/{day_name}/tasks/fit?try_number="
        if day == 0:
            run.record(
                ev.AttemptNoted(
                    1,
                    Attempt(
                        number=1,
                        status=RunStatus.FAILED,
                        start_time=start,
                        end_time=start + 60_000,
                        reason="ConnectionError: the lake did not answer",
                        links={"airflow": page + "1"},
                    ),
                )
            )
        tries = 2 if day == 0 else 1
        run.record(
            ev.AttemptNoted(
                tries,
                Attempt(
                    number=tries,
                    status=RunStatus.FINISHED,
                    start_time=start + 60_000 * tries,
                    end_time=start + 60_000 * tries + 210_000 + 6_000 * ((day * 5) % 11),
                    links={"airflow": page + str(tries)},
                ),
            )
        )
        run.log_params({"horizon": 7, "window": 28})
        run.log_metrics({"smape": 11.8 - 0.05 * (14 - day) + ((day * 7) % 5) * 0.21})
        team.clock.sleep(210 + 6 * ((day * 5) % 11))
        run.end(RunStatus.FAILED if day == 6 else RunStatus.FINISHED)
        parent.end(RunStatus.FAILED if day == 6 else RunStatus.FINISHED)


def _experiments(team: Team) -> None:
    experiments = team.workspace.experiments
    for name, metric, tags in (
        ("elasticnet", "rmse", {"team": "quality"}),
        ("digits-mlp", "val/accuracy", {"team": "vision"}),
        ("forecast-daily", "smape", {"team": "planning"}),
    ):
        experiment_id = experiments.get_by_name(name).experiment_id
        experiments.set_tag(experiment_id, TAG_METRIC, metric)
        for key, value in tags.items():
            experiments.set_tag(experiment_id, key, value)
    experiments.create("ablation")
