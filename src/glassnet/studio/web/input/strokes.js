// Strokes of a pen: how they are kept, and how they become ink. Lengths are in thousandths of the pad, whole numbers, so that
// a drawing is small to keep.

/**
 * @typedef {number[]} Stroke x, y and width of each point, one after the other
 *
 * @typedef {object} Drawing
 * @property {Stroke[]} strokes
 * @property {Stroke[]} undone what redo brings back, the last first
 */

export const WHOLE = 1000;
/** So many numbers are more than any digit needs; what was drawn first is then given up. */
const MOST = 60_000;

/** @returns {Drawing} */
export const empty = () => ({ strokes: [], undone: [] });

/**
 * Whether something read back from storage is a drawing.
 * @param {any} value
 * @returns {value is Drawing}
 */
export const isDrawing = (value) =>
  [value?.strokes, value?.undone].every(
    (strokes) =>
      Array.isArray(strokes) &&
      strokes.every((stroke) => Array.isArray(stroke) && stroke.length % 3 === 0 && stroke.every(Number.isFinite)),
  );

/**
 * Begins a stroke.
 * @param {Drawing} drawing
 * @returns {Stroke}
 */
export function begin(drawing) {
  drawing.undone.length = 0;
  while (drawing.strokes.reduce((all, { length }) => all + length, 0) > MOST) drawing.strokes.shift();
  /** @type {Stroke} */
  const stroke = [];
  drawing.strokes.push(stroke);
  return stroke;
}

/**
 * Adds a point, unless the pen has hardly moved.
 * @param {Stroke} stroke
 * @param {number} x
 * @param {number} y
 * @param {number} width
 * @returns {boolean} whether it was added
 */
export function extend(stroke, x, y, width) {
  const last = stroke.length - 3;
  if (last >= 0 && Math.hypot(x - stroke[last], y - stroke[last + 1]) < 3) return false;
  if (stroke.length >= MOST) return false;
  stroke.push(Math.round(x), Math.round(y), Math.round(width));
  return true;
}

/** @param {Drawing} drawing */
export function undo(drawing) {
  const stroke = drawing.strokes.pop();
  if (stroke) drawing.undone.push(stroke);
  return stroke !== undefined;
}

/** @param {Drawing} drawing */
export function redo(drawing) {
  const stroke = drawing.undone.pop();
  if (stroke) drawing.strokes.push(stroke);
  return stroke !== undefined;
}

/**
 * The ink of a stroke from its point number `from` on. Between the middles of neighboring points run curves that bend
 * toward the points, so that a fast hand draws no corners.
 * @param {CanvasRenderingContext2D} context
 * @param {Stroke} stroke
 * @param {number} scale pixels of the pad's whole width
 * @param {number} [from]
 */
export function ink(context, stroke, scale, from = 0) {
  const factor = scale / WHOLE;
  const count = stroke.length / 3;
  const x = (/** @type {number} */ i) => stroke[3 * i] * factor;
  const y = (/** @type {number} */ i) => stroke[3 * i + 1] * factor;
  const width = (/** @type {number} */ i) => stroke[3 * i + 2] * factor;
  context.strokeStyle = context.fillStyle = "#fff";
  context.lineCap = context.lineJoin = "round";
  if (count === 1) {
    context.beginPath();
    context.arc(x(0), y(0), width(0) / 2, 0, 2 * Math.PI);
    context.fill();
  }
  // The curve around point i is known once point i + 1 is; until then a straight end reaches the pen.
  for (let i = Math.max(1, from); i < count; i++) {
    const start = i === 1 ? [x(0), y(0)] : [(x(i - 2) + x(i - 1)) / 2, (y(i - 2) + y(i - 1)) / 2];
    context.lineWidth = (width(i - 1) + width(i)) / 2;
    context.beginPath();
    context.moveTo(start[0], start[1]);
    context.quadraticCurveTo(x(i - 1), y(i - 1), (x(i - 1) + x(i)) / 2, (y(i - 1) + y(i)) / 2);
    if (i === count - 1) context.lineTo(x(i), y(i));
    context.stroke();
  }
}
