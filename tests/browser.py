"""A headless Chromium: Debian's program, driven by Playwright; it talks to loopback only."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext

WITHIN_S = 90.0
"""Bound of every wait for something on a page; a first page on a busy machine loads megabytes of script."""
SIZE = {"width": 1400, "height": 1000}

# It runs as root in CI's sandbox, and has nobody to call home to.
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip


@contextmanager
def open_browser() -> Iterator[BrowserContext]:
    """A browser with no cookies, gone at the end.

    Playwright's synchronous form occupies this thread's event loop, so not for longer than a test.
    """
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.fail("no chromium found: install it (Debian: chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            context = browser.new_context(viewport=SIZE)
            context.set_default_timeout(WITHIN_S * 1000)
            yield context
        finally:
            browser.close()
