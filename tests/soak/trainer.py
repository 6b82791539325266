"""A process that trains, logs and registers with the library, without end: `trainer.py URL DIARY SEED`.

Its calls and their answers are in the diary. What the store does not answer is no reason to stop. Any other error is:
nobody else touches what it touches, so a conflict would be an unknown outcome told as one.
"""

from __future__ import annotations

import random
import sys
import time
from itertools import count
from pathlib import Path

from diary import Diary, text_of, value_of

from stageline import ActiveRun, MetricPoint, Workspace
from stageline.errors import StorageFailed

EXPERIMENTS = ("red", "white")
MODELS = ("wine", "beer")
POINTS = 40
THINKS_S = 0.005


class Trainer:
    """One run after the other, of which some are registered and some are deleted."""

    def __init__(self, url: str, diary: Diary, seed: int) -> None:
        self.workspace = Workspace.open(url)
        self.diary = diary
        self.random = random.Random(seed)
        self.name = f"t{seed}"

    def train(self, number: int) -> None:
        name = f"{self.name}-{number}"
        with self.diary.deed("run", name=name) as deed:
            run = self.workspace.runs.create(
                experiment_name=self.random.choice(EXPERIMENTS), run_name=name
            )
            deed.answer = run.run_id
        self._log(run)
        if self.random.random() < 0.3:
            self._store_file(run)
        if self.random.random() < 0.9:
            with self.diary.deed("end", run=run.run_id):
                run.end()
            if self.random.random() < 0.3:
                self._promote(run.run_id, name)
            elif self.random.random() < 0.3:
                self._delete(run.run_id)

    def _log(self, run: ActiveRun) -> None:
        for step in range(POINTS):
            with self.diary.deed("point", run=run.run_id, step=step):
                run.log_metric("loss", value_of(run.run_id, step), step)
            if step % 10 == 0:
                with self.diary.deed("param", run=run.run_id, key=f"p{step}"):
                    run.log_param(f"p{step}", step)
                with self.diary.deed("tag", run=run.run_id, key=f"t{step}"):
                    run.set_tags({f"t{step}": str(step)})
                with self.diary.deed("batch", run=run.run_id, step=step):
                    run.log_points(
                        [
                            MetricPoint("batch", value_of(run.run_id, one), one, one)
                            for one in range(step, step + 10)
                        ]
                    )
            time.sleep(self.random.random() * 2 * THINKS_S)

    def _store_file(self, run: ActiveRun) -> None:
        with self.diary.deed("file", run=run.run_id, name="model/weights.txt"):
            self.workspace.artifacts(run.run_id).log_text(
                text_of(run.run_id, "model/weights.txt"), "model/weights.txt"
            )

    def _promote(self, run_id: str, name: str) -> None:
        model, registry = self.random.choice(MODELS), self.workspace.registry
        with self.diary.deed("register", model=model, source=f"s3://elsewhere/{name}") as deed:
            version = registry.register(model, source=f"s3://elsewhere/{name}", digest=name).version
            deed.answer = version
        with self.diary.deed("stage", model=model, version=version, reason=name):
            registry.acting(reason=name).transition(
                model, version, "Production", archive_existing=True
            )
        with self.diary.deed("alias", model=model, alias=name, version=version):
            registry.set_alias(model, name, version)

    def _delete(self, run_id: str) -> None:
        with self.diary.deed("delete", run=run_id):
            self.workspace.runs.delete(run_id)


def main() -> None:
    url, diary, seed = sys.argv[1:]
    trainer = Trainer(url, Diary(Path(diary)), int(seed))
    for number in count():
        try:
            trainer.train(number)
        except StorageFailed as error:
            print(f"{type(error).__name__}: {error}"[:500], flush=True)


if __name__ == "__main__":
    main()
