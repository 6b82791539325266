// Series of images: a slider that shows the images of a step, of one run or of several side by side.

/** For each image of a figure its steps and where they lie: from data, or from the links that stand there without a script. */
function seriesOf(figure) {
  const block = figure.querySelector('script[type="application/json"]');
  if (block) return JSON.parse(block.textContent);
  return [[...figure.querySelectorAll("[data-src]")].map((link) => [Number(link.dataset.step), link.dataset.src, link.href])];
}

/** The image of a step, or else the last one before it; the first where all are later. */
function upTo(series, step) {
  let found = series[0];
  for (const one of series) if (one[0] <= step) found = one;
  return found;
}

function show(figure, slider) {
  const series = seriesOf(figure);
  const steps = [...new Set(series.flat().map(([step]) => step))].sort((a, b) => a - b);
  const wanted = steps[Math.min(slider.valueAsNumber, steps.length - 1)];
  [...figure.querySelectorAll("[data-frame]")].forEach((frame, at) => {
    const [step, source, address] = upTo(series[at], wanted);
    const image = frame.querySelector("img");
    image.src = source;
    image.alt = `${image.alt.replace(/ at step \d+$/, "")} at step ${step}`;
    frame.querySelector("a").href = address;
    frame.querySelector("[data-said]").textContent = `step ${step}`;
  });
  slider.setAttribute("aria-valuetext", `step ${wanted}`);
}

document.addEventListener("input", ({ target }) => {
  const figure = target.closest("[data-images]");
  if (figure && target.type === "range") show(figure, target);
});
