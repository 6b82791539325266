// A page within another application's: takes on that one's light or dark before anything is drawn, and whenever it changes.
// Not a module: these run only when the page has been drawn.

(() => {
  let host = null;
  try {
    host = window.parent === window ? null : window.parent.document.documentElement;
  } catch {
    return; // of another origin: the system's choice stands
  }
  if (!host) return;

  const said = () => {
    const scheme = window.parent.getComputedStyle(host).colorScheme;
    if (/^(only )?(dark|light)( only)?$/.test(scheme)) return scheme.replace(/only| /g, "");
    return ["dark", "light"].find((name) => host.classList.contains(name) || host.dataset.theme === name);
  };
  const follow = () => {
    const theme = said();
    if (!theme || document.documentElement.dataset.theme === theme) return;
    document.documentElement.dataset.theme = theme;
    document.dispatchEvent(new CustomEvent("themechange"));
  };

  follow();
  new MutationObserver(follow).observe(host, { attributes: true, attributeFilter: ["class", "style", "data-theme"] });

  // A frame that opens no windows would leave a click on a link that asks for one without an answer.
  const frame = window.frameElement;
  const opensWindows = !frame?.hasAttribute("sandbox") || frame.sandbox.contains("allow-popups");
  const tell = (text) => {
    const note = Object.assign(document.createElement("p"), { className: "notice", textContent: text });
    note.setAttribute("role", "status");
    document.querySelectorAll("main > .notice").forEach((old) => old.remove());
    document.getElementById("main").prepend(note);
    note.scrollIntoView({ block: "nearest" });
  };
  if (!opensWindows) {
    document.addEventListener("click", async (event) => {
      const link = event.target.closest?.('a[target="_blank"]');
      if (!link || event.defaultPrevented) return;
      event.preventDefault();
      const copied = await navigator.clipboard?.writeText(link.href).then(() => true, () => false);
      tell(`This frame opens no windows. ${copied ? "The address is copied" : "The address is"}: ${link.href}`);
    });
  }
})();
