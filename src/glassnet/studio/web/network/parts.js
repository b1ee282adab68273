// Formula, number, code and picture are one thing seen four times: pointing at a part in one of them lights it in the others.
// A part is "W", "a", "b", "z" or "s" (the function that makes the activation, and the activation itself).

/** @type {string|null} */
let lit = null;
/** @type {Set<(part: string|null) => void>} */
const listeners = new Set();

/** @returns {string|null} */
export const litPart = () => lit;

/** @param {string|null} part */
export function light(part) {
  if (part === lit) return;
  lit = part;
  for (const tell of [...listeners]) tell(part);
}

/**
 * @param {(part: string|null) => void} fn
 * @returns {() => void}
 */
export function onLight(fn) {
  listeners.add(fn);
  return () => void listeners.delete(fn);
}

/**
 * Makes every element with `data-part` below `el` light its part, and be lit with it.
 * @param {HTMLElement} el
 * @returns {() => void}
 */
export function link(el) {
  const part = (/** @type {EventTarget|null} */ target) =>
    (target instanceof Element && target.closest("[data-part]")?.getAttribute("data-part")) || null;
  const over = (/** @type {Event} */ event) => light(part(event.target));
  const out = () => light(part(document.activeElement && el.contains(document.activeElement) ? document.activeElement : null));
  const show = () => {
    for (const each of el.querySelectorAll("[data-part]")) each.classList.toggle("lit", each.getAttribute("data-part") === lit);
  };
  el.addEventListener("pointerover", over);
  el.addEventListener("pointerleave", out);
  el.addEventListener("focusin", over);
  el.addEventListener("focusout", out);
  const off = onLight(show);
  return () => {
    off();
    light(null);
    el.removeEventListener("pointerover", over);
    el.removeEventListener("pointerleave", out);
    el.removeEventListener("focusin", over);
    el.removeEventListener("focusout", out);
  };
}
