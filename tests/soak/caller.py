"""A process that trains over HTTP, without end: `caller.py PORTS DIARY SEED`, one thread for each port and two runs.

A request goes to any of the servers; to the next one when its connection breaks. 200 is an acknowledgement; anything
else may have happened or not.
"""

from __future__ import annotations

import http.client
import json
import random
import sys
import threading
import time
from itertools import count
from pathlib import Path
from typing import Any

from diary import Diary, value_of

API = "/api/2.0/mlflow/"
ANSWERS_WITHIN_S = 60
POINTS = 40
THINKS_S = 0.01
WAITS_S = 0.2
"""After a call that nobody answered."""
EXPERIMENT = "0"
MODEL = "served"


class Unanswered(Exception):
    """Nobody said 200."""


class Caller:
    """A client that knows all replicas."""

    def __init__(self, ports: list[int], diary: Diary, name: str) -> None:
        self.ports = ports
        self.diary = diary
        self.name = name
        self.random = random.Random(name)
        self.seen: dict[str, int] = {}

    def ask(self, path: str, **body: Any) -> Any:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.random.choice(self.ports), timeout=ANSWERS_WITHIN_S
        )
        try:
            connection.request(
                "POST", API + path, json.dumps(body), {"Content-Type": "application/json"}
            )
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(type(error).__name__) from error
        finally:
            connection.close()
        if answer.status != 200:
            raise Unanswered(f"{answer.status} {content[:400]!r}")
        return json.loads(content)

    def train(self, number: int) -> None:
        name = f"{self.name}-{number}"
        with self.diary.deed("run", name=name) as deed:
            made = self.ask(
                "runs/create", experiment_id=EXPERIMENT, run_name=name, start_time=1, user_id="ann"
            )
            run_id = deed.answer = made["run"]["info"]["run_id"]
        for step in range(POINTS):
            self._point(run_id, step)
            time.sleep(self.random.random() * 2 * THINKS_S)
        self._try("end", "runs/update", {"run": run_id}, run_id=run_id, status="FINISHED")
        if self.random.random() < 0.3:
            source = f"s3://elsewhere/{name}"
            with self.diary.deed("register", model=MODEL, source=source) as deed:
                made = self.ask("model-versions/create", name=MODEL, source=source)
                deed.answer = int(made["model_version"]["version"])

    def _point(self, run_id: str, step: int) -> None:
        point = {"value": value_of(run_id, step), "timestamp": 1, "step": step}
        given = {"run": run_id, "step": step}
        self._try("point", "runs/log-metric", given, run_id=run_id, key="loss", **point)
        if step % 10 == 0:
            key, run = f"{step}", {"run": run_id}
            self._try(
                "param", "runs/log-parameter", {**run, "key": f"p{key}"},
                run_id=run_id, key=f"p{key}", value=key,
            )  # fmt: skip
            self._try(
                "tag", "runs/set-tag", {**run, "key": f"t{key}"},
                run_id=run_id, key=f"t{key}", value=key,
            )  # fmt: skip
            many = [
                {"key": "batch", "value": value_of(run_id, one), "timestamp": 1, "step": one}
                for one in range(step, step + 10)
            ]
            self._try("batch", "runs/log-batch", given, run_id=run_id, metrics=many)

    def _try(self, verb: str, path: str, given: dict[str, Any], **body: Any) -> None:
        """A call whose failure the training outlives."""
        try:
            with self.diary.deed(verb, **given):
                self.ask(path, **body)
        except Unanswered as error:
            self.note(error)

    def note(self, error: Unanswered) -> None:
        """Say on the output what was answered in place of 200."""
        print(str(error), flush=True)
        time.sleep(WAITS_S)

    def go_on(self) -> None:
        for number in count():
            try:
                self.train(number)
            except Unanswered as error:
                self.note(error)


def main() -> None:
    ports, diary, seed = sys.argv[1:]
    known = [int(port) for port in ports.split(",")]
    first = Caller(known, Diary(Path(f"{diary}.0")), f"c{seed}.0")
    while True:
        try:
            first.ask("registered-models/create", name=MODEL)
            break
        except Unanswered as error:
            if "RESOURCE_ALREADY_EXISTS" in str(error):
                break
            first.note(error)
    others = [
        Caller(known, Diary(Path(f"{diary}.{number}")), f"c{seed}.{number}") for number in (1, 2, 3)
    ]
    for caller in others:
        threading.Thread(target=caller.go_on, daemon=True).start()
    first.go_on()


if __name__ == "__main__":
    main()
