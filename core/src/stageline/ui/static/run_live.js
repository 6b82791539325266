// The page of a run that goes on: its parts are renewed where they stand, until it ends. What somebody has in hand stays.

import { enliven } from "./base.js";

const PAUSE_MS = 5000;
const PARTS = ".run-split section[aria-labelledby]";

const nameOf = (part) => part.getAttribute("aria-labelledby");
const isRunning = () => Boolean(document.querySelector(".run-head .status-running, .run-head .status-scheduled"));

/** Whether somebody is at work in a part: the caret, a selection, a moved slider. Parts with forms are theirs altogether. */
function isInHand(part) {
  const chosen = getSelection();
  return (
    part.contains(document.activeElement) ||
    (!chosen.isCollapsed && part.contains(chosen.anchorNode)) ||
    Boolean(part.querySelector("form")) ||
    [...part.querySelectorAll('input[type="range"]')].some((slider) => slider.value !== slider.max)
  );
}

function renewPart(part, fresh) {
  if (part.innerHTML === fresh.innerHTML || isInHand(part)) return;
  const open = [...part.querySelectorAll("details")].map((one) => one.open);
  const scrolled = [...part.querySelectorAll("pre, .table-box")].map((one) => [one.scrollTop, one.scrollTop + one.clientHeight >= one.scrollHeight - 4]);
  part.replaceChildren(...fresh.childNodes);
  part.querySelectorAll("details").forEach((one, at) => { one.open = open[at] ?? one.open; });
  part.querySelectorAll("pre, .table-box").forEach((one, at) => {
    const [top, wasAtEnd] = scrolled[at] ?? [0, false];
    one.scrollTop = wasAtEnd && one.matches(".output") ? one.scrollHeight : top;
  });
}

function renewPage(fresh) {
  enliven(fresh);
  document.querySelector(".run-head .status").replaceWith(fresh.querySelector(".run-head .status"));
  const parts = new Map([...document.querySelectorAll(PARTS)].map((part) => [nameOf(part), part]));
  let before = null;
  for (const part of fresh.querySelectorAll(PARTS)) {
    const name = nameOf(part);
    const known = parts.get(name);
    if (known) renewPart(known, part);
    else if (before?.closest(".stack").tagName === part.closest(".stack").tagName) before.after(part);
    before = known ?? (document.contains(part) ? part : before);
  }
}

async function renew() {
  try {
    if (document.visibilityState !== "visible") return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (answer.ok) renewPage(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch (error) {
    // The server is away: the page stays as it is, and is looked at again.
    if (!(error instanceof TypeError)) throw error;
  } finally {
    keepFresh();
  }
}

function keepFresh() {
  if (isRunning()) setTimeout(renew, PAUSE_MS);
}

keepFresh();
