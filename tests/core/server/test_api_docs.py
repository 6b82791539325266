"""docs/rest-api.md: its commands do what it says, and it names every route that there is."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from asking import Asked
from processes import WITHIN_S
from running import Running

from stageline.workspace import Workspace

PAGE = Path(__file__).parents[3] / "docs" / "rest-api.md"
METHODS = ("get", "put", "post", "delete")


def commands() -> list[str]:
    """The commands of the page, in order."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [one.strip() for block in blocks for one in block.split("$ ") if one.strip()]


def test_page_names_every_route_and_no_other(server: Asked) -> None:
    told = set(re.findall(r"^\| `([A-Z]+ /\S*)` \|", PAGE.read_text(), re.MULTILINE))
    paths = server.api.openapi()["paths"]
    assert told == {
        f"{method.upper()} {path}"
        for path, item in paths.items()
        for method in item
        if method in METHODS
    }


@pytest.mark.skipif(shutil.which("curl") is None, reason="the commands of the page need curl")
def test_commands_of_the_page_succeed_one_after_the_other(tmp_path: Path) -> None:
    store = tmp_path / "store"
    workspace = Workspace.open(store, cache=str(tmp_path / "cache"))
    with workspace.runs.create() as run:
        run.log_metric("rmse", 0.5)
    workspace.registry.register("wine", run_id=run.run_id)
    found = commands()
    assert len(found) > 8
    with Running(str(store), tmp_path) as server:
        for command in found:
            here = command.replace("127.0.0.1:5000", f"127.0.0.1:{server.port}")
            done = subprocess.run(["sh", "-c", here], capture_output=True, timeout=WITHIN_S)
            assert done.returncode == 0, (command, done.stdout, done.stderr)
            assert done.stdout, command
        assert server.end() == 0
    assert workspace.registry.get_version("wine", 1).current_stage == "Production"
