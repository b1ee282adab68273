// The formula of one neuron with its own numbers, and the lines of code that compute them. Parts are marked by data-part (see parts.js).

import { h, m, write } from "../core/dom.js";
import { count, number, plain } from "../core/format.js";
import { kindOf } from "../core/names.js";
import { t } from "../core/words.js";

/** @typedef {import("../core/types.js").Run} Run */

/** How many terms of the sum are written out. */
const WRITTEN = 3;

/** Of many numbers the indices of the few that are largest in size, largest first. */
export function largestOf(/** @type {ArrayLike<number>} */ values, /** @type {number} */ wanted) {
  /** @type {number[]} */
  const best = [];
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i]);
    if (best.length === wanted && size <= Math.abs(values[best[wanted - 1]])) continue;
    let at = best.length < wanted ? best.length : wanted - 1;
    while (at > 0 && Math.abs(values[best[at - 1]]) < size) {
      best[at] = best[at - 1];
      at--;
    }
    best[at] = i;
  }
  return best;
}

const SIGNS = /** @type {Record<string, string>} */ ({ sigmoid: "σ", relu: "ReLU", leaky_relu: "LReLU", elu: "ELU", silu: "SiLU", gelu: "GELU", tanh: "tanh", softplus: "softplus", softmax: "softmax", identity: "id", step: "step" });

/** How the function is written in a formula. */
export const sign = (/** @type {string} */ activation) => SIGNS[kindOf(activation)] ?? "f";

/**
 * @param {Run} run
 * @param {{layer: number, neuron: number}} place
 */
export function formulaOf(run, { layer, neuron }) {
  const inputs = run.sizes[layer - 1];
  const name = sign(run.activations[layer - 1]);
  const written = Math.min(WRITTEN, inputs);
  const terms = Array.from({ length: written }, () => ({ w: m("mn", { "data-part": "W" }), a: m("mn", { "data-part": "a" }) }));
  const bias = m("mn", { "data-part": "b" });
  const sum = m("mn", { "data-part": "z" });
  const sum2 = m("mn", { "data-part": "z" });
  const activation = m("mn", { "data-part": "s" });
  const op = (/** @type {string} */ text) => m("mo", {}, text);
  const upper = (/** @type {number} */ l) => m("mrow", {}, m("mo", { stretchy: "false" }, "("), m("mn", {}, l), m("mo", { stretchy: "false" }, ")"));
  const layered = (/** @type {string} */ part, /** @type {string} */ letter, /** @type {string|number} */ lower, /** @type {number} */ l) =>
    m("msubsup", { "data-part": part }, m("mi", {}, letter), m("mi", {}, lower), upper(l));
  const line = (/** @type {(Element|null)[]} */ ...children) => m("math", { display: "block" }, m("mrow", {}, children));
  const j = neuron; // counted from 0, as in glassnet.explain and on the command line
  const softmax = run.activations[layer - 1] === "softmax";

  const el = h(
    "div",
    { class: "formula", role: "group", tabindex: "0", "aria-label": t("network.formula") },
    line(
      layered("z", "z", j, layer),
      op("="),
      m("munderover", {}, m("mo", { movablelimits: "false" }, "∑"), m("mrow", {}, m("mi", {}, "i"), op("="), m("mn", {}, 0)), m("mn", {}, inputs - 1)),
      m("msubsup", { "data-part": "W" }, m("mi", {}, "w"), m("mrow", {}, m("mn", {}, j), m("mi", {}, "i")), upper(layer)),
      layered("a", "a", "i", layer - 1),
      op("+"),
      layered("b", "b", j, layer),
    ),
    line(m("mo", { form: "infix" }, "="), ...terms.flatMap(({ w, a }, i) => [i ? op("+") : null, w, op("·"), a]), inputs > written ? op("+") : null, inputs > written ? op("…") : null),
    inputs > written ? h("p", { class: "more muted" }, t("network.formula.more", { count: count(inputs - written) })) : null,
    line(m("mo", { form: "infix" }, "+"), bias, op("="), sum),
    line(layered("s", "a", j, layer), op("="), m("mi", { "data-part": "s", class: "function" }, name), m("mo", { stretchy: "false" }, "("), softmax ? m("mi", { "data-part": "z", mathvariant: "normal" }, "z") : sum2, m("mo", { stretchy: "false" }, ")"), softmax ? m("msub", {}, m("mrow", {}), m("mn", {}, j)) : null, op("="), activation),
  );

  return {
    el,
    /**
     * @param {object} numbers
     * @param {Float32Array|Float64Array} numbers.products w·a of every input
     * @param {ArrayLike<number>} numbers.weights
     * @param {ArrayLike<number>} numbers.before
     * @param {number} numbers.bias
     * @param {number} numbers.z
     * @param {number} numbers.a
     */
    update({ products, weights, before, bias: b, z, a }) {
      largestOf(products, written).forEach((i, k) => {
        write(terms[k].w, bracketed(weights[i], k > 0));
        write(terms[k].a, bracketed(before[i], true));
      });
      write(bias, bracketed(b, true));
      write(sum, number(z, 3));
      write(sum2, number(z, 3));
      write(activation, number(a, 3));
    },
  };
}

/** A number after + or · has its minus in brackets. */
const bracketed = (/** @type {number} */ value, /** @type {boolean} */ after) => {
  const text = plain(value);
  return after && text.startsWith("−") ? `(${text})` : text;
};

/**
 * The two lines of glassnet's own source that compute this neuron, their names linked to the formula.
 * @param {Run} run
 * @param {number} layer
 */
export function codeOf(run, layer) {
  const lines = [run.code.z, run.code.values[layer - 1]];
  return h(
    "div",
    { class: "code" },
    lines.map(({ file, line, text }, i) =>
      h("figure", {}, h("pre", { tabindex: "0", "aria-label": t("network.code.line", { file, line }) }, h("code", {}, i === 0 ? tokens(text) : values(text))), h("figcaption", { class: "muted" }, `glassnet/${file}, ${t("network.code.number", { line })}`)),
    ),
  );
}

/** Each of the names in the line z = a Wᵀ + b is a part of the formula. */
const PARTS = /** @type {[RegExp, string][]} */ ([
  [/^zs(?=\b)/, "z"],
  [/^layer\.weight(\.T)?/, "W"],
  [/^layer\.bias/, "b"],
  [/^a(?=\b)/, "a"],
]);

/** @param {string} text */
function tokens(text) {
  /** @type {(string|HTMLElement)[]} */
  const out = [];
  let rest = text;
  let start = true;
  while (rest) {
    const found = start ? PARTS.map(([pattern, part]) => ({ part, match: pattern.exec(rest)?.[0] })).find(({ match }) => match) : undefined;
    if (found?.match) {
      out.push(h("span", { "data-part": found.part }, found.match));
      rest = rest.slice(found.match.length);
      start = false;
    } else {
      const word = /^\w+|^./.exec(rest)?.[0] ?? rest;
      out.push(word);
      rest = rest.slice(word.length);
      start = !/\w$/.test(word) && word !== ".";
    }
  }
  return out;
}

/** In the line that computes the activation all is the function, except z, its argument. @param {string} text */
function values(text) {
  const parts = text.split(/\bz\b/);
  return h("span", { "data-part": "s" }, parts.flatMap((part, i) => (i ? [h("span", { "data-part": "z" }, "z"), part] : [part])));
}
