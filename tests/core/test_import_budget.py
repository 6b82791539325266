"""What is loaded to log one metric: counted in modules, which a busy machine does not change.

A ceiling stands a tenth above what was counted when it was set. Raise one only for what each process needs.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {
    "aiohttp", "asyncio", "botocore", "cloudpickle", "fastapi", "fsspec", "lark", "mlflow", "numpy", "pandas",
    "pyarrow", "pydantic", "requests", "rich", "s3fs", "sklearn", "sqlite3", "tenacity", "typer", "yaml",
}  # fmt: skip
ONE_METRIC = """
import stageline, sys
stageline.set_store(sys.argv[1])
with stageline.start_run():
    stageline.log_metric("loss", 1.0)
"""


def loaded(code: str, *arguments: str) -> set[str]:
    """The modules that `code` loads, beyond those of the interpreter."""
    said = [
        subprocess.run(
            [sys.executable, "-c", f"{one}\nimport sys; print(*sys.modules)", *arguments],
            capture_output=True, text=True, check=True,
        ).stdout.split()
        for one in ("", code)
    ]  # fmt: skip
    return {*said[1]} - {*said[0]}


@pytest.mark.parametrize(
    ("code", "most"),
    [("import stageline", 30), ("import stageline.tasks", 31), (ONE_METRIC, 205)],
    ids=["import stageline", "import stageline.tasks", "one metric"],
)
def test_few_modules_are_loaded_and_none_that_is_heavy(
    code: str, most: int, tmp_path: Path
) -> None:
    modules = loaded(code, str(tmp_path / "store"))
    assert {name.partition(".")[0] for name in modules} & HEAVY == set()
    assert len(modules) <= most, sorted(modules)
