"""Airflow, loaded once for a session of tests; each test runs DAGs in a process, a database and a store of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# Before Airflow is imported, which makes its home then.
HOME = Path(tempfile.mkdtemp(prefix="airflow-home-"))
os.environ["AIRFLOW_HOME"] = str(HOME)
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
os.environ["AIRFLOW__CORE__UNIT_TEST_MODE"] = "False"
os.environ["AIRFLOW__USAGE_DATA_COLLECTION__ENABLED"] = "False"

from dag_runs import DagRuns, WarmAirflow  # noqa: E402
from standalone_fixtures import (  # noqa: E402, F401
    admin,
    approver,
    begun,
    pages,
    standalone,
    standalone_store,
)

from stageline.workspace import Workspace  # noqa: E402

MIGRATE_WITHIN_S = 180.0


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in this hook too
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # In a row, and last: then the real Airflow runs for no longer than its own tests do. Processes that share the
    # suite share files of tests, and one of them has the real Airflow.
    items.sort(key=_wants_standalone)
    for item in items:
        group = "standalone" if _wants_standalone(item) else item.path.name
        item.add_marker(pytest.mark.xdist_group(group))


def _wants_standalone(item: pytest.Item) -> bool:
    return "standalone" in getattr(item, "fixturenames", ())


def pytest_unconfigure(config: pytest.Config) -> None:
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def airflow_home(pytestconfig: pytest.Config) -> Path:
    """Airflow's home, with a migrated database (`migrated.db`) that each job gets a copy of."""
    migrated = HOME / "migrated.db"
    kept = pytestconfig.cache.mkdir("airflow") / f"{_version()}.db"
    if not kept.exists():  # migrating takes longer than most tests
        environment = {**os.environ, "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{migrated}"}
        command = [str(Path(sys.executable).with_name("airflow")), "db", "migrate"]
        subprocess.run(
            command, env=environment, check=True, capture_output=True, timeout=MIGRATE_WITHIN_S
        )
        half = kept.with_suffix(f".{os.getpid()}")
        shutil.copy(migrated, half)
        os.replace(half, kept)
    shutil.copy(kept, migrated)
    return HOME


@pytest.fixture(scope="session")
def warm_airflow(airflow_home: Path) -> Iterator[WarmAirflow]:
    """The process that forks for each job."""
    warm = WarmAirflow(airflow_home)
    yield warm
    warm.close()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """The store that the DAGs of the test record in."""
    return Workspace.open(tmp_path / "store", cache=str(tmp_path / "cache"))


@pytest.fixture
def dag_runs(warm_airflow: WarmAirflow, workspace: Workspace, tmp_path: Path) -> DagRuns:
    """Runs DAGs whose connection `stageline_default` is the store of `workspace`."""
    return DagRuns(warm_airflow, str(workspace.store.url), tmp_path)


def _version() -> str:
    from importlib.metadata import version

    return version("apache-airflow-core")
