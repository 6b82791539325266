"""The provider as Airflow sees it: its description, its commands, what it costs a DAG file to import."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import jsonschema
import pytest

from airflow_provider_stageline.provider_info import get_provider_info

PACKAGE = "airflow_provider_stageline"
WITHIN_S = 180


def test_the_description_fits_airflows_own_schema():
    import airflow

    path = Path(airflow.__file__).with_name("provider_info.schema.json")
    jsonschema.validate(get_provider_info(), json.loads(path.read_text()))


def test_everything_that_the_description_names_is_there():
    info = json.loads(json.dumps(get_provider_info()))
    modules = [
        module
        for kind in ("operators", "sensors", "hooks", "triggers")
        for group in info.get(kind, ())
        for module in group["python-modules"]
    ]
    names = [
        *info["extra-links"],
        *(one["hook-class-name"] for one in info["connection-types"]),
        *(one["class-name"] for one in info["task-decorators"]),
        *(one["plugin-class"] for one in info["plugins"]),
    ]
    for module in modules:
        importlib.import_module(module)
    for name in names:
        module, _, attribute = name.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), name


def test_both_entry_points_are_there():
    for group in ("apache_airflow_provider", "airflow.plugins"):
        (found,) = [one for one in entry_points(group=group) if one.value.startswith(PACKAGE)]
        assert found.load()


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (["providers", "list"], "airflow-provider-stageline"),
        (["providers", "hooks"], f"{PACKAGE}.hooks.StagelineHook"),
        (["providers", "links"], f"{PACKAGE}.links.RunLink"),
        (["providers", "get", "airflow-provider-stageline"], "airflow-provider-stageline"),
        (["plugins"], "StagelinePlugin"),
    ],
)
def test_airflows_commands_show_it(airflow_home, command, shown):
    airflow = [str(Path(sys.executable).with_name("airflow")), *command, "--output", "json"]
    environment = {
        **os.environ,
        "COLUMNS": "1000",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{airflow_home / 'migrated.db'}",
    }
    done = subprocess.run(
        airflow, env=environment, capture_output=True, text=True, timeout=WITHIN_S, check=True
    )
    assert shown in done.stdout


HEAVY = ("pandas", "sklearn", "numpy", "s3fs", "fsspec", "pyarrow", "dulwich", "fastapi", "jinja2")
PARSE = f"""
import sys, airflow.sdk
from airflow.sdk import dag, task
import airflow.providers.standard.decorators.python
known = set(sys.modules)
from airflow_provider_stageline import tracked_task, Tracking
from airflow_provider_stageline.hooks import StagelineHook
import airflow_provider_stageline.decorators
new = set(sys.modules) - known
print([name for name in {HEAVY!r} if name in new])
"""


def test_importing_it_in_a_dag_file_loads_nothing_heavy():
    done = subprocess.run(
        [sys.executable, "-c", PARSE], capture_output=True, text=True, timeout=WITHIN_S, check=True
    )
    assert done.stdout.strip().splitlines()[-1] == "[]"


def test_the_description_imports_nothing():
    # Read by its path: beside it in the package, Airflow imports only what `__init__` does.
    path = Path(importlib.util.find_spec(f"{PACKAGE}.provider_info").origin)
    imports = [
        line for line in path.read_text().splitlines() if "import " in line.partition("#")[0]
    ]
    assert [line for line in imports if not line.startswith('"""')] == []
