// What things are called: settings and their values, outputs, images, answers. Names of classes come with the data: any text, of any
// length, in any direction of writing.

import { number, percent } from "./format.js";
import { named, t } from "./words.js";

/** @typedef {import("./types.js").Run} Run */

/** @param {string} name `leaky_relu(alpha=0.2)` is one of the kind leaky_relu */
export const kindOf = (name) => name.split("(")[0];

/** @param {string} name an activation, a cost, an optimizer …, as the server calls it. A name that nobody has words for is shown as it is. */
export const called = (name) => named(`name.${kindOf(name)}`, kindOf(name).replace(/_/g, " ")) + name.slice(kindOf(name).length);

/** @param {string} name an activation, without its numbers */
export const activationName = (name) => named(`name.activation.${kindOf(name)}`, called(kindOf(name)));

const UNIT = new Set(["sigmoid", "softmax", "step"]);

/** @param {string} activation whether it runs from 0 to 1 */
export const isUnit = (activation) => UNIT.has(kindOf(activation));

/**
 * Whether the outputs are shares of 1, one for each class, so that one of them can be read as a percentage: those of softmax; and a single
 * output from 0 to 1, which leaves the rest for the other class. Ten sigmoids are none: together they may say 4.5.
 * @param {{activations: string[], sizes: number[]}} run
 */
export function areShares({ activations, sizes }) {
  const output = activations[activations.length - 1];
  return sizes[sizes.length - 1] === 1 ? isUnit(output) : kindOf(output) === "softmax";
}

const LONGEST = 40;
/** What isolates a name from the direction of the sentence around it. */
const [ISOLATE, END] = ["\u2068", "\u2069"];

/**
 * A class by its name, on one line and not too long.
 * @param {Run} run
 * @param {number|null|undefined} index
 */
export function className(run, index) {
  if (index === null || index === undefined) return "–";
  // Control characters, and those that turn the direction of writing around, would reach beyond the name.
  const name = (run.classes?.[index] ?? String(index)).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, " ").trim();
  const letters = Array.from(name);
  return letters.length > LONGEST ? `${letters.slice(0, LONGEST - 1).join("")}…` : name || String(index);
}

/**
 * The same within a sentence.
 * @param {Run} run
 * @param {number|null|undefined} index
 */
export const quoted = (run, index) => {
  const name = className(run, index);
  return /^[\w.–-]*$/.test(name) ? name : `${ISOLATE}${name}${END}`;
};

/**
 * An output by its class; without classes by its number, if there are several.
 * @param {Run} run
 * @param {number} index
 */
export const outputName = (run, index) => (!run.classes && run.sizes[run.sizes.length - 1] === 1 ? t("name.output") : className(run, index));

/**
 * How sure an answer is: a percentage where the outputs are shares, else the activation of the output that was chosen.
 * @param {{activations: string[], sizes: number[]}} run
 * @param {number|null|undefined} confidence as below
 * @param {number|null|undefined} answer
 * @param {number} [digits] of a percentage
 */
export function sureness(run, confidence, answer, digits = 0) {
  if (areShares(run)) return percent(confidence, digits);
  const below = run.sizes[run.sizes.length - 1] === 1 && answer === 0;
  return number(below && typeof confidence === "number" ? 1 - confidence : confidence, 2);
}

/**
 * The same within a sentence, where a number needs its name: "69 %", or "activation 0.69".
 * @type {typeof sureness}
 */
export const surenessNamed = (run, confidence, answer, digits) => {
  const value = sureness(run, confidence, answer, digits);
  return areShares(run) ? value : t("name.activation.value", { value });
};

/**
 * How sure the network is of its answer (evaluation.confidences): the activation of the output chosen; of a single output a,
 * 0.5 + |a − 0.5|.
 * @param {ArrayLike<number>|undefined} outputs
 * @param {number|null|undefined} answer
 */
export function confidence(outputs, answer) {
  if (!outputs?.length || answer === null || answer === undefined) return null;
  return outputs.length === 1 ? 0.5 + Math.abs(outputs[0] - 0.5) : outputs[answer];
}

/**
 * What is looked at: "Test image 17", "Your drawing".
 * @param {Run} run
 * @param {string} source
 * @param {number|null} row
 */
export const imageName = (run, source, row) =>
  t(run.side === null && row !== null ? `image.row.${source}` : `image.${source}`, { row: row ?? "" });

/**
 * All that is known about one image, for those who do not see it.
 * @param {Run} run
 * @param {import("./looks.js").Item} item
 */
export function imageLabel(run, { source, row, label, answer, confidence }) {
  const image = imageName(run, source, row);
  if (label === null || answer === null) return image;
  const words = label === answer ? "image.right" : "image.wrong";
  return t(words, { image, truth: quoted(run, label), answer: quoted(run, answer), sure: surenessNamed(run, confidence, answer) });
}
