// Light, dark, or as the system says.

/** @typedef {"auto"|"light"|"dark"} Theme */

/** @param {Theme} theme */
export function wear(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** @returns {Theme} what is to be seen after the one that is seen now */
export function other() {
  const worn = document.documentElement.dataset.theme;
  const dark = worn ? worn === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  return dark ? "light" : "dark";
}

/**
 * Calls `fn` when the system turns dark or light; what is returned ends it.
 * @param {() => void} fn
 */
export function onPaper(fn) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  system.addEventListener("change", fn);
  return () => system.removeEventListener("change", fn);
}
