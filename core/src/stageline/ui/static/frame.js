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
})();
