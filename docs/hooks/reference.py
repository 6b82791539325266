"""Writes the reference from the code: `python docs/hooks/reference.py FOLDER`. `make docs` does, before it builds.

Needs an environment with `stageline[server,ui]`, and for the commands of an orchestrator its distribution.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from of_commands import commands_page
from of_errors import errors_page
from of_python import python_page
from of_rest import rest_page
from of_settings import settings_page

PAGES = {
    "cli.md": commands_page,
    "settings.md": settings_page,
    "errors.md": errors_page,
    "rest.md": rest_page,
    "python.md": python_page,
}


def write(folder: Path) -> None:
    """Write each page of the reference to `folder`, if it differs from what is there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, made in PAGES.items():
        path, text = folder / name, made()
        if not path.exists() or path.read_text("utf-8") != text:
            path.write_text(text, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
