"""A page in a browser, with an eye on what no page may do: complain, open dialogs, ask other hosts, run scripts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from browser import open_browser

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Page

WITHIN_MS = 30_000
PHONE = {"width": 400, "height": 860}
DESK = {"width": 1360, "height": 860}
# A violation of the policy is an event of the document; the console has it too, but not always in time.
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
});
"""


class Look:
    """A browser's page and what went wrong on it."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.wrong: list[str] = []
        self.hosts: set[str] = set()
        page.set_default_timeout(WITHIN_MS)
        page.add_init_script(WATCH)
        page.set_viewport_size(DESK)  # type: ignore[arg-type]
        page.on("pageerror", lambda error: self.wrong.append(f"error at {page.url}: {error}"))
        page.on("console", self._heard)
        page.on("dialog", self._asked)
        page.on("request", lambda request: self._sent(request.url))

    def at(self, url: str, *, status: int = 200) -> Page:
        """Open an address and wait until it is drawn."""
        answer = self.page.goto(url)
        assert answer is not None
        assert answer.status == status, (url, answer.status)
        self.page.wait_for_load_state("networkidle")
        return self.page

    def asked(self) -> dict[str, list[str]]:
        """What the address says."""
        return parse_qs(urlsplit(self.page.url).query, keep_blank_values=True)

    def is_well(self, *, host: str) -> None:
        """Nothing went wrong so far, nothing that was planted ran, and nobody else was asked."""
        violations = self.page.evaluate("window.violations")
        assert violations == [], violations
        assert self.page.evaluate("window.planted") is None
        assert self.wrong == [], self.wrong
        assert self.hosts <= {urlsplit(host).netloc}

    def column(self, name: str) -> list[str]:
        """The texts of a column of the page's first table, by its head."""
        return column(self.page.locator("main table").first, name)

    def _heard(self, message: object) -> None:
        kind, text = message.type, message.text  # type: ignore[attr-defined]
        # That an answer was 4xx is what some journeys ask for; the browser tells of each.
        if kind in ("error", "warning") and "the server responded with a status of 4" not in text:
            self.wrong.append(f"{kind}: {text} at {self.page.url}")

    def _asked(self, dialog: object) -> None:
        self.wrong.append(f"dialog: {dialog.message}")  # type: ignore[attr-defined]
        dialog.dismiss()  # type: ignore[attr-defined]

    def _sent(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob"):
            self.hosts.add(parts.netloc)


def column(table: Locator, name: str) -> list[str]:
    """The texts of a column, by its head."""
    return table.evaluate(
        """(table, name) => {
          const heads = [...table.tHead.rows].at(-1).cells;
          const place = [...heads].findIndex((cell) => cell.innerText.trim().split("\\n")[0] === name);
          if (place < 0) throw new Error(`no column ${name}: ${[...heads].map((c) => c.innerText)}`);
          const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
          return rows.map((row) => row.cells[place]?.innerText.trim() ?? "");
        }""",
        name,
    )


@contextmanager
def looks(context: BrowserContext | None = None) -> Iterator[Look]:
    """A page in a browser of its own."""
    if context is not None:
        yield Look(context.new_page())
        return
    with open_browser() as own:
        yield Look(own.new_page())
