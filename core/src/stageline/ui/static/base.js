// What every page has of comfort: keys, copying, times kept fresh, the switch of colours. Pages work without it.

import { listenForKeys } from "./keys.js";

const TIMES = [[31536000, "y"], [2592000, "mo"], [86400, "d"], [3600, "h"], [60, "min"]];

function age(moment) {
  const seconds = Math.floor((Date.now() - moment) / 1000);
  for (const [size, unit] of TIMES) {
    if (Math.abs(seconds) >= size) {
      const amount = Math.floor(Math.abs(seconds) / size);
      return seconds > 0 ? `${amount} ${unit} ago` : `in ${amount} ${unit}`;
    }
  }
  return "just now";
}

export function refreshTimes(root = document) {
  for (const element of root.querySelectorAll("time[data-ago]")) {
    const text = age(Date.parse(element.dateTime));
    if (element.textContent !== text) element.textContent = text;
  }
}

/** What scripts change in a page as it was sent: times say how long ago, what needs a script is shown. */
export function enliven(root) {
  refreshTimes(root);
  for (const element of root.querySelectorAll("[data-help], [data-images] input")) element.hidden = false;
  if (navigator.clipboard) for (const button of root.querySelectorAll(".copy[hidden]")) button.hidden = false;
}

/** A POST with the token that forms have; for scripts that change something in place. */
export function post(address, fields = {}) {
  const token = document.querySelector('meta[name="csrf"]').content;
  return fetch(address, {
    method: "POST",
    headers: { "X-CSRF-Token": token, Accept: "application/json" },
    body: new URLSearchParams(fields),
  });
}

/** The data of a <script type="application/json"> block. */
export function dataOf(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

async function copy(button) {
  await navigator.clipboard.writeText(button.dataset.copy);
  button.classList.add("is-done");
  setTimeout(() => button.classList.remove("is-done"), 1200);
}

async function ask(form, submitter) {
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Are you sure?");
  const text = document.createElement("p");
  text.textContent = (submitter?.dataset.confirm) || form.dataset.confirm;
  const foot = document.createElement("form");
  foot.method = "dialog";
  foot.className = "dialog-foot";
  for (const [value, label, kind] of [["", "Cancel", "btn"], ["yes", submitter?.textContent.trim() || "Yes", "btn btn-danger"]]) {
    const button = Object.assign(document.createElement("button"), { value, className: kind, textContent: label });
    foot.append(button);
  }
  dialog.append(text, foot);
  document.body.append(dialog);
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener("close", resolve, { once: true }));
  dialog.remove();
  return dialog.returnValue === "yes";
}

async function beforeSubmit(event) {
  const { target: form, submitter } = event;
  if (form.dataset.sure || !(submitter?.dataset.confirm || form.dataset.confirm)) return;
  event.preventDefault();
  if (!(await ask(form, submitter))) return;
  form.dataset.sure = "yes";
  form.requestSubmit(submitter);
  delete form.dataset.sure;
}

async function switchTheme(event) {
  const theme = event.submitter?.value ?? "";
  event.preventDefault();
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
  for (const button of event.target.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(button.value === theme));
  }
  document.dispatchEvent(new CustomEvent("themechange"));
  await post(event.target.action, { theme, next: "/" });
}

function start() {
  enliven(document);
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copy(button);
    if (event.target.closest("[data-help]")) document.getElementById("help").showModal();
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("submit", (event) => {
    if (event.target.matches("[data-themes]")) switchTheme(event);
    else beforeSubmit(event);
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
  });
  listenForKeys();
  setInterval(refreshTimes, 30000);
}

start();
