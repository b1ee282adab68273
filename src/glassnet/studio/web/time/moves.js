// What a minibatch changed, in numbers: which parameters moved most, and how much in each layer.

/** @typedef {import("../core/types.js").Change} Change */
/** @typedef {{layer: number, neuron: number, input: number|null, change: number}} Move One parameter: `input` is null for a bias. */

/**
 * The parameters that moved most, the largest move first.
 * @param {Change} change
 * @param {number[]} sizes
 * @param {number} most how many
 * @returns {Move[]}
 */
export function largestMoves({ weights, biases }, sizes, most) {
  /** @type {Move[]} */
  const found = [];
  let least = 0;
  /** @param {Float32Array} values @param {(i: number) => Move} move */
  const look = (values, move) => {
    for (let i = 0; i < values.length; i++) {
      if (Math.abs(values[i]) <= least) continue;
      found.push(move(i));
      found.sort((a, b) => Math.abs(b.change) - Math.abs(a.change));
      if (found.length > most) found.pop();
      if (found.length === most) least = Math.abs(found[most - 1].change);
    }
  };
  weights.forEach((values, l) => look(values, (i) => ({ layer: l + 1, neuron: Math.floor(i / sizes[l]), input: i % sizes[l], change: values[i] })));
  biases.forEach((values, l) => look(values, (i) => ({ layer: l + 1, neuron: i, input: null, change: values[i] })));
  return found;
}

/** The root of the mean square. @param {ArrayLike<number>[]} parts */
export function rootMeanSquare(...parts) {
  let [sum, count] = [0, 0];
  for (const values of parts) {
    for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
    count += values.length;
  }
  return count ? Math.sqrt(sum / count) : 0;
}
