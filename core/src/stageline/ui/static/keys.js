// The keys: / search, j k rows, Enter open, x select, c compare, g and a letter go, Esc close, ? help.

let at = null;
let wentAt = 0;

const rows = () => [...document.querySelectorAll("table[data-rows] tbody tr:not([hidden])")];

function isTyping(target) {
  return target.isContentEditable || /^(TEXTAREA|SELECT)$/.test(target.tagName)
    || (target.tagName === "INPUT" && !/^(checkbox|radio|button|submit)$/.test(target.type));
}

function move(by) {
  const all = rows();
  if (!all.length) return;
  const now = all.indexOf(at);
  const next = all[Math.min(Math.max(now < 0 ? (by > 0 ? 0 : all.length - 1) : now + by, 0), all.length - 1)];
  at?.classList.remove("is-at");
  at = next;
  at.classList.add("is-at");
  at.querySelector("[data-open], a")?.focus({ preventScroll: true });
  at.scrollIntoView({ block: "nearest" });
}

function escape(target) {
  const menu = document.querySelector("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (isTyping(target)) {
    target.blur();
  } else {
    at?.classList.remove("is-at");
    at = null;
  }
}

const KEYS = {
  "/": () => document.querySelector("[data-search]")?.focus(),
  j: () => move(1),
  k: () => move(-1),
  x: () => at?.querySelector('input[type="checkbox"]')?.click(),
  c: () => document.querySelector('[data-key="c"]')?.click(),
  Enter: () => at?.querySelector("[data-open], a")?.click(),
  "?": () => document.getElementById("help").showModal(),
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.key === "Escape") return escape(event.target);
  if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const isGoing = performance.now() - wentAt < 1200;
  wentAt = 0;
  if (event.key === "g" && !isGoing) {
    wentAt = performance.now();
    return;
  }
  const place = isGoing && document.querySelector(`a[data-go="${CSS.escape(event.key)}"]`);
  if (place) return place.click();
  const isOnControl = event.target.closest("a, button, summary, input");
  if (event.key === "Enter" && isOnControl) return;
  const deed = KEYS[event.key];
  if (!deed) return;
  event.preventDefault();
  deed();
}

export function listenForKeys() {
  document.addEventListener("keydown", pressed);
}
