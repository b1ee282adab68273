// Where everything on the board is: the input, the layers, the outputs' names. Pure geometry, in CSS pixels; it draws nothing.

/**
 * @typedef {object} Column A layer of neurons, or an input that is no square image.
 * @property {number} layer 0 is the input
 * @property {number} size how many neurons it has
 * @property {number} x the middle of the column
 * @property {number} width
 * @property {number} radius of a circle
 * @property {number} pitch from one circle to the next
 * @property {Int32Array} shown the numbers of the neurons that are drawn
 * @property {Float32Array} xs their middles
 * @property {Float32Array} ys
 * @property {boolean} wide it has more neurons than fit in one column
 * @property {boolean} open all of them are shown (or as many as the board can hold)
 * @property {number} folded how many are not drawn
 * @property {{x: number, y: number}|null} fold where the button is that opens or closes it
 *
 * @typedef {{x: number, y: number, size: number, side: number}} Picture The input as an image.
 *
 * @typedef {object} Layout
 * @property {number} width
 * @property {number} height
 * @property {Picture|null} picture null: the input is the column 0
 * @property {Column[]} columns the input too, if it is no picture
 * @property {number} right where the outputs' names begin
 * @property {boolean} small a phone
 */

/** Less than this from one neuron to the next is too little to look at or to hit. */
const LEAST = 14;
/** A folded column shows so many. */
const FOLDED = 16;
/** From one neuron to the next in a layer that was opened, as there is room: then it has several columns. */
const DENSE = [16, 14, 12, 10, 9, 8, 7];

/**
 * @param {object} asked
 * @param {number} asked.width
 * @param {number} asked.height
 * @param {number[]} asked.sizes input first
 * @param {number|null} asked.side pixels wide and high of the input, if it is a square image
 * @param {number} asked.names how wide the outputs' names are
 * @param {Set<number>} asked.opened the layers that were opened
 * @param {number} [asked.scale] how much larger than usual text is
 * @returns {Layout}
 */
export function layout({ width, height, sizes, side, names, opened, scale = 1 }) {
  const small = width < 520;
  const margin = small ? 4 : 8;
  const captions = scale * (small ? 18 : 26);
  const top = 8;
  const inside = height - top - captions;
  const layers = sizes.length - 1;

  /** @type {Picture|null} */
  let picture = null;
  if (side) {
    const room = Math.min((layers > 6 ? 0.2 : 0.32) * width, 0.62 * inside, 420 * scale);
    const cell = room / side;
    const size = side * (cell >= 2 ? Math.floor(cell) : cell);
    picture = { x: margin, y: top + (inside - size) / 2, size, side };
  }

  const first = picture ? 1 : 0;
  const right = width - names;
  const opening = sizes.filter((_, layer) => layer >= first && opened.has(layer)).length;
  const most = (0.5 * (right - (picture ? picture.x + picture.size : margin))) / Math.max(1, opening);
  /** @type {Column[]} */
  const columns = [];
  for (let layer = first; layer <= layers; layer++) {
    columns.push(column(layer, sizes[layer], inside, opened.has(layer), most, scale));
  }

  // The gaps share what is left. The first is the widest, since most of the edges are in it.
  const left = picture ? picture.x + picture.size : margin + columns[0].width / 2;
  const last = columns[columns.length - 1];
  const gaps = columns.length - (picture ? 0 : 1);
  // Many layers need small circles: two thirds of the way is for the edges.
  const each = (right - left) / (columns.length + (picture ? 0.7 : 0));
  for (const one of columns) {
    if (one.open) continue;
    one.radius = Math.max(1.5, Math.min(one.radius, each / 5));
    one.width = 2 * one.radius;
  }
  const taken = columns.reduce((all, each) => all + each.width, 0) - (picture ? 0 : columns[0].width / 2) - last.width / 2;
  const free = Math.max(right - last.radius - left - taken, 3 * gaps);
  const share = picture ? (gaps > 6 ? 3 : 1.7) : 1;
  const unit = free / (gaps - 1 + share);
  let x = left;
  columns.forEach((each, i) => {
    const gap = i === 0 ? (picture ? share * unit : 0) : unit;
    if (i === 0 && !picture) x = left;
    else x += gap + (i > 0 ? columns[i - 1].width / 2 : 0) + each.width / 2;
    place(each, x, top, inside);
  });
  return { width, height, picture, columns, right, small };
}

/**
 * What of a layer is shown, and how large.
 * @param {number} layer
 * @param {number} size
 * @param {number} height
 * @param {boolean} open
 * @param {number} most the widest that an opened layer may be
 * @param {number} scale
 * @returns {Column}
 */
