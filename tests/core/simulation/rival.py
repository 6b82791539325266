"""One of eight processes that work on the same registered models; prints each call with its answer and its times.

Run as `rival.py URL PROCESS`: each line of its standard input is a number, the seed of a history of CALLS calls, which
begin once all have read it; a line `done` tells that they were made.
"""

from __future__ import annotations

import json
import sys
import time
from random import Random
from typing import Any

from stageline import Workspace
from stageline.errors import StagelineError, StorageFailed

CALLS = 25
STAGES = ("Staging", "Production", "Archived")


def drawn(random: Random) -> tuple[str, dict[str, Any]]:
    version = random.randint(1, 3)
    verb = random.choices(
        ("register", "transition", "request", "answer", "alias", "versions"), (2, 5, 2, 2, 2, 4)
    )[0]
    if verb == "transition":
        return verb, {
            "version": version, "stage": random.choice(STAGES),
            "expected": random.choice((None, None, "None", "Staging")), "archive": random.random() < 0.5,
        }  # fmt: skip
    if verb == "answer":
        return verb, {"request": random.randint(1, 4), "yes": random.random() < 0.7}
    if verb == "request":
        return verb, {"version": version, "stage": random.choice(STAGES)}
    return verb, {"version": version, "alias": "champion"} if verb == "alias" else {}


def called(registry: Any, verb: str, name: str, given: dict[str, Any]) -> Any:
    match verb:
        case "register":
            return registry.register(name, source="s3://models/x", again=True).version
        case "transition":
            return registry.transition(
                name, given["version"], given["stage"], archive_existing=given["archive"],
                expected_stage=given["expected"],
            ).current_stage  # fmt: skip
        case "request":
            return registry.request_transition(name, given["version"], given["stage"]).number
        case "answer":
            answer = registry.approve if given["yes"] else registry.reject
            return str(answer(name, given["request"]).status)
        case "alias":
            registry.set_alias(name, given["alias"], given["version"])
            return given["version"]
        case _:
            return {v.version: v.current_stage for v in registry.versions(name)}


def main() -> None:
    url, process = sys.argv[1:3]
    registry = Workspace.open(url).registry.acting(process)
    for line in sys.stdin:
        random = Random(f"{line.strip()} {process}")
        for _ in range(CALLS):
            name = f"model-{line.strip()}-{random.randint(1, 2)}"
            verb, given = drawn(random)
            answer, outcome, error = None, "done", ""
            began = time.monotonic_ns()
            try:
                answer = called(registry, verb, name, given)
            except StorageFailed as failure:
                outcome, error = "unknown", repr(failure)
            except StagelineError as failure:
                outcome, error = "refused", repr(failure)
            print(
                json.dumps({
                    "process": process, "verb": verb, "name": name, "given": given, "answer": answer,
                    "outcome": outcome, "error": error, "began": began, "ended": time.monotonic_ns(),
                })
            )  # fmt: skip
        print("done", flush=True)


if __name__ == "__main__":
    main()
