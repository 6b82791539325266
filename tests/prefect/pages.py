"""Prefect's own pages, in a browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from browser import open_browser


@contextmanager
def opened_page(path: str) -> Iterator[Any]:
    """A page of Prefect's UI. Run no flow meanwhile: Playwright has an event loop in this thread."""
    api = urlsplit(os.environ["PREFECT_API_URL"])
    with open_browser() as context:
        page = context.new_page()
        page.set_viewport_size({"width": 1300, "height": 1600})
        page.goto(f"{api.scheme}://{api.netloc}{path}")
        yield page