function column(layer, size, height, open, most, scale) {
  const wide = size * LEAST > height;
  /** @type {Column} */
  const made = {
    layer, size, x: 0, width: 0, radius: 0, pitch: 0,
    shown: new Int32Array(0), xs: new Float32Array(0), ys: new Float32Array(0),
    wide, open: wide && open, folded: 0, fold: null,
  };
  let shown = size;
  if (!wide) {
    made.pitch = Math.min(height / size, Math.max(36 * scale, height / 15));
    made.radius = Math.min(24 * scale, 0.41 * made.pitch);
  } else if (!open) {
    made.pitch = Math.max(LEAST, height / (FOLDED + 2));
    made.radius = Math.min(13 * scale, 0.4 * made.pitch);
    shown = Math.min(size, 2 * Math.floor((height / made.pitch - 2) / 2));
  } else {
    const fits = (/** @type {number} */ pitch) => Math.floor(most / pitch) * rowsOf(height, pitch);
    made.pitch = DENSE.find((pitch) => fits(pitch) >= size) ?? DENSE[DENSE.length - 1];
    shown = Math.min(size, fits(made.pitch));
    made.radius = 0.38 * made.pitch;
  }
  made.folded = size - shown;
  made.shown = new Int32Array(shown);
  // The first and the last; what is folded lies between.
  const half = Math.ceil(shown / 2);
  for (let i = 0; i < shown; i++) made.shown[i] = i < half || !made.folded ? i : size - shown + i;
  made.xs = new Float32Array(shown);
  made.ys = new Float32Array(shown);
  made.width = made.open ? Math.ceil(shown / rowsOf(height, made.pitch)) * made.pitch : 2 * made.radius;
  return made;
}

/** How many rows an opened layer has; below it is the button that folds it again. */
const rowsOf = (/** @type {number} */ height, /** @type {number} */ pitch) => Math.max(1, Math.floor((height - 2 * LEAST) / pitch));

/**
 * Gives a column's circles their places.
 * @param {Column} made
 * @param {number} x
 * @param {number} top
 * @param {number} height
 */
function place(made, x, top, height) {
  made.x = x;
  const middle = top + height / 2;
  const shown = made.shown.length;
  if (made.open) {
    const columns = Math.ceil(shown / rowsOf(height, made.pitch));
    const used = Math.ceil(shown / columns);
    for (let i = 0; i < shown; i++) {
      made.xs[i] = x + (Math.floor(i / used) - (columns - 1) / 2) * made.pitch;
      made.ys[i] = middle + ((i % used) - (used - 1) / 2) * made.pitch;
    }
    made.fold = { x, y: top + height - LEAST / 2 };
    return;
  }
  const half = Math.ceil(shown / 2);
  const slots = shown + (made.folded ? 2 : 0);
  for (let i = 0; i < shown; i++) {
    const slot = made.folded && i >= half ? i + 2 : i;
    made.xs[i] = x;
    made.ys[i] = middle + (slot - (slots - 1) / 2) * made.pitch;
  }
  if (made.folded) made.fold = { x, y: middle + (half + 0.5 - (slots - 1) / 2) * made.pitch };
}

/**
 * The middle of a pixel of the picture.
 * @param {Picture} picture
 * @param {number} pixel
 * @returns {[number, number]}
 */
function pixelPlace({ x, y, size, side }, pixel) {
  const cell = size / side;
  return [x + ((pixel % side) + 0.5) * cell, y + (Math.floor(pixel / side) + 0.5) * cell];
}

/**
 * The edges between two layers as their four ends' coordinates: for each shown neuron, for each shown neuron before it.
 * @typedef {object} Gap
 * @property {number} layer the layer that the edges lead to
 * @property {number} inputs how many the layer before has, shown or not
 * @property {number} outputs how many the layer itself has
 * @property {Int32Array} from the neurons before it that are drawn
 * @property {Int32Array} to the neurons that are drawn
 * @property {Float32Array} fromX
 * @property {Float32Array} fromY
 * @property {Float32Array} toX
 * @property {Float32Array} toY
 * @property {{right: number, top: number, bottom: number}|null} box the picture that the edges begin behind, if it is one
 * @property {number} span how high the gap is, where its edges are densest
 */

/**
 * @param {Layout} board
 * @param {number[]} sizes
 * @returns {Gap[]}
 */
export function gapsOf(board, sizes) {
  const { columns, picture } = board;
  return sizes.slice(1).map((_, i) => {
    const layer = i + 1;
    const to = columns[picture ? i : i + 1];
    const before = picture && i === 0 ? null : columns[picture ? i - 1 : i];
    let from, fromX, fromY;
    if (before) ({ shown: from, xs: fromX, ys: fromY } = before);
    else {
      const all = /** @type {Picture} */ (picture).side ** 2;
      from = Int32Array.from({ length: all }, (_, p) => p);
      fromX = new Float32Array(all);
      fromY = new Float32Array(all);
      for (let p = 0; p < all; p++) [fromX[p], fromY[p]] = pixelPlace(/** @type {Picture} */ (picture), p);
    }
    const box = before || !picture ? null : { right: picture.x + picture.size, top: picture.y, bottom: picture.y + picture.size };
    const height = Math.max(to.ys.length * to.pitch, before ? before.ys.length * before.pitch : /** @type {Picture} */ (picture).size);
    const span = to.open ? board.height : height;
    return { layer, inputs: sizes[i], outputs: sizes[layer], from, to: to.shown, fromX, fromY, toX: to.xs, toY: to.ys, box, span };
  });
}
