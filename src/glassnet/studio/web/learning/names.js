// What the settings are called. A name that nobody has words for is shown as it is.

import { named } from "../core/words.js";

/** @param {string} name a setting, as the server calls it */
export const setting = (name) => named(`learning.setting.${name}`, name.replace(/_/g, " "));
