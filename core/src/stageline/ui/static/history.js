// The slider of a history: the line moves with it, and the page of that moment is asked for when it rests.

const form = document.querySelector("[data-slider]");
if (form) {
  const range = form.querySelector("input[type=range]");
  const output = form.querySelector("output");
  const line = document.querySelector("[data-then]");
  const begin = Number(form.dataset.begin);
  const end = Number(form.dataset.end);
  const left = Number(form.dataset.left);
  const inner = Number(form.dataset.width) - left - 12;
  form.querySelector("button").hidden = true;

  const told = (ms) => new Date(ms).toISOString().replace("T", " ").slice(0, 19) + " UTC";
  range.addEventListener("input", () => {
    const x = left + ((range.value - begin) / (end - begin)) * inner;
    for (const name of ["x1", "x2"]) line.setAttribute(name, x.toFixed(1));
    output.textContent = told(Number(range.value));
    range.setAttribute("aria-valuetext", output.textContent);
  });
  range.addEventListener("change", () => form.requestSubmit());
}
