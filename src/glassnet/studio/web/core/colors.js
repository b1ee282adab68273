// The colors of the series on a dark board, as numbers, for what is drawn pixel by pixel. For text and lines there are those of base.css.

/** @typedef {[number, number, number]} Color red, green, blue, 0 to 255 */

/** @type {Color} */
export const POSITIVE = [0x58, 0xc4, 0xdd];
/** @type {Color} */
export const NEGATIVE = [0xfc, 0x62, 0x55];
