// One neuron, opened: its numbers, its curve, what comes in, the formula with those numbers, and the code that computes it.

import { h, signed, write } from "../core/dom.js";
import { count, number, plain } from "../core/format.js";
import { activationName } from "../core/names.js";
import { t } from "../core/words.js";
import { neuronName } from "./board.js";
import { curveOf } from "./curve.js";
import { codeOf, formulaOf, largestOf, sign } from "./formula.js";
import { linkRows } from "./rows.js";

/** @typedef {import("../core/model.js").Model} Model */
/** @typedef {{layer: number, neuron: number}} Place */
/** @typedef {{el: HTMLElement, update: () => void, point: (place: Place|null) => void, close?: () => void}} Part */

/** So many incoming neurons are listed, all of them if there are no more than `ALL`. */
const ALL = 24;
const LISTED = 12;
/** Milliseconds after which the list of the largest is put in order again: rows that jump cannot be read. */
const ORDERED = 1000;

/**
 * @param {Model} model
 * @param {Place} place
 * @returns {Part}
 */
export function neuronPart(model, place) {
  const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
  const { layer, neuron } = place;
  const inputs = run.sizes[layer - 1];
  const activation = run.activations[layer - 1];
  const curve = run.curves[layer - 1];
  const square = layer === 1 && run.side !== null;

  const cards = cardsOf();
  const drawn = curve ? curveOf(curve) : null;
  const formula = formulaOf(run, place);
  const products = new Float64Array(inputs);
  const incoming = square ? pictures(model, run, place, products) : bars(model, run, place, products);
  const balance = h("p", { class: "balance muted figures" });
  const name = activationName(activation);

  const el = h(
    "div",
    { class: "one" },
    cards.el,
    drawn ? drawn.el : null,
    h("p", { class: "muted small" }, curve ? t("network.curve.words", { sign: sign(activation), name }) : t("network.curve.softmax", { count: run.sizes[layer] })),
    h("h3", {}, square ? t("network.incoming.pixels") : t("network.incoming", { count: inputs })),
    incoming.el,
    balance,
    h("h3", {}, t("network.formula")),
    formula.el,
    h("h3", {}, t("network.code")),
    codeOf(run, layer),
  );

  return {
    el,
    update() {
      const forward = model.get("forward");
      const parameters = model.get("parameters");
      if (!forward || !parameters || forward.as.length < layer || parameters.weights.length < layer) return;
      const weights = parameters.weights[layer - 1].subarray(neuron * inputs, (neuron + 1) * inputs);
      const before = layer === 1 ? forward.input : forward.as[layer - 2];
      const [z, a, bias] = [forward.zs[layer - 1][neuron], forward.as[layer - 1][neuron], parameters.biases[layer - 1][neuron]];
      let [up, down] = [0, 0];
      for (let i = 0; i < inputs; i++) {
        products[i] = weights[i] * before[i];
        if (products[i] > 0) up += products[i];
        else down += products[i];
      }
      cards.update({ z, a, bias });
      drawn?.update(z, a);
      incoming.update(weights, before);
      write(balance, t("network.balance", { up: plain(up, 2, true), down: plain(down), bias: plain(bias, 2, true), sum: plain(z) }));
      formula.update({ products, weights, before, bias, z, a });
    },
    point: (where) => incoming.point(where),
  };
}

/** The three numbers of a neuron: activation, weighted sum and bias. */
export function cardsOf() {
  const numbers = Object.fromEntries(
    ["s", "z", "b"].map((part) => [part, h("span", { class: "figures" })]),
  );
  const letters = /** @type {Record<string, string>} */ ({ s: "a", z: "z", b: "b" });
  const cards = ["s", "z", "b"].map((part) =>
    h("button", { class: `number ${part}`, type: "button", "data-part": part }, h("span", { class: "letter" }, letters[part]), numbers[part], h("span", { class: "muted" }, t(`network.part.${part}`))),
  );
  return {
    el: h("div", { class: "numbers" }, cards),
    /** @param {{z: number, a: number, bias: number}} values */
    update({ z, a, bias }) {
      write(numbers.s, number(a, 3));
      write(numbers.z, number(z, 3));
      write(numbers.b, number(bias, 3));
    },
  };
}

