// Every text that a person sees, in English and Chinese. Each view brings its own words; a test holds the languages equal.

/** @typedef {Record<string, string>} Words */
/** @typedef {{en: Words, zh: Words}} Languages */

/** @type {Languages} */
const known = { en: {}, zh: {} };

/** @type {"en"|"zh"} */
let language = "en";

/**
 * Makes a view's words known; two views may not use one key.
 * @param {Languages} words
 */
export function learn(words) {
  for (const each of /** @type {const} */ (["en", "zh"])) Object.assign(known[each], words[each]);
}

/** @param {"en"|"zh"} wanted */
export function speak(wanted) {
  language = wanted;
}

/** @returns {"en"|"zh"} */
export const spoken = () => language;

/**
 * The text of a key, with {names} filled in. A key nobody knows is returned as it is, so that it is seen.
 * @param {string} key
 * @param {Record<string, string|number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const text = known[language][key] ?? known.en[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** @param {string[]} sentences one after the other: Chinese leaves no space between them */
export const joined = (sentences) => sentences.join(language === "zh" ? "" : " ");

/**
 * The text of a key, or `otherwise` where there is none: for names that come from the server.
 * @param {string} key
 * @param {string} otherwise
 */
export const named = (key, otherwise) => known[language][key] ?? known.en[key] ?? otherwise;
