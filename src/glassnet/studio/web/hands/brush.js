// The brush as arithmetic: what a stroke covers, and the patterns that can be laid down at once. Lengths are in pixels.

/** @typedef {Float32Array} Cover how much of each pixel a stroke covers, 0 to 1 */

/**
 * Covers a round spot: wholly within its radius, fading over the pixel at its edge. A brush of one pixel covers just that.
 * @param {Cover} cover changed in place: a stroke that crosses itself paints no deeper
 * @param {number} side
 * @param {number} x
 * @param {number} y
 * @param {number} radius
 */
export function dab(cover, side, x, y, radius) {
  if (radius <= 0.5) {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (column >= 0 && row >= 0 && column < side && row < side) cover[row * side + column] = 1;
    return;
  }
  for (let row = Math.max(0, Math.floor(y - radius - 1)); row < Math.min(side, y + radius + 1); row++) {
    for (let column = Math.max(0, Math.floor(x - radius - 1)); column < Math.min(side, x + radius + 1); column++) {
      const covered = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(column + 0.5 - x, row + 0.5 - y)));
      const at = row * side + column;
      if (covered > cover[at]) cover[at] = covered;
    }
  }
}

/**
 * Covers a line, spot by spot.
 * @param {Cover} cover
 * @param {number} side
 * @param {{x: number, y: number}} from
 * @param {{x: number, y: number}} to
 * @param {number} radius
 */
export function line(cover, side, from, to, radius) {
  const steps = Math.max(1, Math.ceil(2 * Math.hypot(to.x - from.x, to.y - from.y)));
  for (let k = 1; k <= steps; k++) dab(cover, side, from.x + ((to.x - from.x) * k) / steps, from.y + ((to.y - from.y) * k) / steps, radius);
}

/**
 * The weights under a stroke: as they were where it did not come, the brush's own where it covers.
 * @param {Float32Array} before
 * @param {Cover} cover
 * @param {number} target
 * @param {Float32Array} out
 */
export function lay(before, cover, target, out) {
  for (let i = 0; i < out.length; i++) out[i] = before[i] + (target - before[i]) * cover[i];
}

/** @param {number} side @param {(x: number, y: number) => number} value x and y from −1 to 1, in the middle of the pixel */
const drawn = (side, value) =>
  Float32Array.from({ length: side * side }, (_, i) => value((2 * (i % side) + 1) / side - 1, (2 * Math.floor(i / side) + 1) / side - 1));

/**
 * A pattern of one sign in a surrounding of the other, so that ink in the right place lifts the sum, and ink beside it holds it down:
 * the weights add up to 0.
 * @param {Float32Array} pattern 1 where it is, −1 beside it, 0 elsewhere
 * @param {number} strength
 */
function balanced(pattern, strength) {
  const [up, down] = [1, -1].map((sign) => pattern.reduce((all, each) => all + (each === sign ? 1 : 0), 0));
  return pattern.map((each) => (each > 0 ? strength : each < 0 ? (-strength * up) / down : 0));
}

/** @param {number} side @param {number} strength */
export const bar = (side, strength) =>
  balanced(
    drawn(side, (x, y) => (Math.abs(y) > 0.72 ? 0 : Math.abs(x) <= 0.145 ? 1 : Math.abs(x) <= 0.43 ? -1 : 0)),
    strength,
  );

/** @param {number} side @param {number} strength */
export const ring = (side, strength) =>
  balanced(
    drawn(side, (x, y) => {
      const away = Math.abs(Math.hypot(1.15 * x, y) - 0.52);
      return away <= 0.14 ? 1 : away <= 0.34 ? -1 : 0;
    }),
    strength,
  );

/** @param {ArrayLike<number>} input @param {number} strength */
export const inkOf = (input, strength) => Float32Array.from(input, (value) => value * strength);

/** A round number that is not smaller, by steps of half the first digit: 2.5, 3, … 9.5, 10, 15. @param {number} value above 0 */
export function roundUp(value) {
  const step = 10 ** Math.floor(Math.log10(value)) / 2;
  return Number((Math.ceil((value / step) * 0.999999) * step).toPrecision(2));
}

/** @param {ArrayLike<number>} values */
export function largest(values) {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}
