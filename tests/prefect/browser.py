"""A headless Chromium of the system, for looking at Prefect's pages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest

# No sandbox, since tests may run as root; nothing that would call home.
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
WITHIN_MS = 90_000


@contextmanager
def opened_page(path: str) -> Iterator[Any]:
    """A page of Prefect's UI. Run no flow meanwhile: Playwright has an event loop in this thread."""
    from playwright.sync_api import sync_playwright

    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if found is None:
        pytest.skip("no chromium: `make test-prefect` installs it where it can")
    api = urlsplit(os.environ["PREFECT_API_URL"])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1300, "height": 1600})
        page.set_default_timeout(WITHIN_MS)
        page.goto(f"{api.scheme}://{api.netloc}{path}")
        try:
            yield page
        finally:
            browser.close()
