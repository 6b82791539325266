// How charts look in the theme of the page: colours out of the style sheet, the frame that all of Plotly's drawings share.

// Even in lightness, and the same to the colour-blind (Nuñez, Anderton, Renslow, 2018).
const CIVIDIS = ["#00224e", "#123570", "#3b496c", "#575d6d", "#707173", "#8a8678", "#a59c74", "#c3b369", "#e1cc55", "#fee838"];
const DASHES = ["solid", "dash", "dot", "dashdot"];

export const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const colourOf = (run) => token(`--run-${run.colour}`);
export const dashOf = (run) => DASHES[run.dash];

const isDark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

/** Cividis without the end that the ground would swallow: its darkest in the dark, its lightest in the light. */
const stops = () => (isDark() ? CIVIDIS.slice(3) : CIVIDIS.slice(0, 8));

export const continuous = () => stops().map((colour, at, all) => [at / (all.length - 1), colour]);

/** The colour at `share`, 0 to 1, of the scale. */
export function shade(share) {
  const colours = stops();
  return colours[Math.round(Math.min(Math.max(share, 0), 1) * (colours.length - 1))];
}

/** Text of users as Plotly shows it: none of it is markup. */
export const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

export const short = (text, length = 28) => (text.length > length ? `${text.slice(0, length - 1)}…` : text);

const axisLook = () => ({
  gridcolor: token("--line"),
  zerolinecolor: token("--line-strong"),
  linecolor: token("--line-strong"),
  automargin: true,
  title: { standoff: 8 },
  exponentformat: "power",
});

export function layout(changes = {}) {
  const { xaxis = {}, yaxis = {}, ...rest } = changes;
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: token("--sans"), size: 11, color: token("--ink-2") },
    margin: { l: 44, r: 12, t: 8, b: 34 },
    showlegend: false,
    hovermode: "closest",
    hoverlabel: { bgcolor: token("--raised"), bordercolor: token("--line-strong"), font: { color: token("--ink"), family: token("--sans") }, namelength: 40 },
    xaxis: { ...axisLook(), ...xaxis },
    yaxis: { ...axisLook(), ...yaxis },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: token("--ink-3"), activecolor: token("--accent") },
    ...rest,
  };
}

export const CONFIG = { displaylogo: false, responsive: true, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
