// Series of images: a slider that shows the image of a step.

for (const figure of document.querySelectorAll("[data-images]")) {
  const slider = figure.querySelector('input[type="range"]');
  if (!slider) continue;
  const image = figure.querySelector("img");
  const steps = [...figure.querySelectorAll("[data-src]")];
  slider.hidden = false;
  slider.addEventListener("input", () => {
    const step = steps[slider.valueAsNumber];
    image.src = step.dataset.src;
    image.alt = `${slider.getAttribute("aria-label").replace(/^Step of /, "")} at step ${step.dataset.step}`;
    image.parentElement.href = step.href;
    figure.querySelector("[data-said]").textContent = `step ${step.dataset.step}`;
  });
}
