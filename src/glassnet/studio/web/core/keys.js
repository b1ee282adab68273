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

/** @type {(words: string) => boolean} */
let isMute = () => false;

/**
 * Keys whose words this is true of do nothing, and are not listed.
 * @param {(words: string) => boolean} quiet
 */
export function mute(quiet) {
  isMute = quiet;
}

/** All keys by group, for the list under "?". */
export function listed() {
  /** @type {Map<string, Key[]>} two parts of a page may have one heading */
  const all = new Map();
  for (const { group, keys } of groups) all.set(group, [...(all.get(group) ?? []), ...keys.filter(({ words }) => !isMute(words))]);
  return [...all].map(([group, keys]) => ({ group, keys })).filter(({ keys }) => keys.length);
}

/** @param {KeyboardEvent} event */
function pressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const target = /** @type {HTMLElement} */ (event.target);
  const name = target.tagName;
  // What someone types belongs to the field; Space and Enter belong to the button, the arrows to the slider.
  const slides = name === "INPUT" && /** @type {HTMLInputElement} */ (target).type === "range";
  if (slides ? /^(Arrow|Page|Home|End)/.test(event.key) : name === "INPUT" || name === "SELECT" || name === "TEXTAREA" || target.isContentEditable) return;
  if (document.querySelector("dialog[open]")) return;
  if ((event.key === " " || event.key === "Enter") && target.closest("button, a, summary, [role=button], [role=application]")) return;
  for (const { keys } of groups) {
    const found = keys.find(({ key, words }) => key === event.key && !isMute(words));
    if (found) {
      event.preventDefault();
      found.run();
      return;
    }
  }
}

addEventListener("keydown", pressed);
