// What went wrong, in words for people.

import { named, t } from "./words.js";

/**
 * An error as a sentence: a capital at its start, a full stop at its end.
 * @param {any} error
 */
export function sentence(error) {
  if (error?.code === "lost") return t("learning.lost");
  // The server says fields as they are in messages: learning_rate. People know them by their labels.
  const text = String(error?.message ?? error).replace(/\b[a-z]+_[a-z_]+\b/g, (name) => named(`learning.setting.${name}`, name).toLowerCase());
  return text.charAt(0).toUpperCase() + text.slice(1) + (/[.!?。！？]$/.test(text) ? "" : ".");
}
