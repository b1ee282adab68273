// Numbers as people read them. All have a fixed width where they change while one looks (tabular figures do the rest).

import { spoken } from "./words.js";

/** @param {number} value A count: 13,002. */
export const count = (value) => value.toLocaleString(spoken());

/** @param {number|null|undefined} value A share as a percentage: 95.78 %. */
export const percent = (value, digits = 2) =>
  value === null || value === undefined || Number.isNaN(value) ? "–" : `${(100 * value).toFixed(digits)}\u00a0%`;

/**
 * A number with so many digits behind the point, a true minus sign, and a power of ten where it would not be seen.
 * @param {number|null|undefined} value
 * @param {number} [digits]
 * @param {boolean} [sign] whether + is written too
 */
export function number(value, digits = 3, sign = false) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  let text = size.toFixed(digits);
  if (size !== 0 && (size >= 1e6 || size < 0.5 * 10 ** -digits)) {
    const [mantissa, power] = size.toExponential(Math.max(0, digits - 2)).split("e");
    text = `${mantissa}·10${superscript(Number(power))}`;
  }
  return (value < 0 ? "−" : sign ? "+" : "") + text;
}

/**
 * A number among many others: so many digits, and zeros for what is less; powers of ten there would be harder to read than they tell.
 * @param {number} value
 * @param {number} [digits]
 * @param {boolean} [sign] whether + is written too
 */
export const plain = (value, digits = 2, sign = false) =>
  Math.abs(value) < 0.5 * 10 ** -digits ? (0).toFixed(digits) : number(value, digits, sign);

/** @param {number} power */
const superscript = (power) =>
  String(power).replace(/./g, (digit) => (digit === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]));

/** @param {number} value A setting as one would type it: 0.1, 1.5, 1e-4. */
export const short = (value) => (value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential() : String(Number(value.toPrecision(6)))).replace("-", "−");

/** @param {number} value A large count in few letters: 51.2 k, 1.2 M. */
export function about(value) {
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)} M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(0)} k`;
  return count(Math.round(value));
}
