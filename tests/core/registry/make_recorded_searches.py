"""Records what MLflow's own registry answers to searches, for `test_search_as_mlflow.py` to compare with ours.

Run in an environment with MLflow, such as that of `make test-flavors`:

    .venv/flavors/bin/python tests/core/registry/make_recorded_searches.py

It writes `recorded_searches.json` beside itself: what was done, what was asked, what was found; `null` for a refusal.
"""

from __future__ import annotations

import json
import tempfile
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch

TIME = 1_700_000_000_000
STEP = 1_000
RECORD = Path(__file__).with_name("recorded_searches.json")

# In this order, a second apart.
DONE: list[list[Any]] = [
    ["model", "wine", {"team": "risk", "Team": "Risk"}],
    ["model", "Wine", {"team": "bar"}],
    ["model", "wine_red", {"team": "risk_1"}],
    ["model", "wine-white", {}],
    ["model", "ale%", {"team": "risk", "note": "50% off", "empty": ""}],
    ["model", "über", {"team": "RISK"}],
    ["model", "zz top", {"a b": "x", "a.b": "y"}],
    ["version", "wine", "s3://a/1", "r1", {"k": "1"}],
    ["version", "wine", "s3://a/2", "r2", {"k": "2", "Team": "risk"}],
    ["version", "wine", "s3://b/3", None, {}],
    ["version", "Wine", "s3://a/1", "R1", {"k": "10"}],
    ["version", "ale%", "dbfs:/ale_1", "r1", {"k": "1", "empty": ""}],
    ["version", "zz top", "s3://A/1", "r3", {"a b": "x"}],
    ["version", "wine", "s3://a/10", "r2", {"k": "2"}],
    ["stage", "wine", 1, "Production"],
    ["stage", "wine", 2, "Staging"],
    ["describe version", "wine", 3, "the third"],
    ["describe model", "wine-white", "for fish"],
    ["delete version", "wine", 4],
    ["version", "wine", "s3://a/11", "r9", {"k": "5"}],
]

MODEL_FILTERS = """

name = 'wine'
name != 'wine'
name LIKE 'wine%'
name LIKE 'WINE%'
name ILIKE 'WINE%'
name ILIKE 'ÜBER'
name LIKE '%e'
name LIKE 'wine_red'
name LIKE 'ale\\%'
name LIKE '%\\_%'
name LIKE ''
name LIKE '%'
name = ''
attribute.name = 'wine'
attributes.name = 'wine'
`name` = 'wine'
name = "wine"
name = 'wine' AND tags.team = 'risk'
name LIKE 'w%' AND name LIKE '%e'
name = 'wine' OR name = 'Wine'
NAME = 'wine'
tags.team = 'risk'
tag.team = 'risk'
tags.team != 'risk'
tags.team LIKE 'risk%'
tags.team LIKE 'risk_1'
tags.team ILIKE 'risk'
tags.Team = 'Risk'
tags.TEAM = 'risk'
tags.note LIKE '%0\\%%'
tags.note LIKE '50%'
tags.empty = ''
tags.empty != ''
tags.`a b` = 'x'
tags."a b" = 'x'
tags.a.b = 'y'
tags.`a.b` = 'y'
tags.missing != 'x'
tags.missing LIKE '%'
tags.team = 'risk' AND tags.note LIKE '%off'
tags.team IS NULL
tags.team IS NOT NULL
tags.team IN ('risk')
tags.team = risk
tags.team = 3
tags.team > 'a'
name IN ('wine', 'Wine')
name NOT IN ('wine')
name > 'a'
name = 3
name
name =
name = 'wine' AND
creation_timestamp > 0
last_updated_timestamp > 0
description = 'for fish'
metrics.a > 1
params.a = 'x'
run_id = 'r1'
version_number = 1
"""
MODEL_ORDERS = [
    [], ["name"], ["name ASC"], ["name DESC"], ["NAME DESC"], ["`name` DESC"],
    ["creation_timestamp"], ["creation_timestamp DESC"], ["last_updated_timestamp"],
    ["last_updated_timestamp DESC"], ["timestamp ASC"], ["timestamp DESC"],
    ["timestamp DESC", "name ASC"], ["name", "name DESC"], ["description"], ["tags.team"], ["name UP"], [""],
]  # fmt: skip

