// How one output's part of each cost is written in plain letters.

import { kindOf } from "./names.js";

/** @type {Record<string, string>} */
const TERMS = {
  squared_error: "(a − y)²",
  absolute_error: "|a − y|",
  huber: "H(a − y)",
  cross_entropy: "−y ln a",
  binary_cross_entropy: "−y ln a − (1 − y) ln(1 − a)",
};

/** @param {string} cost by its name; "" for one that nobody has written down */
export const termOf = (cost) => TERMS[kindOf(cost)] ?? "";
