"""Every block of README.md and of the pages in docs/ does what it says, in the order in which it stands there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from doc_blocks import Block, blocks_of, marked
from doc_given import GIVEN
from doc_reader import Reader, look_over

PAGES = blocks_of("core")
NOT_RUN = marked("core")


@pytest.mark.parametrize("page", PAGES)
def test_page_does_what_it_says(page: str, reader: Reader) -> None:
    with GIVEN.get(page, nothing)(reader):
        for block in PAGES[page]:
            reader.follow(block)


@pytest.mark.parametrize("block", NOT_RUN, ids=lambda one: f"{one.place} {one.reason}")
def test_block_that_is_not_run_is_at_least_well_formed(block: Block) -> None:
    look_over(block)


@contextmanager
def nothing(_: Reader) -> Iterator[None]:
    """A page that assumes nothing."""
    yield
