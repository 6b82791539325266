// Comfort for the table of runs: the selection goes into the address, rows unfold in place, columns are found while
// one types. The page works without it.

import { post } from "./base.js";
import { keepFresh } from "./runs_live.js";

const root = document.getElementById("runs");
const TYPED_MS = 150;

// -- the selection is part of the address -----------------------------------------------------------

const boxes = () => [...document.querySelectorAll('input[name="run"][form="bulk"]')];

function chosen() {
  const elsewhere = [...document.querySelectorAll('#bulk > input[name="run"]')].map((field) => field.value);
  return [...new Set([...elsewhere, ...boxes().filter((box) => box.checked).map((box) => box.value)])];
}

function withSelection(address, selection) {
  const url = new URL(address, location.href);
  url.searchParams.delete("run");
  url.searchParams.delete("choice");
  for (const id of selection.run ?? []) url.searchParams.append("run", id);
  if (selection.choice) url.searchParams.set("choice", selection.choice);
  return url;
}

let selection = { run: new URL(location.href).searchParams.getAll("run"), choice: new URL(location.href).searchParams.get("choice") };
let asked = 0;

async function selectionChanged() {
  const ids = chosen();
  const turn = ++asked;
  let found = { run: ids };
  if (ids.length > Number(root.dataset.most)) {
    const fields = new URLSearchParams(ids.map((id) => ["run", id]));
    const answer = await post(`${root.dataset.here}/choice`, fields);
    if (!answer.ok || turn !== asked) return;
    found = await answer.json();
  }
  selection = found;
  history.replaceState(null, "", withSelection(location.href, selection));
  showChosen(ids.length);
}

function showChosen(count) {
  for (const box of boxes()) box.closest("tr").classList.toggle("is-selected", box.checked);
  const text = document.querySelector("[data-chosen]");
  if (text) text.textContent = count ? `${count.toLocaleString("en")} ${count === 1 ? "run" : "runs"} selected` : "Nothing selected";
  const all = document.querySelector("[data-all]");
  if (!all) return;
  const ticked = boxes().filter((box) => box.checked).length;
  all.checked = ticked > 0 && ticked === boxes().length;
  all.indeterminate = ticked > 0 && ticked < boxes().length;
}

function listenForSelection() {
  const all = document.querySelector("[data-all]");
  if (all) all.hidden = false;
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-all]")) for (const box of boxes()) box.checked = event.target.checked;
    if (event.target.matches('[data-all], input[name="run"][form="bulk"]')) selectionChanged();
  });
  // Links were written before rows were ticked: the way to another view of these runs takes the selection along.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("main a[href]");
    if (!link || link.pathname !== location.pathname || link.matches(".bulk a")) return;
    link.href = withSelection(link.href, selection);
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-view]")) {
      for (const old of event.target.querySelectorAll('input[name="run"], input[name="choice"]')) old.remove();
      const url = withSelection("?", selection);
      for (const [name, value] of url.searchParams) event.target.append(hidden(name, value));
      for (const field of event.target.elements) if (field.name && !field.value) field.disabled = true;
    }
    if (event.target.matches("form[data-address]")) {
      const next = event.target.querySelector('input[name="next"]');
      const kept = event.target.id === "bulk" ? {} : selection;
      const url = withSelection(location.href, kept);
      next.value = url.pathname + url.search;
    }
  }, true);
  showChosen(chosen().length);
}

function hidden(name, value) {
  return Object.assign(document.createElement("input"), { type: "hidden", name, value });
}

// -- folding and pinning leave everything else where it is -----------------------------------------------

async function swap(link) {
  const answer = await fetch(link.href, { headers: { Accept: "text/html" } }).catch(() => null);
  const fresh = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("table.runs");
  if (!fresh) {
    location.assign(link.href);
    return;
  }
  const row = link.closest("tr").dataset.run;
  const kind = link.className;
  document.querySelector("table.runs").replaceWith(document.adoptNode(fresh));
  history.pushState(null, "", withSelection(answer.url, selection).href.split("#")[0]);
  document.querySelector("[data-all]").hidden = false;
  document.querySelector(`tr[data-run="${row}"] .${kind}`)?.focus({ preventScroll: true });
  showChosen(chosen().length);
}

function listenForFolds() {
  document.addEventListener("click", (event) => {
    const link = event.target.closest(".fold, .pin");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    swap(link);
  });
  window.addEventListener("popstate", () => location.reload());
}

// -- columns are found while one types ------------------------------------------------------------------

function columnRow({ name, title, kind, runs }, isChecked) {
  const row = document.createElement("li");
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "c", value: name, checked: isChecked });
  const said = Object.assign(document.createElement("span"), { className: "muted", textContent: [kind, runs === null ? "" : `${runs.toLocaleString("en")} runs`].filter(Boolean).join(" · ") });
  label.append(box, ` ${title} `, said);
  row.append(label);
  return row;
}

function listenForColumns() {
  const form = document.querySelector("form[data-columns]");
  const [field, list] = [form.querySelector('input[type="search"]'), form.querySelector("[data-found]")];
  let timer = null;
  let turn = 0;
  field.removeAttribute("name");
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const mine = ++turn;
      const answer = await fetch(`${form.dataset.columns}?q=${encodeURIComponent(field.value)}`);
      if (!answer.ok || mine !== turn) return;
      const ticked = [...list.querySelectorAll("input:checked")].map((box) => box.closest("li"));
      const names = new Set(ticked.map((row) => row.querySelector("input").value));
      const found = (await answer.json()).filter((column) => !names.has(column.name));
      list.replaceChildren(...ticked, ...found.map((column) => columnRow(column, false)));
    }, TYPED_MS);
  });
}

function listenForCopying() {
  const button = document.querySelector("[data-copy-address]");
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(location.href);
    button.classList.add("is-done");
    setTimeout(() => button.classList.remove("is-done"), 1200);
  });
}

listenForSelection();
listenForFolds();
listenForColumns();
listenForCopying();
if (root.dataset.live === "1") keepFresh();
