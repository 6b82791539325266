"""Pages as a test reads them: asked without a socket, and parsed."""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from stageline.ui.app import add_pages
from stageline.ui.options import PageOptions
from stageline.workspace import Workspace

VOID = frozenset(
    (
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "source",
        "track",
        "wbr",
    )
)


class Element:
    """One element and what is in it."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: Element | None = None) -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.content: list[Element | str] = []

    def __repr__(self) -> str:
        return f"<{self.tag} {self.attributes}>"

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str) -> str | None:
        return self.attributes.get(name)

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    @property
    def text(self) -> str:
        """All of it, with single spaces."""
        return " ".join("".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        for one in self.content:
            if isinstance(one, str):
                yield one
            else:
                yield from one._texts()
                yield (
                    " "
                    if one.tag
                    in ("p", "div", "td", "th", "tr", "li", "dt", "dd", "a", "span", "button")
                    else ""
                )

    def all(
        self, tag: str | None = None, /, *, cls: str | None = None, **attributes: str
    ) -> list[Element]:
        """Elements below, in order: by tag, a class, attributes (`data_x` for `data-x`)."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            one
            for one in self._below()
            if tag in (None, one.tag)
            and (cls is None or cls in one.classes)
            and all(one.attributes.get(name) == value for name, value in wanted.items())
        ]

    def one(self, tag: str | None = None, /, **how: Any) -> Element:
        """The only such element."""
        found = self.all(tag, **how)
        assert len(found) == 1, (tag, how, found)
        return found[0]

    def _below(self) -> Iterator[Element]:
        for one in self.content:
            if isinstance(one, Element):
                yield one
                yield from one._below()


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = self.at = Element("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.content.append(element)
        if tag not in VOID:
            self.at = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.content.append(Element(tag, {name: value or "" for name, value in attrs}, self.at))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        at = self.at
        while at.tag != tag:
            assert at.parent is not None, f"</{tag}> closes nothing"
            at = at.parent
        assert at is self.at, f"</{tag}> closes a <{self.at.tag}>"
        assert at.parent is not None
        self.at = at.parent

    def handle_data(self, data: str) -> None:
        self.at.content.append(data)


def parsed(html: str) -> Element:
    """The document. An element that is not closed, or closed out of turn, fails the test."""
    builder = _Builder()
    builder.feed(html)
    builder.close()
    assert builder.at is builder.root, f"<{builder.at.tag}> is not closed"
    return builder.root


class Reader(TestClient):
    """A browser without scripts: keeps cookies, follows redirects, fills forms."""

    def __init__(
        self, workspace: Workspace, options: PageOptions | None = None, app: FastAPI | None = None
    ) -> None:
        self.workspace = workspace
        app = app or FastAPI()
        add_pages(app, workspace, options)
        here = ("127.0.0.1", 1)  # so it acts in the name of whoever runs the server
        super().__init__(app, headers={"accept": "text/html"}, client=here)

    def page(self, path: str, /, *, status: int = 200, **query: Any) -> Element:
        """The page at a path."""
        answer = self.get(path, params=query or None)
        assert answer.status_code == status, (answer.status_code, answer.text[-2000:])
        return parsed(answer.text)

    def token(self) -> str:
        """As a form has it."""
        return self.page("/experiments").one("meta", name="csrf")["content"]

    def submit(self, path: str, /, *, status: int = 200, **fields: Any) -> Element:
        """A form with its token, and the page that it leads to."""
        answer = self.post(path, data={"csrf": self.token(), **fields})
        assert answer.status_code == status, (answer.status_code, answer.text[-2000:])
        return parsed(answer.text)
