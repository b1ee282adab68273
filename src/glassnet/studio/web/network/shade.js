// How an activation looks: white for 0 to 1, as in the series; what can be negative is red below zero.

import { NEGATIVE } from "../core/colors.js";
import { isUnit } from "../core/names.js";

const BOARD = [13, 15, 19];
const WHITE = [255, 255, 255];

/**
 * What counts as fully lit in a layer: 1, or the largest where there is no upper end.
 * @param {string} name of the activation function
 * @param {ArrayLike<number>} values
 */
export function fullOf(name, values) {
  if (isUnit(name)) return 1;
  let most = 1;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return Number.isFinite(most) ? most : 1;
}

/** @param {number} value from −1 to 1 */
export function shade(value) {
  const part = Math.min(1, Math.abs(value) || 0);
  const end = value < 0 ? NEGATIVE : WHITE;
  const [r, g, b] = BOARD.map((from, i) => Math.round(from + (end[i] - from) * part));
  return `rgb(${r},${g},${b})`;
}
