// Lines of a metric: its points are fetched, thinned by the server, and fetched again finer where somebody zooms in.

import { CONFIG, colourOf, dashOf, layout, plain, token } from "./chart_theme.js";

const AFTER_ZOOM_MS = 180;
const FEW = 40;

/** What the controls of the page say. */
export function readView() {
  const query = new URLSearchParams(location.search);
  return {
    axis: query.get("x") || "step",
    xLog: query.get("xlog") === "1",
    yLog: query.get("ylog") === "1",
    smooth: Math.min(Math.max(Number(query.get("smooth")) || 0, 0), 0.99),
    hidden: new Set(query.getAll("hide")),
  };
}

function address(data, view, span) {
  const query = new URLSearchParams({ metric: data.key, x: view.axis });
  for (const run of data.runs) query.append("run", run.id);
  if (view.xLog && view.axis !== "time") query.set("xlog", "1");
  if (span) {
    query.set("from", span[0]);
    query.set("to", span[1]);
  }
  return `${data.series}?${query}`;
}

async function points(data, view, span, signal) {
  const answer = await fetch(address(data, view, span), { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) throw new Error(`The points can not be read (${answer.status}). Reload the page to try again.`);
  return (await answer.json())[data.key];
}

/** An exponential moving average, without the pull of its zero at the beginning. */
export function smoothed(values, weight) {
  let sum = 0;
  let share = 0;
  return values.map((value) => {
    sum = sum * weight + value * (1 - weight);
    share = share * weight + (1 - weight);
    return sum / share;
  });
}

function traces(data, view, lines) {
  const runs = new Map(data.runs.map((run) => [run.id, run]));
  const drawn = [];
  for (const line of lines) {
    const run = runs.get(line.run_id);
    if (view.hidden.has(run.id)) continue;
    const x = view.axis === "time" ? line.x.map((ms) => new Date(ms).toISOString()) : line.x;
    const look = { color: colourOf(run), dash: line.is_last ? dashOf(run) : "dot", width: 1.8 };
    const name = plain(run.name) + (line.is_last ? "" : ` (try ${line.attempt})`);
    const mode = line.x.length === 1 ? "markers" : line.x.length <= FEW && !view.smooth ? "lines+markers" : "lines";
    const base = { type: "scatter", x, mode, name, marker: { size: 4, color: look.color } };
    if (view.smooth > 0) drawn.push({ ...base, y: line.y, line: { ...look, width: 1 }, opacity: 0.25, hoverinfo: "skip" });
    drawn.push({
      ...base,
      y: view.smooth > 0 ? smoothed(line.y, view.smooth) : line.y,
      line: look,
      opacity: line.is_last ? 1 : 0.55,
      hovertemplate: "%{y:.5~g} at %{x}",
    });
  }
  return drawn;
}

const TITLES = { step: "step", time: "", relative: "seconds since the first point" };

function frame(view) {
  const onTime = view.axis === "time";
  return layout({
    xaxis: { title: { text: TITLES[view.axis] }, type: onTime ? "date" : view.xLog ? "log" : "linear", zeroline: false, ...(view.axis === "step" ? { tickformat: "~s" } : {}) },
    yaxis: { type: view.yLog ? "log" : "linear", zeroline: false },
    hoverdistance: 30,
    dragmode: "zoom",
    colorway: [token("--accent")],
  });
}

/** The stretch of a zoom in the units of the server; null for all. */
function spanOf(change, view) {
  const low = change["xaxis.range[0]"] ?? change["xaxis.range"]?.[0];
  const high = change["xaxis.range[1]"] ?? change["xaxis.range"]?.[1];
  if (low === undefined || high === undefined) return null;
  if (view.axis === "time") return [low, high].map((text) => Date.parse(`${String(text).replace(" ", "T")}Z`));
  return view.xLog ? [10 ** low, 10 ** high] : [low, high];
}

export async function drawLines(figure, plot, data, Plotly) {
  const note = figure.querySelector("[data-note]");
  let asking = new AbortController();
  let timer = 0;
  let last = null;
  const show = (found) => {
    last = found;
    note.textContent = found.note;
    return Plotly.react(plot, traces(data, readView(), found.lines), { ...frame(readView()), ...kept(plot) }, CONFIG);
  };
  const kept = (element) => {
    // A zoom stays while finer points arrive.
    const { xaxis, yaxis } = element.layout ?? {};
    if (!element.dataset.zoomed || !xaxis) return {};
    const base = frame(readView());
    return {
      xaxis: { ...base.xaxis, range: xaxis.range, autorange: xaxis.autorange },
      yaxis: { ...base.yaxis, range: yaxis.range, autorange: yaxis.autorange },
    };
  };
  const refetch = async (span) => {
    asking.abort();
    asking = new AbortController();
    try {
      await show(await points(data, readView(), span, asking.signal));
    } catch (error) {
      if (error.name !== "AbortError") note.textContent = error.message;
    }
  };
  await show(await points(data, readView(), null, asking.signal));
  plot.on("plotly_relayout", (change) => {
    const isReset = change["xaxis.autorange"] === true;
    const span = spanOf(change, readView());
    if (!isReset && !span) return;
    if (isReset) delete plot.dataset.zoomed;
    else plot.dataset.zoomed = "yes";
    clearTimeout(timer);
    timer = setTimeout(() => refetch(span), AFTER_ZOOM_MS);
  });
  return {
    restyle: () => show(last),
    refetch: () => {
      delete plot.dataset.zoomed;
      return refetch(null);
    },
  };
}
