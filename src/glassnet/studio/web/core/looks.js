// What this tab asks the server to look at, and to find. Looks are numbered, so that a frame tells which one it answers.

/** @typedef {import("../core/model.js").Model} Model */

/**
 * @typedef {object} Found One page of what was found.
 * @property {number} total
 * @property {Item[]} items
 *
 * @typedef {object} Item One image of the data, and what the network says of it.
 * @property {string} source
 * @property {number} row
 * @property {number|null} label
 * @property {number|null} answer
 * @property {number} confidence
 * @property {Uint8Array} input 255 is full ink
 */

let newest = 0;

/**
 * Asks for a look; what is returned is its number and the server's answer, which may be a refusal.
 * @param {Model} model
 * @param {Record<string, any>} what source, and row, seed or center
 * @param {Record<string, {shape: number[], values: Uint8Array}>} [arrays]
 */
export function look(model, what, arrays) {
  newest = 1 + Math.max(newest, model.get("look")?.look ?? 0);
  return { number: newest, done: model.send({ ...what, do: "look", look: newest }, arrays) };
}

/**
 * @param {Model} model
 * @param {Record<string, any>} what source, label, answer, wrong, order, seed, offset, count
 * @returns {Promise<Found>}
 */
export async function find(model, what) {
  const reply = await model.send({ ...what, do: "find" });
  return { total: reply.total, items: items(reply, what.source) };
}

/**
 * The images of an answer to `find` or `mistakes`.
 * @param {import("../core/types.js").Reply} reply
 * @param {string} source
 * @returns {Item[]}
 */
export function items({ arrays = {} }, source) {
  const [rows, labels, answers, confidences, inputs] = ["rows", "labels", "answers", "confidences", "inputs"].map(
    (name) => arrays[name]?.values ?? [],
  );
  const size = rows.length ? inputs.length / rows.length : 0;
  return Array.from(rows, (row, i) => ({
    source,
    row,
    label: known(labels[i]),
    answer: known(answers[i]),
    confidence: confidences[i],
    input: /** @type {Uint8Array} */ (inputs.slice(i * size, (i + 1) * size)),
  }));
}

/** @param {number|undefined} value -1 stands for none */
const known = (value) => (value === undefined || value < 0 ? null : value);
