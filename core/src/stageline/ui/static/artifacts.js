// The tree of files: arrow keys walk it, and a file is shown without loading the page again. Links work without this.

const tree = document.querySelector("[data-tree]");
let asked = 0;
let waiting = 0;

const entries = () => [...tree.querySelectorAll("[data-entry]")].filter((one) => one.offsetParent !== null);
const currentEntry = () => tree.querySelector('[data-entry][aria-current="page"]');
const folderOf = (entry) => (entry.nextElementSibling?.matches("details") ? entry.nextElementSibling : null);

function mark(path) {
  currentEntry()?.removeAttribute("aria-current");
  const entry = [...tree.querySelectorAll("[data-entry]")].find((one) => one.dataset.path === path);
  if (!entry) return null;
  const own = folderOf(entry);
  if (own) own.open = true;
  for (let box = entry.closest("details"); box; box = box.parentElement.closest("details")) box.open = true;
  entry.setAttribute("aria-current", "page");
  return entry;
}

async function show(address) {
  const number = ++asked;
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  const text = await answer.text();
  if (number !== asked) return;
  const page = new DOMParser().parseFromString(text, "text/html");
  const fresh = page.getElementById("artifact");
  const path = new URL(address, location.href).searchParams.get("path") ?? "";
  // A large tree is sent in parts: one that leads elsewhere, and an error, are loaded as whole pages.
  if (!answer.ok || !fresh || !mark(path) || folderOf(currentEntry())?.querySelector(":scope > ul") === null) {
    location.assign(address);
    return;
  }
  document.getElementById("artifact").replaceWith(document.adoptNode(fresh));
  document.title = page.title;
  for (const button of document.querySelectorAll(".copy[hidden]")) button.hidden = !navigator.clipboard;
}

function open(entry, { wait = 0 } = {}) {
  if (wait) mark(entry.dataset.path);
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    history.pushState(null, "", entry.href);
    show(entry.href);
  }, wait);
}

function step(by) {
  const all = entries();
  const at = all.indexOf(document.activeElement);
  const next = all[at < 0 ? all.indexOf(currentEntry()) : at + by];
  if (!next) return;
  next.focus();
  if (!folderOf(next)) open(next, { wait: 120 });
}

function sideways(isRight) {
  const entry = document.activeElement.closest?.("[data-entry]");
  if (!entry) return false;
  const folder = folderOf(entry);
  if (isRight && folder) {
    if (folder.open) step(1);
    else if (folder.querySelector(":scope > ul")) folder.open = true;
    else location.assign(entry.href);
  } else if (!isRight && folder?.open) {
    folder.open = false;
  } else if (!isRight) {
    entry.closest("details")?.previousElementSibling.focus();
  }
  return true;
}

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  const isInTree = tree.contains(document.activeElement) || document.activeElement === document.body;
  if (!isInTree || document.querySelector("dialog[open]")) return;
  if (event.key === "ArrowDown") step(1);
  else if (event.key === "ArrowUp") step(-1);
  else if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
  else if (!sideways(event.key === "ArrowRight")) return;
  event.preventDefault();
}

if (tree) {
  document.addEventListener("keydown", pressed);
  tree.addEventListener("click", (event) => {
    const entry = event.target.closest("[data-entry]");
    if (!entry || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    open(entry);
  });
  window.addEventListener("popstate", () => show(location.href));
  currentEntry()?.scrollIntoView({ block: "nearest" });
}
