"""What a page of the documentation has between its fences, and why some of it is not run.

A block that can not be run here says so in an HTML comment on the line above it: `<!-- not run: the reason -->`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs" / "how-to").glob("*.md")),
]
EXAMPLES = sorted((ROOT / "examples").glob("*/README.md"))

Suite = Literal["core", "prefect", "airflow", "spark"]

_FENCE = re.compile(
    r"^(?P<ticks>`{3,})(?P<language>[\w-]*)\n(?P<text>.*?)^(?P=ticks)$", re.M | re.S
)
_MARK = re.compile(r"<!-- not run: (?P<reason>.+?) -->\s*\Z")
_ORCHESTRATOR = re.compile(r"^\s*(?:from|import) (prefect|airflow)(?:_|\.|\s)", re.M)
_PAGES_OF: dict[str, Suite] = {
    "prefect": "prefect",
    "tutorial": "prefect",
    "airflow": "airflow",
    "airflow-models": "airflow",
    "tutorial-airflow": "airflow",
}
_EXAMPLES_OF: dict[str, Suite] = {"elasticnet": "prefect", "sweep": "prefect", "spark": "spark"}


@dataclass(frozen=True)
class Block:
    """What stands between two fences."""

    page: str
    line: int
    """Of its first line of text, from 1."""
    language: str
    text: str
    reason: str | None
    """Why it is not run; None if it is."""

    @property
    def place(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def suite(self) -> Suite:
        """In whose environment it runs."""
        page = Path(self.page)
        if page.parts[0] == "examples":
            in_airflow = "airflow" in self.text.lower()
            return "airflow" if in_airflow else _EXAMPLES_OF.get(page.parent.name, "core")
        of_page = _PAGES_OF.get(page.stem)
        if of_page is not None:
            return of_page
        found = _ORCHESTRATOR.search(self.text) if self.language == "python" else None
        return "core" if found is None else "prefect" if found[1] == "prefect" else "airflow"

    @property
    def file(self) -> str | None:
        """The file that the block is, if its first line is a comment with nothing but a name."""
        found = re.match(r"# ([\w./-]+\.\w+|MLproject)\n", self.text)
        return found[1] if found else None


def blocks(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text = page.read_text("utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        mark = _MARK.search(text, 0, fence.start())
        found.append(
            Block(
                page=str(page.relative_to(ROOT)),
                line=text.count("\n", 0, fence.start()) + 2,
                language=fence["language"],
                text=fence["text"],
                reason=mark["reason"] if mark else None,
            )
        )
    return found


def blocks_of(suite: Suite, pages: Sequence[Path] = PAGES) -> dict[str, list[Block]]:
    """By page, what this suite runs."""
    chosen = {
        str(page.relative_to(ROOT)): [
            one for one in blocks(page) if one.suite == suite and one.reason is None
        ]
        for page in pages
    }
    return {page: found for page, found in chosen.items() if found}


def marked(suite: Suite, pages: Sequence[Path] = PAGES) -> list[Block]:
    """What this suite does not run, and only looks over."""
    return [one for page in pages for one in blocks(page) if one.suite == suite and one.reason]


@dataclass(frozen=True)
class Command:
    """A line after a `$`, with what the page says that it prints."""

    text: str
    prints: str
    exit_code: int


def commands(text: str) -> list[Command]:
    """The commands of a console block."""
    found = []
    for piece in re.split(r"^\$ ", text, flags=re.M)[1:]:
        lines = piece.splitlines()
        taken = 1
        while _goes_on("\n".join(lines[:taken])) and taken < len(lines):
            taken += 1
        line = "\n".join(lines[:taken])
        said = re.search(r"\s+# exit code (\d+)", line)
        bare = re.sub(r"\s{2,}#.*", "", line)
        found.append(Command(bare, "\n".join(lines[taken:]).strip(), int(said[1]) if said else 0))
    return found


def _goes_on(line: str) -> bool:
    import shlex

    try:
        shlex.split(line)
    except ValueError:
        return True
    return line.endswith("\\")
