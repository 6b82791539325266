"""Looks at a server's pages with Chromium: `page_driver.py JSON` takes `page_load.Pages` and `url`, prints figures."""

from __future__ import annotations

import json
import shutil
import sys
import time
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

TIMES = 3
WITHIN_MS = 60_000
# A page has come to rest when nothing arrived for a while: one that asks a host out of reach never has no request open.
QUIET_S, LONGEST_S = 1.0, 20.0
SIZE = {"width": 1440, "height": 900}
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
FLAGS += ["--disable-background-networking", "--disable-component-update"]
# The second frame begins when the first, with the new rows, has been painted.
PAINTED = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


class Seen:
    """A page in a context of its own: nothing is cached, and what crosses the wire is counted."""

    def __init__(self, browser: Browser) -> None:
        self.context = browser.new_context(viewport=SIZE)  # type: ignore[arg-type]
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(WITHIN_MS)
        self.bytes = 0
        self.arrived = time.perf_counter()
        self.hosts: set[str] = set()
        session = self.context.new_cdp_session(self.page)
        session.send("Network.enable")
        session.on("Network.loadingFinished", self._loaded)
        self.page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))

    def _loaded(self, event: dict[str, Any]) -> None:
        self.bytes += event["encodedDataLength"]
        self.arrived = time.perf_counter()

    def rest(self) -> None:
        """Wait until nothing arrived for a while: what came by then is what the page takes."""
        begun = time.perf_counter()
        while (now := time.perf_counter()) - self.arrived < QUIET_S and now - begun < LONGEST_S:
            self.page.wait_for_timeout(100)

    def cold(self, address: str, selector: str) -> tuple[float, int, int]:
        """Milliseconds to what `selector` finds, bytes when the network rests, other hosts."""
        start = time.perf_counter()
        self.page.goto(address, wait_until="commit")
        self.page.wait_for_selector(selector, state="attached")
        self.page.evaluate(PAINTED)
        took = (time.perf_counter() - start) * 1e3
        self.rest()
        here = urlsplit(address).netloc
        return took, self.bytes, len({one for one in self.hosts if one} - {here})


def main(asked: dict[str, Any]) -> dict[str, float]:
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.exit("no chromium found: install it (Debian: chromium)")
    url = asked["url"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        try:
            tables = []
            Seen(browser).cold(url + asked["table"], asked["rows"])  # the server's caches
            for _ in range(TIMES):
                seen = Seen(browser)
                tables.append(seen.cold(url + asked["table"], asked["rows"]))
                seen.context.close()
            charts = Seen(browser)
            _, chart_bytes, outside = charts.cold(url + asked["charts"], asked["chart"])
            charts.context.close()
            sort, narrow = (_changed(browser, asked, to) for to in ("sort", "filter"))
        finally:
            browser.close()
    return {
        "wall_s": median(took for took, _, _ in tables) / 1e3,
        "table_kb": median(size for _, size, _ in tables) / 1e3,
        "charts_kb": chart_bytes / 1e3,
        "sort_ms": sort,
        "filter_ms": narrow,
        "outside": max(outside, *(others for _, _, others in tables)),
        "loads": TIMES + 2,
    }


def _changed(browser: Browser, asked: dict[str, Any], to: str) -> float:
    """Milliseconds from a click to the painted rows: the median, each from the table as it was."""
    laps = []
    seen = Seen(browser)
    for _ in range(TIMES):
        seen.cold(asked["url"] + asked["table"], asked["rows"])
        address = asked["url"] + asked[to]
        if asked["is_app"]:
            start = time.perf_counter()
            with seen.page.expect_response(lambda answer: asked["answer"] in answer.url) as found:
                seen.page.evaluate("address => { location.href = address; }", address)
            found.value.body()
            seen.page.evaluate(PAINTED)
            laps.append((time.perf_counter() - start) * 1e3)
        else:
            # The browser's own clock: from the start of the navigation to the first paint of the page with its rows.
            seen.page.evaluate("address => { location.href = address; }", address)
            seen.page.wait_for_url(address)
            seen.page.wait_for_selector(asked["rows"])
            seen.page.wait_for_function(
                "performance.getEntriesByName('first-contentful-paint').length"
            )
            laps.append(
                seen.page.evaluate(
                    "performance.getEntriesByName('first-contentful-paint')[0].startTime"
                )
            )
    seen.context.close()
    return median(laps)


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
