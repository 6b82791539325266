"""What a user can name stands on a page that a person wrote, not only in the reference that is made from the code."""

from __future__ import annotations

import re
import sys

import msgspec
import pytest
from doc_blocks import PAGES, ROOT

from stageline.settings import Settings

sys.path.append(str(ROOT / "docs" / "hooks"))

import of_commands
import of_errors
import of_python
import of_rest


@pytest.fixture(scope="module")
def human() -> str:
    """All pages but those of the reference; `a | b | c` after a command's group is each of them."""
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    assert "reference/" not in {page.parent.name for page in PAGES}
    return f"{text}\n{_spread(text)}"


def _spread(text: str) -> str:
    found = re.findall(r"`(stageline(?: [a-z]+)*) ([a-z]+(?: \| [a-z]+)+)`", text)
    return "\n".join(f"{group} {one}" for group, names in found for one in names.split(" | "))


def missing(names: list[str], human: str) -> list[str]:
    """Those that no page has as a word of its own."""
    return [
        name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", human)
    ]


def test_every_command_is_on_a_page(human: str) -> None:
    names = [
        " ".join(words)
        for words, command, _ in of_commands.commands()
        if not hasattr(command, "list_commands")
    ]
    assert len(names) > 60
    # `--store URL` may stand before the command's name.
    plain = re.sub(r"stageline(?: --(?:store|json)(?: [^\s`-]\S*)?)+ ", "stageline ", human)
    assert missing(names, plain) == []


def test_every_setting_is_on_a_page(human: str) -> None:
    names = [f"STAGELINE_{one.name.upper()}" for one in msgspec.structs.fields(Settings)]
    by_name = {one.upper() for one in re.findall(r"`(\w+)`", human)}
    assert [
        name for name in missing(names, human) if name.removeprefix("STAGELINE_") not in by_name
    ] == []


def test_every_error_is_on_a_page(human: str) -> None:
    names = [one.__name__ for one in of_errors.errors()]
    assert len(names) > 8
    assert missing(names, human) == []


@pytest.mark.parametrize("package", of_python.PACKAGES)
def test_every_public_name_is_on_a_page(package: str, human: str) -> None:
    assert missing(of_python.public(package), human) == []


def test_every_route_of_our_own_is_on_a_page(human: str) -> None:
    paths = [*of_rest.openapi()["paths"]]
    assert len(paths) > 15
    assert [path for path in paths if path not in human] == []


def test_every_route_of_mlflows_is_in_the_servers_table() -> None:
    server = pytest.importorskip("stageline.server.app")
    rows = [
        line
        for line in (ROOT / "docs" / "server.md").read_text("utf-8").splitlines()
        if line.startswith("| ")
    ]
    unknown = []
    for one in (*server.TRACKING, *server.REGISTRY):
        first, *rest = one.path.split("/")
        # A row names its group once; an id has a name of its own in the table.
        said = " ".join(row for row in rows if f"{first}/" in row or f"`{first}" in row)
        words = [first, *(part for part in rest if not part.startswith("{"))]
        if not all(re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", said) for word in words):
            unknown.append(one.path)
    assert unknown == []


def test_navigation_names_each_page_and_leads_a_newcomer_from_first_steps_to_design() -> None:
    text = (ROOT / "mkdocs.yml").read_text("utf-8")
    parts = re.findall(r"^  - ([A-Z][\w ]+):$", text, re.M)
    assert parts == ["Tutorial", "How to", "Reference", "Concepts", "Design"]
    pages = [str(page.relative_to(ROOT / "docs")) for page in PAGES if page.name != "README.md"]
    assert [page for page in pages if f"- {page}\n" not in text] == []
