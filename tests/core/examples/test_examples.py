"""The examples that need no orchestrator do what their READMEs say; tests/prefect, airflow and spark have others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from doc_blocks import EXAMPLES, ROOT, blocks_of, marked
from doc_reader import look_over
from example_reader import ExampleReader

pytest.importorskip("skops")

PAGES = blocks_of("core", EXAMPLES)
TABLE = ROOT / "examples" / "README.md"


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_example_does_what_its_readme_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = ExampleReader(tmp_path, monkeypatch)
    for block in PAGES[page]:
        reader.follow(block)


@pytest.mark.parametrize("block", marked("core", EXAMPLES), ids=lambda one: one.place)
def test_block_that_is_not_run_is_at_least_well_formed(block) -> None:
    look_over(block)


def test_the_table_has_every_example_and_names_its_files() -> None:
    folders = {path.parent for path in TABLE.parent.glob("*/*") if path.suffix in (".py", ".md")}
    told = set(re.findall(r"^\| \[`(\w+)/`\]\(\1/README\.md\)", TABLE.read_text(), re.M))
    assert {folder.name for folder in folders} == told
    for folder in folders:
        readme = (folder / "README.md").read_text()
        assert len(readme.splitlines()) <= 75, f"{folder.name}: a README is a screen"