VERSION_FILTERS = """

name = 'wine'
name != 'wine'
name = 'Wine'
name LIKE 'wine%'
name LIKE 'W%'
name ILIKE 'w%'
name ILIKE 'WINE'
name IN ('wine')
name IN ('wine', 'Wine')
name IN ("wine", "ale%")
name IN ()
name IN 'wine'
name NOT IN ('wine')
version_number = 1
version_number != 1
version_number > 1
version_number >= 2 AND name = 'wine'
version_number < 2
version_number <= 1
version_number = '1'
version_number LIKE '1'
version_number IN (1, 2)
version = 1
run_id = 'r1'
run_id != 'r1'
run_id LIKE 'r%'
run_id ILIKE 'R1'
run_id IN ('r1', 'r9')
run_id IN ('nosuch')
run_id NOT IN ('r1')
run_id = ''
source_path = 's3://a/1'
source_path LIKE 's3://a/%'
source_path LIKE 'dbfs:/ale_1'
source_path ILIKE 'S3://A/1'
source_path != 's3://a/1'
source_path LIKE 's3://a/1_'
source = 's3://a/1'
tags.k = '1'
tags.k != '1'
tags.k LIKE '1%'
tags.`k` = '2' AND name = 'wine'
tags.k = '2' AND tags.Team = 'risk'
tags.team = 'risk'
tags.empty = ''
tags.`a b` = 'x'
tags.k = 1
tags.k > '1'
tags.k IS NULL
current_stage = 'Production'
stage = 'Production'
aliases = 'a'
creation_timestamp > 0
status = 'READY'
user_id = 'u'
description LIKE 'the%'
metrics.a > 1
name = 'wine' AND run_id = 'r2' AND version_number > 1
name = 'wine' OR version_number = 1
"""
VERSION_ORDERS = [
    [], ["name"], ["name DESC"], ["version_number"], ["version_number ASC"], ["version_number DESC"],
    ["creation_timestamp"], ["creation_timestamp DESC"], ["last_updated_timestamp ASC"],
    ["last_updated_timestamp DESC"], ["name ASC", "version_number DESC"], ["name DESC", "version_number ASC"],
    ["version_number DESC", "name DESC"], ["timestamp"], ["run_id"], ["source_path"], ["tags.k"], ["name", "name"],
]  # fmt: skip


def lines(text: str) -> list[str]:
    """The first is empty: no filter."""
    return ["", *(line for line in text.splitlines() if line)]


def main() -> None:
    import mlflow
    from mlflow.entities.model_registry import ModelVersionTag, RegisteredModelTag
    from mlflow.exceptions import MlflowException
    from mlflow.store.model_registry import sqlalchemy_store

    times = count(TIME, STEP)
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(sqlalchemy_store, "get_current_time_millis", lambda: now[0]),
    ):
        store = sqlalchemy_store.SqlAlchemyStore(f"sqlite:///{folder}/registry.db")
        now = [TIME]
        for command, name, *rest in DONE:
            now[0] = next(times)
            match command, rest:
                case "model", [tags]:
                    store.create_registered_model(
                        name, [RegisteredModelTag(key, value) for key, value in tags.items()]
                    )
                case "version", [source, run_id, tags]:
                    given = [ModelVersionTag(key, value) for key, value in tags.items()]
                    store.create_model_version(name, source, run_id, given)
                case "stage", [version, stage]:
                    store.transition_model_version_stage(name, version, stage, False)
                case "describe version", [version, text]:
                    store.update_model_version(name, version, text)
                case "describe model", [text]:
                    store.update_registered_model(name, text)
                case "delete version", [version]:
                    store.delete_model_version(name, version)

        def models(text: str, order: list[str]) -> list[str] | None:
            try:
                return [one.name for one in store.search_registered_models(text, 1000, order)]
            except (
                MlflowException,
                ValueError,
            ):  # the latter, where its parser did not expect that
                return None

        def versions(text: str, order: list[str]) -> list[str] | None:
            try:
                found = store.search_model_versions(text, 1000, order)
                return [f"{one.name}/{one.version}" for one in found]
            except (MlflowException, ValueError):
                return None

        record = {
            "mlflow": mlflow.__version__,
            "done": DONE,
            "models": [[text, [], models(text, [])] for text in lines(MODEL_FILTERS)]
            + [["", order, models("", order)] for order in MODEL_ORDERS],
            "versions": [[text, [], versions(text, [])] for text in lines(VERSION_FILTERS)]
            + [["", order, versions("", order)] for order in VERSION_ORDERS],
        }
    text = json.dumps(record, ensure_ascii=False, indent=1)
    RECORD.write_text(text + "\n", "utf-8")


if __name__ == "__main__":
    main()
