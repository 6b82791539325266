"""One Spark for all tests: real, in this machine's own processes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import S3Server


@pytest.fixture(scope="session")
def spark(
    tmp_path_factory: pytest.TempPathFactory, seaweedfs_server: S3Server
) -> Iterator[Any]:  # pyspark has no types that mypy would read
    """Two executors' threads, whose Python workers have the credentials of SeaweedFS in their environment."""
    # Whatever `python3` the PATH has first would be the workers' otherwise.
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.fail("Spark needs Java 17: `make test-spark` installs it")
    from pyspark.sql import SparkSession

    folder: Path = tmp_path_factory.mktemp("spark")
    building = (
        SparkSession.builder.master("local[2]")
        .appName("stageline")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.execution.arrow.maxRecordsPerBatch", "50")
        .config("spark.local.dir", str(folder / "local"))
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.extraJavaOptions", f"-Dderby.system.home={folder}")
    )
    for name, value in seaweedfs_server.environment().items():
        building = building.config(f"spark.executorEnv.{name}", value)
    session = building.getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
