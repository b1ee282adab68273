// Which edges are drawn, and how strongly: the honest filters. Used by the worker that draws them, and by the page that counts them.

/** @typedef {import("./layout.js").Gap} Gap */
/**
 * @typedef {object} Wish What shall be drawn.
 * @property {"all"|"strongest"|"contribution"|"neuron"|"change"} kind
 * @property {number} count how many, for the strongest
 * @property {{layer: number, neuron: number}|null} place whose edges, for one neuron's
 * @property {number} gaps how many gaps from the left are lit: those behind the propagation are dark
 */

/**
 * The strength of every edge of one gap, in the order of the drawing (for each shown neuron, each shown one before it): the weight,
 * or its contribution a·w; 0 is not drawn.
 * @param {Gap} gap
 * @param {Float32Array} weights the layer's, a row of all inputs for each neuron
 * @param {ArrayLike<number>|null} before the activations of the layer before, if contributions are wanted
 * @param {Float32Array} [out]
 * @returns {Float32Array}
 */
export function strengths(gap, weights, before, out) {
  const { from, to, inputs } = gap;
  const all = out ?? new Float32Array(from.length * to.length);
  for (let j = 0, k = 0; j < to.length; j++) {
    const row = to[j] * inputs;
    if (before) for (let i = 0; i < from.length; i++, k++) all[k] = weights[row + from[i]] * before[from[i]];
    else for (let i = 0; i < from.length; i++, k++) all[k] = weights[row + from[i]];
  }
  return all;
}

/**
 * Keeps the edges into and out of one neuron.
 * @param {Gap} gap
 * @param {Float32Array} values changed in place
 * @param {{layer: number, neuron: number}|null} place
 */
export function onlyOf(gap, values, place) {
  const { from, to, layer } = gap;
  for (let j = 0, k = 0; j < to.length; j++) {
    const into = place !== null && place.layer === layer && place.neuron === to[j];
    for (let i = 0; i < from.length; i++, k++) {
      if (!into && !(place !== null && place.layer === layer - 1 && place.neuron === from[i])) values[k] = 0;
    }
  }
}

/**
 * The size that the `count` largest of all have at least. Positive floats have the order of their bits read as whole numbers, so sizes are
 * counted by their upper bits, and only those that share the bits of the one that is sought are sorted.
 * @param {Float32Array[]} values
 * @param {number} count from 1
 */
export function threshold(values, count) {
  const total = values.reduce((all, each) => all + each.length, 0);
  if (count >= total) return 0;
  const counts = new Uint32Array(1 << 16);
  for (const each of values) {
    const bits = new Uint32Array(each.buffer, each.byteOffset, each.length);
    for (let k = 0; k < bits.length; k++) counts[(bits[k] & 0x7fffffff) >>> 15]++;
  }
  let upper = counts.length - 1;
  let above = 0;
  while (above + counts[upper] < count) above += counts[upper--];
  const near = new Float32Array(counts[upper]);
  let at = 0;
  for (const each of values) {
    const bits = new Uint32Array(each.buffer, each.byteOffset, each.length);
    for (let k = 0; k < bits.length; k++) if ((bits[k] & 0x7fffffff) >>> 15 === upper) near[at++] = Math.abs(each[k]);
  }
  return near.sort()[near.length - (count - above)];
}

/** @param {Float32Array} values */
export function largest(values) {
  let most = 0;
  for (let k = 0; k < values.length; k++) {
    const size = Math.abs(values[k]);
    if (size > most) most = size;
  }
  return most;
}
