// Small things that this browser keeps. Where storage is full or switched off nothing is kept, and nothing breaks.

/**
 * A word to remember on this machine, such as the language.
 * @param {string} key
 * @param {string} [value]
 * @returns {string|null}
 */
export function kept(key, value) {
  try {
    if (value !== undefined) localStorage.setItem(`glassnet-${key}`, value);
    return localStorage.getItem(`glassnet-${key}`);
  } catch {
    return null;
  }
}

/**
 * Something kept through a reload of this tab.
 * @param {string} key
 * @param {any} [value]
 * @returns {any}
 */
export function stored(key, value) {
  try {
    if (value !== undefined) sessionStorage.setItem(`glassnet-${key}`, JSON.stringify(value));
    return JSON.parse(sessionStorage.getItem(`glassnet-${key}`) ?? "null");
  } catch {
    return null;
  }
}
