// The rows of a table of neurons: to point at one is to point at its neuron on the board, and the other way round.

/** @typedef {{row: HTMLElement, of: number}} Row of: the neuron that it is about now, -1 for none yet */

/**
 * @param {import("../core/model.js").Model} model
 * @param {Row[]} rows
 * @param {number} layer
 * @returns {(where: {layer: number, neuron: number}|null) => void} lights the row of what is pointed at
 */
export function linkRows(model, rows, layer) {
  for (const each of rows) {
    each.row.addEventListener("pointerenter", () => each.of >= 0 && model.set("hovered", { layer, neuron: each.of }));
    each.row.addEventListener("pointerleave", () => model.set("hovered", null));
  }
  return (where) => {
    for (const each of rows) each.row.classList.toggle("lit", where?.layer === layer && where.neuron === each.of);
  };
}