/**
 * The weights of a neuron that looks at the image, as an image, and beside it what they make of this image.
 * @param {Model} model
 * @param {import("../core/types.js").Run} run
 * @param {Place} place
 * @param {Float64Array} products
 */
function pictures(model, run, place, products) {
  const side = /** @type {number} */ (run.side);
  const names = [t("network.weights"), t("network.products")];
  const canvases = names.map((name, i) => h("canvas", { class: "pixels", role: "img", "data-part": i ? "a" : "W", "aria-label": name }));
  const marks = canvases.map(() => h("i", { class: "mark", hidden: true }));
  const words = h("p", { class: "readout figures" });
  /** @type {ArrayLike<number>} */
  let weights = [];
  /** @type {ArrayLike<number>} */
  let before = [];
  let pixel = -1;
  const el = h(
    "div",
    { class: "pictures" },
    canvases.map((canvas, i) => h("figure", {}, h("div", { class: "looked" }, canvas, marks[i]), h("figcaption", { class: "muted" }, names[i]))),
    words,
  );
  for (const canvas of canvases) {
    canvas.addEventListener("pointermove", (event) => {
      const box = canvas.getBoundingClientRect();
      const [column, row] = [Math.floor(((event.clientX - box.left) / box.width) * side), Math.floor(((event.clientY - box.top) / box.height) * side)];
      const at = row * side + column;
      if (column >= 0 && row >= 0 && column < side && row < side && at !== pixel) model.set("hovered", { layer: 0, neuron: at });
    });
    canvas.addEventListener("pointerleave", () => model.set("hovered", null));
  }
  function say() {
    if (pixel < 0) {
      let [least, most] = [Infinity, -Infinity];
      for (let i = 0; i < weights.length; i++) {
        if (weights[i] < least) least = weights[i];
        if (weights[i] > most) most = weights[i];
      }
      write(words, t("network.weights.range", { count: count(weights.length), least: number(least, 2), most: number(most, 2, true) }));
    } else {
      const values = { row: Math.floor(pixel / side), column: pixel % side, w: plain(weights[pixel], 3), a: plain(before[pixel]), product: plain(products[pixel], 3) };
      write(words, t("network.weights.pixel", values));
    }
  }
  return {
    el,
    /** @param {Float32Array} w @param {ArrayLike<number>} a */
    update(w, a) {
      [weights, before] = [w, a];
      let most = 0;
      for (let i = 0; i < w.length; i++) most = Math.max(most, Math.abs(w[i]));
      signed(canvases[0], w, side, most);
      signed(canvases[1], products, side, most);
      say();
    },
    /** @param {Place|null} where */
    point(where) {
      pixel = where && where.layer === place.layer - 1 ? where.neuron : -1;
      for (const mark of marks) {
        mark.hidden = pixel < 0;
        Object.assign(mark.style, { left: `${(100 * (pixel % side)) / side}%`, top: `${(100 * Math.floor(pixel / side)) / side}%`, width: `${100 / side}%`, height: `${100 / side}%` });
      }
      if (weights.length) say();
    },
  };
}

/**
 * The incoming neurons as a list: activation, weight, and their product as a bar.
 * @param {Model} model
 * @param {import("../core/types.js").Run} run
 * @param {Place} place
 * @param {Float64Array} products
 */
