// Parallel coordinates as SVG: a line for each run across its params and metrics, and a brush on each axis.

import { shade, short } from "./chart_theme.js";

const NS = "http://www.w3.org/2000/svg";
const EDGE = { top: 34, bottom: 16, left: 64, right: 64 };
const HIT = 34;
const KEY_STEP = 0.05;

function draw(name, attributes, parent, text) {
  const element = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text !== undefined) element.textContent = text;
  parent?.append(element);
  return element;
}

/** Where values of an axis lie, 0 at its foot to 1 at its head, and back. */
function scaleOf(axis) {
  const found = axis.values.filter((value) => value !== null);
  const bend = axis.log ? Math.log10 : (value) => value;
  const [low, high] = [bend(Math.min(...found)), bend(Math.max(...found))];
  const size = high - low;
  return {
    share: (value) => (size ? (bend(value) - low) / size : 0.5),
    value: (share) => (axis.log ? 10 ** (low + share * size) : low + share * size),
  };
}

const digits = (value) => Number(value.toPrecision(4)).toString();

function ticks(axis, scale) {
  if (axis.categories.length) return axis.categories.map((text, at) => [scale.share(at), short(text, 18)]);
  const shares = axis.log ? [0, 0.25, 0.5, 0.75, 1] : [0, 0.2, 0.4, 0.6, 0.8, 1];
  const isFlat = new Set(axis.values.filter((value) => value !== null)).size === 1;
  return (isFlat ? [0.5] : shares).map((share) => [share, digits(scale.value(share))]);
}

export function parseBrushes(texts) {
  const found = new Map();
  for (const text of texts) {
    const match = /^(.+):([^:]+?)\.\.(.+)$/.exec(text);
    if (match && Number.isFinite(+match[2]) && Number.isFinite(+match[3])) found.set(match[1], [+match[2], +match[3]]);
  }
  return found;
}

export const brushTexts = (brushes) => [...brushes].map(([name, [low, high]]) => `${name}:${low}..${high}`);

/** Which runs lie within every brush. */
export function keptBy(axes, brushes, count) {
  const kept = Array(count).fill(true);
  for (const axis of axes) {
    const span = brushes.get(axis.name);
    if (!span) continue;
    axis.values.forEach((value, at) => {
      kept[at] &&= value !== null && value >= span[0] && value <= span[1];
    });
  }
  return kept;
}

