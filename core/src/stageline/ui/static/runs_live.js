// The cells of a table of runs, renewed where they stand: no row moves, and what is new is said, not shown.

import { refreshTimes } from "./base.js";

const QUICK_MS = 5000;
const CALM_MS = 30000;

const rowsOf = (page) => new Map([...page.querySelectorAll("tr[data-run]")].map((row) => [row.dataset.run, row]));

function renewRow(row, fresh) {
  if (row.cells.length !== fresh.cells.length) return;
  for (let place = 1; place < row.cells.length; place += 1) {
    const [cell, other] = [row.cells[place], fresh.cells[place]];
    const isTime = other.querySelector("time[data-ago]");
    if (isTime ? cell.querySelector("time")?.dateTime === isTime.dateTime : cell.innerHTML === other.innerHTML && cell.className === other.className) continue;
    if (cell.contains(document.activeElement)) continue;
    cell.replaceChildren(...other.childNodes);
    cell.className = other.className;
    cell.title = other.title;
    cell.classList.add("is-fresh");
    cell.addEventListener("animationend", () => cell.classList.remove("is-fresh"), { once: true });
  }
}

function renewPage(fresh) {
  const now = rowsOf(fresh);
  const before = rowsOf(document);
  for (const [id, row] of before) if (now.has(id)) renewRow(row, now.get(id));
  for (const chip of document.querySelectorAll("[data-count]")) {
    const other = fresh.querySelector(`[data-count="${chip.dataset.count}"] b`);
    if (other) chip.querySelector("b")?.replaceChildren(...other.childNodes);
  }
  for (const pager of document.querySelectorAll(".pager > .num")) {
    const other = fresh.querySelector(".pager > .num");
    if (other && pager.innerHTML !== other.innerHTML) pager.innerHTML = other.innerHTML;
  }
  const news = [...now.keys()].filter((id) => !before.has(id)).length;
  const place = document.querySelector("[data-news]");
  if (!place || !news || place.dataset.news === String(news)) return;
  place.dataset.news = String(news);
  const link = Object.assign(document.createElement("a"), { href: location.href, textContent: "Show them" });
  place.replaceChildren(`${news} ${news === 1 ? "run" : "runs"} more would stand here now. `, link);
}

async function renew() {
  try {
    if (document.visibilityState !== "visible") return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) renewPage(new DOMParser().parseFromString(await answer.text(), "text/html"));
    refreshTimes();
  } catch {
    // The server is away: the table stays as it is, and is looked at again.
  } finally {
    keepFresh();
  }
}

const pause = () => (document.querySelector(".status-running, .status-scheduled") ? QUICK_MS : CALM_MS);

/** Look again, for as long as the page is open: often while a run of it goes on. */
export function keepFresh() {
  setTimeout(renew, pause());
}