function bars(model, run, { layer }, products) {
  const inputs = products.length;
  const listed = inputs <= ALL ? inputs : LISTED;
  const rows = Array.from({ length: listed }, () => {
    const cells = { name: h("th", { scope: "row" }), a: h("td", { "data-part": "a" }), w: h("td", { "data-part": "W" }), product: h("td", {}), bar: h("i", {}) };
    const row = h("tr", {}, cells.name, cells.a, cells.w, h("td", { class: "bar", "aria-hidden": "true" }, cells.bar), cells.product);
    return { row, cells, of: -1 };
  });
  const point = linkRows(model, rows, layer - 1);
  const rest = h("p", { class: "muted small" });
  const el = h(
    "div",
    { class: "bars" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("network.bars.from")), h("th", { scope: "col", "data-part": "a" }, "a"), h("th", { scope: "col", "data-part": "W" }, "w"), h("td", {}), h("th", { scope: "col" }, "w·a"))),
      h("tbody", {}, rows.map(({ row }) => row)),
    ),
    inputs > listed ? rest : null,
  );
  let ordered = -Infinity;
  /** @type {number[]} */
  let order = Array.from({ length: listed }, (_, i) => i);
  return {
    el,
    /** @param {Float32Array} weights @param {ArrayLike<number>} before */
    update(weights, before) {
      if (inputs > listed && performance.now() - ordered > ORDERED) {
        order = largestOf(products, listed);
        ordered = performance.now();
      }
      let most = 1e-30;
      let written = 0;
      let all = 0;
      for (let i = 0; i < inputs; i++) {
        most = Math.max(most, Math.abs(products[i]));
        all += products[i];
      }
      rows.forEach((each, k) => {
        const i = order[k];
        const { cells } = each;
        written += products[i];
        if (each.of !== i) {
          each.of = i;
          write(cells.name, String(i));
          cells.name.setAttribute("aria-label", neuronName(run, { layer: layer - 1, neuron: i }));
        }
        write(cells.a, plain(before[i]));
        write(cells.w, plain(weights[i]));
        write(cells.product, plain(products[i]));
        const part = (50 * Math.abs(products[i])) / most;
        cells.bar.className = products[i] < 0 ? "minus" : "plus";
        cells.bar.style.width = `${part}%`;
        cells.w.className = weights[i] < 0 ? "minus" : "plus";
      });
      write(rest, t("network.bars.rest", { count: count(inputs - listed), sum: number(all - written, 2, true) }));
    },
    point,
  };
}

/**
 * A neuron of the input: its value, and its weights into the first layer.
 * @param {Model} model
 * @param {Place} place
 * @returns {Part}
 */
export function inputPart(model, { neuron }) {
  const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
  const outputs = run.sizes[1];
  const inputs = run.sizes[0];
  const listed = outputs <= ALL ? outputs : LISTED;
  const value = h("span", { class: "figures" });
  const rows = Array.from({ length: listed }, () => {
    const cells = { name: h("th", { scope: "row" }), w: h("td", {}), product: h("td", {}), bar: h("i", {}) };
    return { row: h("tr", {}, cells.name, cells.w, h("td", { class: "bar", "aria-hidden": "true" }, cells.bar), cells.product), cells, of: -1 };
  });
  const point = linkRows(model, rows, 1);
  const rest = h("p", { class: "muted small" }, t("network.pixel.rest", { count: count(outputs - listed) }));
  const column = new Float64Array(outputs);
  const el = h(
    "div",
    { class: "one" },
    h("div", { class: "numbers" }, h("div", { class: "number s" }, h("span", { class: "letter" }, "a"), value, h("span", { class: "muted" }, t("network.part.s")))),
    h("p", { class: "muted small" }, t("network.pixel.words")),
    h("h3", {}, t("network.outgoing", { count: outputs })),
    h(
      "div",
      { class: "bars" },
      h(
        "table",
        {},
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("network.bars.to")), h("th", { scope: "col" }, "w"), h("td", {}), h("th", { scope: "col" }, "w·a"))),
        h("tbody", {}, rows.map(({ row }) => row)),
      ),
      outputs > listed ? rest : null,
    ),
  );
  return {
    el,
    update() {
      const forward = model.get("forward");
      const parameters = model.get("parameters");
      if (!forward || !parameters) return;
      const a = forward.input[neuron];
      write(value, number(a, 3));
      for (let j = 0; j < outputs; j++) column[j] = parameters.weights[0][j * inputs + neuron];
      const order = outputs <= ALL ? rows.map((_, k) => k) : largestOf(column, listed);
      let most = 1e-30;
      for (const w of column) most = Math.max(most, Math.abs(w));
      rows.forEach((each, k) => {
        const j = order[k];
        const { cells } = each;
        if (each.of !== j) {
          each.of = j;
          write(cells.name, String(j));
          cells.name.setAttribute("aria-label", neuronName(run, { layer: 1, neuron: j }));
        }
        write(cells.w, plain(column[j], 3));
        write(cells.product, plain(column[j] * a, 3));
        cells.w.className = column[j] < 0 ? "minus" : "plus";
        cells.bar.className = column[j] < 0 ? "minus" : "plus";
        cells.bar.style.width = `${(50 * Math.abs(column[j])) / most}%`;
      });
    },
    point,
  };
}
