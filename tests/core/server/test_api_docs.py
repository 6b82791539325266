"""docs/rest-api.md names every route that there is; tests/docs runs its commands."""

from __future__ import annotations

import re
from pathlib import Path

from asking import Asked

PAGE = Path(__file__).parents[3] / "docs" / "rest-api.md"
METHODS = ("get", "put", "post", "delete")


def test_page_names_every_route_and_no_other(server: Asked) -> None:
    told = set(re.findall(r"^\| `([A-Z]+ /\S*)` \|", PAGE.read_text(), re.MULTILINE))
    paths = server.api.openapi()["paths"]
    assert told == {
        f"{method.upper()} {path}"
        for path, item in paths.items()
        for method in item
        if method in METHODS
    }
