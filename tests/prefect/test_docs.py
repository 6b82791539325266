"""Blocks of the documentation that need Prefect do what they say; tests/docs has the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from doc_blocks import Block, blocks_of, marked
from doc_reader import Reader, look_over
from processes import until

from stageline import fluent

PAGES = blocks_of("prefect")
NOT_RUN = marked("prefect")


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Reader]:
    monkeypatch.setattr(fluent.Session, "workspace", None)
    opened = Reader(tmp_path, monkeypatch)
    yield opened
    opened.close()


def marked_slow(page: str) -> object:
    return pytest.param(page, marks=[pytest.mark.slow] if page == "docs/tutorial.md" else [])


@pytest.mark.parametrize("page", [marked_slow(page) for page in PAGES])
def test_page_does_what_it_says(page: str, reader: Reader) -> None:
    for block in PAGES[page]:
        reader.follow(block)
    if page == "docs/tutorial.md":
        told = reader.folder / "deployed.txt"
        until(told.exists, "the promotion has started a deployment")
        assert told.read_text() == "version 1: LoadedModel"
    if page == "docs/how-to/retraining.md":  # Prefect deploys only a flow that is in a file
        shown = "from retrain import deployment as it; print(it.flow_name, len(it.triggers))"
        code, printed = reader.shell(f'python -c "{shown}"')
        assert (code, printed.split()) == (0, ["retrain", "2"]), printed


@pytest.mark.parametrize("block", NOT_RUN, ids=lambda one: f"{one.place} {one.reason}")
def test_block_that_is_not_run_is_at_least_well_formed(block: Block) -> None:
    look_over(block)
