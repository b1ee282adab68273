// The keyboard: every view registers its keys here, with words for them, and "?" lists what is registered.

/**
 * @typedef {object} Key
 * @property {string} key as in KeyboardEvent.key
 * @property {string} words the key of the words that say what it does
 * @property {() => void} run
 * @property {string} [shown] how it is written in the list, if not as it is
 */

/** @type {Set<{group: string, keys: Key[]}>} */
const groups = new Set();

/**
 * Registers a view's keys under a heading; what is returned takes them away.
 * @param {string} group the key of the heading's words
 * @param {Key[]} keys
 * @returns {() => void}
 */
export function keys(group, keys) {
  const entry = { group, keys };
  groups.add(entry);
  return () => void groups.delete(entry);
}

/** All keys by group, for the list under "?". */
export const listed = () => [...groups];

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const target = /** @type {HTMLElement} */ (event.target);
  const name = target.tagName;
  // What someone types belongs to the field; Space and Enter belong to the button, the arrows to the slider.
  if (name === "INPUT" || name === "SELECT" || name === "TEXTAREA" || target.isContentEditable) return;
  if (document.querySelector("dialog[open]")) return;
  if ((event.key === " " || event.key === "Enter") && target.closest("button, a, summary, [role=button], [role=application]")) return;
  for (const { keys } of groups) {
    const found = keys.find(({ key }) => key === event.key);
    if (found) {
      event.preventDefault();
      found.run();
      return;
    }
  }
}

addEventListener("keydown", pressed);
