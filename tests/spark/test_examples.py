"""The example for Spark does what its README says, in a Spark of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from doc_blocks import EXAMPLES, blocks_of
from example_reader import ExampleReader

PAGES = blocks_of("spark", EXAMPLES)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_example_does_what_its_readme_says(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    reader = ExampleReader(tmp_path, monkeypatch)
    for block in PAGES[page]:
        reader.follow(block)
