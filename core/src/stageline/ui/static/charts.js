// The figures of a page: each is drawn when it comes into view, and again when the theme or a control changes.

import { drawLines } from "./chart_lines.js";
import { brushTexts, drawParallel } from "./chart_parallel.js";
import { drawBars, drawBox, drawContour, drawScatter } from "./chart_values.js";

const BY_KIND = { bars: drawBars, scatter: drawScatter, contour: drawContour, box: drawBox };
const AHEAD = "300px";
const drawn = new Map();
let loading = null;

function loadPlotly() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = document.querySelector("[data-plotly]").dataset.plotly;
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => reject(new Error("The script that draws charts can not be loaded. Reload the page to try again.")));
    document.head.append(script);
  });
  return loading;
}

/** Change names of the address in place; a list repeats a name, null removes it. */
function keepInAddress(changes) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(changes)) {
    query.delete(name);
    for (const one of [value ?? []].flat()) query.append(name, one);
  }
  const text = query.toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
}

function filterTable(kept, runs, brushes) {
  const within = new Set(runs.filter((_, at) => kept[at]).map((run) => run.id));
  for (const row of document.querySelectorAll("tr[data-run]")) row.hidden = !within.has(row.dataset.run);
  const count = document.querySelector("[data-kept]");
  if (count) count.textContent = `${within.size.toLocaleString("en")} of ${runs.length.toLocaleString("en")} runs`;
  for (const button of document.querySelectorAll("[data-clear-brush]")) button.hidden = !brushes.size;
}

async function drawFigure(figure) {
  const plot = figure.querySelector(".plot");
  const data = JSON.parse(figure.querySelector('script[type="application/json"]').textContent);
  const kind = figure.dataset.chart;
  try {
    if (kind === "parallel") {
      const parallel = drawParallel(plot, data, (kept, brushes) => {
        filterTable(kept, data.runs, brushes);
        keepInAddress({ brush: brushTexts(brushes) });
      });
      drawn.set(figure, parallel);
      followRows(parallel);
    } else {
      const Plotly = await loadPlotly();
      if (kind === "lines") drawn.set(figure, await drawLines(figure, plot, data, Plotly));
      else {
        if (kind === "bars") plot.classList.toggle("is-tall", data.runs.length > 12);
        await BY_KIND[kind](plot, data, Plotly);
        drawn.set(figure, { restyle: () => BY_KIND[kind](plot, data, Plotly) });
      }
    }
    plot.classList.remove("is-waiting");
  } catch (error) {
    plot.classList.remove("is-waiting");
    plot.classList.add("plot-problem");
    plot.textContent = error.message;
    throw error;
  }
}

function followRows(parallel) {
  for (const row of document.querySelectorAll("tr[data-run]")) {
    row.addEventListener("pointerenter", () => parallel.point(row.dataset.run));
    row.addEventListener("pointerleave", () => parallel.point(null));
  }
  for (const button of document.querySelectorAll("[data-clear-brush]")) button.addEventListener("click", parallel.clear);
}

const each = (name) => {
  for (const figure of drawn.values()) figure[name]?.();
};

/** Controls that change lines in place: no load of a page, and the address says them all the same. */
function listen(form) {
  const smooth = form.elements.smooth;
  const axis = form.elements.x;
  const logs = [form.elements.xlog, form.elements.ylog].filter(Boolean);
  smooth?.addEventListener("input", () => {
    form.querySelector("output").value = smooth.value;
    keepInAddress({ smooth: Number(smooth.value) ? smooth.value : null });
    each("restyle");
  });
  for (const box of logs) {
    box.addEventListener("change", () => {
      keepInAddress({ [box.name]: box.checked ? "1" : null });
      each(box.name === "xlog" ? "refetch" : "restyle");
    });
  }
  axis?.addEventListener("change", () => {
    keepInAddress({ x: axis.value === "step" ? null : axis.value });
    each("refetch");
  });
}

function listenToLegend() {
  const boxes = [...document.querySelectorAll(".legend input")];
  const hidden = new Set(new URLSearchParams(location.search).getAll("hide"));
  for (const box of boxes) {
    box.checked = !hidden.has(box.value);
    box.addEventListener("change", () => {
      keepInAddress({ hide: boxes.filter((one) => !one.checked).map((one) => one.value) });
      each("restyle");
    });
  }
}

function start() {
  const watching = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watching.unobserve(target);
        drawFigure(target);
      }
    },
    { rootMargin: AHEAD },
  );
  for (const figure of document.querySelectorAll("[data-chart]")) watching.observe(figure);
  for (const form of document.querySelectorAll("[data-live]")) listen(form);
  listenToLegend();
  document.addEventListener("themechange", () => each("restyle"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => each("restyle"));
}

start();