export function drawParallel(plot, data, onBrush) {
  const { axes, runs } = data;
  const brushes = parseBrushes(data.brushes);
  const scales = axes.map(scaleOf);
  let lines = [];
  let boxes = [];
  let frame = null;

  const place = (at) => EDGE.left + (axes.length > 1 ? (at * (frame.width - EDGE.left - EDGE.right)) / (axes.length - 1) : 0);
  const height = () => frame.height - EDGE.top - EDGE.bottom;
  const up = (share) => EDGE.top + (1 - share) * height();
  const shareAt = (event) => {
    const box = plot.getBoundingClientRect();
    return Math.min(Math.max(1 - (event.clientY - box.top - EDGE.top) / height(), 0), 1);
  };

  function path(run) {
    let text = "";
    let isOpen = false;
    axes.forEach((axis, at) => {
      const value = axis.values[run];
      if (value !== null) text += `${isOpen ? "L" : "M"}${place(at).toFixed(1)} ${up(scales[at].share(value)).toFixed(1)}`;
      isOpen = value !== null;
    });
    return text;
  }

  function show() {
    const kept = keptBy(axes, brushes, runs.length);
    lines.forEach((line, at) => line.classList.toggle("is-out", !kept[at]));
    boxes.forEach((box, at) => {
      const span = brushes.get(axes[at].name);
      box.toggleAttribute("hidden", !span);
      if (!span) return;
      const [foot, head] = span.map((value) => Math.min(Math.max(scales[at].share(value), -0.01), 1.01));
      box.setAttribute("y", up(head));
      box.setAttribute("height", Math.max(up(foot) - up(head), 2));
    });
    return kept;
  }

  function brush(axis, from, to) {
    const at = axes.indexOf(axis);
    const ends = [Math.min(from, to), Math.max(from, to)];
    if (ends[1] - ends[0] < 0.01) brushes.delete(axis.name);
    else {
      // Outward, so that what stands at the very end of the brush is in it.
      const [low, high] = ends.map((share) => scales[at].value(share));
      const slack = (value, by) => (axis.log ? value * (1 + by) : value + by * (Math.abs(scales[at].value(1) - scales[at].value(0)) || 1));
      brushes.set(axis.name, [slack(low, -0.001), slack(high, 0.001)].map((value) => Number(value.toPrecision(6))));
    }
    onBrush(show(), brushes);
  }

  function listen(hit, axis) {
    let from = null;
    hit.addEventListener("pointerdown", (event) => {
      hit.setPointerCapture(event.pointerId);
      from = shareAt(event);
      event.preventDefault();
      hit.focus({ preventScroll: true });
    });
    hit.addEventListener("pointermove", (event) => from !== null && brush(axis, from, shareAt(event)));
    hit.addEventListener("pointerup", (event) => {
      if (from !== null) brush(axis, from, shareAt(event));
      from = null;
    });
    hit.addEventListener("keydown", (event) => {
      const at = axes.indexOf(axis);
      const ends = (brushes.get(axis.name) ?? [0, 1].map(scales[at].value)).map((value) => Math.min(Math.max(scales[at].share(value), 0), 1));
      const step = { ArrowUp: KEY_STEP, ArrowDown: -KEY_STEP }[event.key];
      if (event.key === "Escape") brush(axis, 0, 0);
      else if (step && event.shiftKey) brush(axis, ends[0], Math.min(Math.max(ends[1] + step, ends[0] + KEY_STEP), 1));
      else if (step) brush(axis, Math.min(Math.max(ends[0] + step, 0), ends[1] - KEY_STEP), ends[1]);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  function drawAxis(axis, at, svg) {
    const group = draw("g", { transform: `translate(${place(at)} 0)` }, svg);
    draw("line", { class: "axis-line", y1: up(1), y2: up(0) }, group);
    draw("text", { class: "axis-name", y: at % 2 ? 24 : 12, "text-anchor": at === 0 ? "start" : at === axes.length - 1 ? "end" : "middle", x: at === 0 ? -EDGE.left + 8 : at === axes.length - 1 ? EDGE.right - 8 : 0 }, group, short(axis.label, 22) + (axis.log ? " (log)" : ""));
    const isLast = at === axes.length - 1;
    for (const [share, text] of ticks(axis, scales[at])) {
      draw("text", { x: isLast ? 8 : -8, y: up(share) + 4, "text-anchor": isLast ? "start" : "end" }, group, text);
    }
    boxes.push(draw("rect", { class: "axis-brush", x: -7, width: 14, y: 0, height: 0 }, group));
    const hit = draw("rect", {
      class: "axis-hit", x: -HIT / 2, width: HIT, y: up(1) - 6, height: height() + 12, tabindex: 0, role: "button",
      "data-axis": axis.name, "aria-label": `Range of ${axis.label}: drag, or arrow keys for its lower end, with Shift for its upper; Escape for all`,
    }, group);
    listen(hit, axis);
  }

  function redraw() {
    frame = plot.getBoundingClientRect();
    if (!frame.width) return;
    plot.replaceChildren();
    boxes = [];
    const svg = draw("svg", { class: "parallel", viewBox: `0 0 ${frame.width} ${frame.height}` }, plot);
    const last = axes.length - 1;
    const all = draw("g", {}, svg);
    lines = runs.map((run, at) => {
      const value = axes[last].values[at];
      const line = draw("path", { class: "run-line", d: path(at), stroke: shade(value === null ? 0.5 : scales[last].share(value)), "data-run": run.id }, all);
      draw("title", {}, line, run.name);
      return line;
    });
    axes.forEach((axis, at) => drawAxis(axis, at, svg));
    show();
  }

  redraw();
  new ResizeObserver(redraw).observe(plot);
  return { restyle: redraw, clear: () => { brushes.clear(); onBrush(show(), brushes); }, point: (id) => lines.forEach((line) => line.classList.toggle("is-near", line.dataset.run === id)) };
}
