// Charts of params and last values: bars, scatter, contour, box.

import { CONFIG, colourOf, continuous, layout, plain, short, token } from "./chart_theme.js";

const GRID = 48;
const MOST_BOXES = 20;
const BINS = 6;
const MOST_COLOURS = 8; // more points, and a colour no longer says which run it is

const textOf = (axis, value) => (axis.categories.length ? axis.categories[value] : Number(value.toPrecision(5)).toString());
const shown = (axis) => (axis.categories.length ? axis.values.map((value) => (value === null ? null : plain(short(axis.categories[value])))) : axis.values);
const axisOf = (axis, extra = {}) => ({ title: { text: plain(short(axis.label, 40)) }, type: axis.categories.length ? "category" : axis.log ? "log" : "linear", zeroline: false, ...extra });

export function drawBars(plot, data, Plotly) {
  const names = data.runs.map((run) => run.id);
  const trace = {
    type: "bar", orientation: "h", x: data.values, y: names,
    marker: { color: data.runs.map(colourOf) },
    customdata: data.runs.map((run) => plain(run.name)),
    hovertemplate: "%{x:.5~g}<extra>%{customdata}</extra>",
  };
  const ticks = { tickvals: names, ticktext: data.runs.map((run) => plain(short(run.name, 22))), autorange: "reversed", type: "category" };
  return Plotly.react(plot, [trace], layout({ yaxis: ticks, bargap: 0.25 }), CONFIG);
}

export function drawScatter(plot, data, Plotly) {
  const { across, up, colour } = data;
  const trace = {
    type: "scatter", mode: "markers", x: shown(across), y: shown(up),
    customdata: data.runs.map((run) => plain(run.name)),
    marker: {
      size: 9, line: { width: 1, color: token("--surface") },
      color: colour ? colour.values : data.runs.length > MOST_COLOURS ? token("--run-0") : data.runs.map(colourOf),
      ...(colour ? { colorscale: continuous(), showscale: true, colorbar: { title: { text: plain(short(colour.label)) }, thickness: 12, outlinewidth: 0 } } : {}),
    },
    hovertemplate: `${plain(across.label)} %{x}<br>${plain(up.label)} %{y}<extra>%{customdata}</extra>`,
  };
  return Plotly.react(plot, [trace], layout({ xaxis: axisOf(across), yaxis: axisOf(up) }), CONFIG);
}

const scaled = (axis) => axis.values.map((value) => (value === null ? null : axis.log ? Math.log10(value) : value));

function spread(values) {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return { low, size: high - low || 1 };
}

/** A surface through scattered points: each cell the mean of all, the near ones weighing by the fourth power. */
function surface(points) {
  const across = spread(points.map((point) => point[0]));
  const up = spread(points.map((point) => point[1]));
  const ticks = ({ low, size }) => Array.from({ length: GRID }, (_, at) => low + (size * at) / (GRID - 1));
  const xs = ticks(across);
  const ys = ticks(up);
  const cell = (x, y) => {
    let sum = 0;
    let weights = 0;
    for (const [px, py, value] of points) {
      const distance = ((x - px) / across.size) ** 2 + ((y - py) / up.size) ** 2;
      const weight = 1 / (distance ** 2 + 1e-9);
      sum += weight * value;
      weights += weight;
    }
    return sum / weights;
  };
  return { xs, ys, z: ys.map((y) => xs.map((x) => cell(x, y))) };
}

export function drawContour(plot, data, Plotly) {
  const { across, up, colour } = data;
  const [xs, ys] = [scaled(across), scaled(up)];
  const places = data.runs.map((_, at) => at).filter((at) => xs[at] !== null && ys[at] !== null && colour.values[at] !== null);
  const found = surface(places.map((at) => [xs[at], ys[at], colour.values[at]]));
  const back = (axis, values) => (axis.log ? values.map((value) => 10 ** value) : values);
  const numbered = (axis) => axisOf(axis, axis.categories.length ? { type: "linear", tickvals: axis.categories.map((_, at) => at), ticktext: axis.categories.map((text) => plain(short(text))) } : {});
  const traces = [
    { type: "contour", x: back(across, found.xs), y: back(up, found.ys), z: found.z, colorscale: continuous(), contours: { coloring: "fill" }, line: { width: 0.5 }, hoverinfo: "skip", colorbar: { title: { text: plain(short(colour.label)) }, thickness: 12, outlinewidth: 0 } },
    {
      type: "scatter", mode: "markers",
      x: places.map((at) => across.values[at]), y: places.map((at) => up.values[at]),
      customdata: places.map((at) => [plain(data.runs[at].name), colour.values[at]]),
      marker: { size: 6, color: "#ffffff", line: { width: 1.2, color: "#000000" } },
      hovertemplate: `${plain(colour.label)} %{customdata[1]:.5~g}<extra>%{customdata[0]}</extra>`,
    },
  ];
  return Plotly.react(plot, traces, layout({ xaxis: numbered(across), yaxis: numbered(up) }), CONFIG);
}

/** The place of each run in one of a few boxes: its own value where those are few, else bins of as many runs each. */
function groups(axis) {
  if (!axis) return [];
  const distinct = [...new Set(axis.values.filter((value) => value !== null))].sort((a, b) => a - b);
  if (distinct.length <= MOST_BOXES) return axis.values.map((value) => (value === null ? null : textOf(axis, value)));
  const sorted = axis.values.filter((value) => value !== null).sort((a, b) => a - b);
  const edges = Array.from({ length: BINS + 1 }, (_, at) => sorted[Math.min(Math.floor((at * sorted.length) / BINS), sorted.length - 1)]);
  const bin = (value) => Math.min(edges.findLastIndex((edge) => edge <= value), BINS - 1);
  return axis.values.map((value) => (value === null ? null : `${textOf(axis, edges[bin(value)])} – ${textOf(axis, edges[bin(value) + 1])}`));
}

export function drawBox(plot, data, Plotly) {
  const { across, up } = data;
  const labels = groups(across);
  const order = [...new Set(data.runs.map((_, at) => at).filter((at) => labels[at] !== null).sort((a, b) => across.values[a] - across.values[b]).map((at) => labels[at]))];
  const traces = order.map((label, number) => {
    const places = labels.map((one, at) => (one === label ? at : -1)).filter((at) => at >= 0);
    const color = token(`--run-${number % 8}`);
    return {
      type: "box", name: plain(short(label)), y: places.map((at) => up.values[at]),
      text: places.map((at) => plain(data.runs[at].name)), boxpoints: "all", jitter: 0.4, pointpos: 0,
      marker: { size: 4, color, opacity: 0.65 }, line: { color, width: 1.5 }, fillcolor: "rgba(0,0,0,0)", hoverinfo: "y+text",
    };
  });
  return Plotly.react(plot, traces, layout({ xaxis: { title: { text: plain(across.label) }, type: "category" }, yaxis: axisOf(up) }), CONFIG);
}
