// What the minibatch before this place changed: how many of all parameters moved, which most, how much in each layer, and a picture of
// the change of every neuron that looks at the image.

import { h, once, signed, write } from "../core/dom.js";
import { count, number, percent } from "../core/format.js";
import { joined, t } from "../core/words.js";
import { again, unseen } from "../learning/transport.js";
import { neuronName } from "../network/board.js";
import { largestMoves, rootMeanSquare } from "./moves.js";
import { watching } from "./watching.js";

/** @typedef {import("../core/types.js").Run} Run */
/** @typedef {import("./moves.js").Move} Move */

/** So many moves are listed, and so many neurons have a picture. */
const LISTED = 8;
const PICTURES = 16;

/** @param {import("../core/model.js").Model} model */
export function change(model) {
  const which = h("p", { class: "muted small figures" });
  const what = h("p", {});
  const most = h("p", {});
  const show = h("button", { class: "again", type: "button", hidden: true, onclick: () => void again(model) }, t("time.change.again"));
  const rows = h("tbody");
  const moves = h(
    "table",
    { class: "moves figures" },
    h("caption", { class: "aside" }, t("time.change.moves")),
    h(
      "thead",
      {},
      h("tr", {}, h("th", { scope: "col" }, t("time.change.parameter")), h("th", { scope: "col", class: "number" }, t("time.change.before")), h("th", { scope: "col", class: "number" }, t("time.change.after")), h("th", { scope: "col", class: "bar", colspan: 2 }, t("time.change.moved"))),
    ),
    rows,
  );
  const layerRows = h("tbody");
  const layers = h(
    "table",
    { class: "by-layer figures" },
    h("caption", {}, t("time.change.layers"), h("span", {}, t("time.change.typical"))),
    h(
      "thead",
      {},
      h("tr", {}, h("th", { scope: "col" }, t("time.change.layer")), h("th", { scope: "col", class: "number" }, t("time.change.size")), h("th", { scope: "col", class: "number" }, t("time.change.weights")), h("th", { scope: "col", class: "number" }, t("time.change.share"))),
    ),
    layerRows,
  );
  const picturesTitle = h("h3", {});
  const pictures = h("ul", { class: "patterns" });
  const legend = h("p", { class: "small muted legend", "aria-hidden": "true" }, h("span", {}, h("i", { class: "plus" }), t("time.change.up")), h("span", {}, h("i", { class: "minus" }), t("time.change.down")));
  const body = h("div", { class: "change-body" }, h("div", { class: "tables" }, moves, layers), h("div", { class: "pictures" }, picturesTitle, pictures, legend));
  const element = h("section", { class: "change" }, h("div", { class: "headed" }, h("h2", {}, t("time.change")), which), what, show, most, body);

  /** @param {Run} run @param {Move} move */
  const named = (run, { layer, neuron, input }) => {
    const to = neuronName(run, { layer, neuron });
    if (input === null) return t("time.change.bias", { to });
    return t("time.change.weight", { to, from: neuronName(run, { layer: layer - 1, neuron: input }) });
  };
  /** @param {number} layer @param {number} neuron */
  const pick = (layer, neuron) => {
    model.set("picked", { layer, neuron });
    location.hash = "#network";
  };

  /** @type {ReturnType<typeof line>[]} */
  const lines = [];
  function line() {
    /** @type {Move|null} */
    let move = null;
    const button = h("button", { class: "quiet", type: "button", onclick: () => move && pick(move.layer, move.neuron) });
    const [before, after, amount] = [0, 1, 2].map(() => h("td", { class: "number" }));
    const bar = h("i");
    return {
      row: h("tr", {}, h("th", { scope: "row" }, button), before, after, h("td", { class: "bar" }, bar), amount),
      /** @param {Run} run @param {Move} now @param {number} largest */
      show(run, now, largest) {
        move = now;
        const { layer, neuron, input, change } = now;
        const parameters = model.get("parameters");
        const inputs = run.sizes[layer - 1];
        const value = input === null ? parameters?.biases[layer - 1][neuron] : parameters?.weights[layer - 1][neuron * inputs + input];
        write(button, named(run, now));
        write(before, value === undefined ? "–" : number(value - change, 4));
        write(after, number(value, 4));
        write(amount, number(change, 4, true));
        bar.className = change < 0 ? "minus" : "plus";
        bar.style.transform = `scaleX(${Math.abs(change) / largest})`;
      },
    };
  }

  /** @type {{item: HTMLElement, canvas: HTMLCanvasElement, button: HTMLButtonElement, text: HTMLElement, neuron: number}[]} */
  const pattern = [];
  function addPattern() {
    const canvas = h("canvas", { class: "pixels", "aria-hidden": "true" });
    const text = h("span", { class: "small muted figures" });
    const button = h("button", { class: "quiet", type: "button", onclick: () => pick(1, made.neuron) }, canvas, text);
    const made = { item: h("li", {}, button), canvas, button, text, neuron: 0 };
    pattern.push(made);
  }

  /** @param {Run} run @param {Float32Array} weights the changes of layer 1's */
  function drawPictures(run, weights) {
    const [inputs, neurons] = run.sizes;
    const sizes = Array.from({ length: neurons }, (_, j) => rootMeanSquare(weights.subarray(j * inputs, (j + 1) * inputs)));
    let shown = sizes.map((_, j) => j);
    if (neurons > PICTURES) shown = shown.sort((i, j) => sizes[j] - sizes[i]).slice(0, PICTURES).sort((i, j) => i - j);
    write(picturesTitle, t(neurons > PICTURES ? "time.change.pictures.some" : "time.change.pictures", { count: count(shown.length), all: count(neurons) }));
    // One scale for all, so that a neuron that moved little looks as if it had.
    let largest = 0;
    for (let i = 0; i < weights.length; i++) largest = Math.max(largest, Math.abs(weights[i]));
    while (pattern.length < shown.length) addPattern();
    if (pictures.children.length !== shown.length) pictures.replaceChildren(...pattern.slice(0, shown.length).map(({ item }) => item));
    shown.forEach((neuron, i) => {
      const { canvas, button, text } = pattern[i];
      pattern[i].neuron = neuron;
      signed(canvas, weights.subarray(neuron * inputs, (neuron + 1) * inputs), /** @type {number} */ (run.side), largest || 1, 0.5);
      write(text, String(neuron));
      const words = t("time.change.picture", { neuron: neuronName(run, { layer: 1, neuron }), size: number(sizes[neuron], 5) });
      if (button.title !== words) {
        button.title = words;
        button.setAttribute("aria-label", words);
      }
    });
  }

  const draw = once(() => {
    const { change, run, status, parameters } = model.values;
    if (!run || !status) return;
    const fits = !!change && change.weights.length === run.sizes.length - 1 && change.weights.every((each, l) => each?.length === run.sizes[l] * run.sizes[l + 1]);
    body.hidden = most.hidden = !fits;
    show.hidden = fits || !unseen(model);
    if (!change || !fits) {
      write(which, "");
      const busy = status.mode === "playing" || status.mode === "stepping";
      write(what, t(busy ? "time.change.busy" : status.step === 0 ? "time.change.none" : show.hidden ? "time.change.passed" : "time.change.unknown"));
      return;
    }
    write(which, t("time.change.step", { step: count(change.step) }));
    write(what, why(change, run.count));
    const found = largestMoves(change, run.sizes, LISTED);
    const [first] = found;
    most.hidden = moves.hidden = !first;
    if (first) write(most, t("time.change.most", { what: named(run, first), change: number(first.change, 4, true) }));
    while (lines.length < found.length) lines.push(line());
    if (rows.children.length !== found.length) rows.replaceChildren(...lines.slice(0, found.length).map(({ row }) => row));
    found.forEach((move, i) => lines[i].show(run, move, Math.abs(first.change) || 1));

    if (parameters) {
      const sums = change.weights.map((weights, l) => {
        const moves = rootMeanSquare(weights, change.biases[l]);
        const sizes = rootMeanSquare(parameters.weights[l], parameters.biases[l]);
        return [neuronsOf(run, l + 1), number(moves, 5), number(sizes, 3), sizes ? percent(moves / sizes, 2) : "–"];
      });
      layerRows.replaceChildren(
        ...sums.map(([name, ...numbers]) => h("tr", {}, h("th", { scope: "row" }, name), numbers.map((each) => h("td", { class: "number" }, each)))),
      );
    }
    const square = run.side !== null;
    const box = /** @type {HTMLElement} */ (pictures.parentElement);
    box.hidden = !square;
    if (square) drawPictures(run, change.weights[0]);
  });

  const stop = watching(model, "change");
  const idle = () => model.get("change") || draw();
  const leaves = [model.on("change:change", draw), model.on("change:parameters", draw), model.on("change:run", draw), model.on("change:status", idle)];
  draw();
  return {
    element,
    close() {
      for (const leave of leaves) leave();
      draw.cancel();
      stop();
    },
  };
}

/**
 * How many weights and biases moved; of how many the minibatch's examples asked it; what moved the others, and why the rest did not.
 * @param {import("../core/types.js").Change} change
 * @param {number} total
 */
function why({ size, moved, asked, followed, others }, total) {
  const number = (/** @type {number} */ value) => ({ number: count(value), total: count(total), size: count(size) });
  const causes = others.length ? others.join("_") : "rounding";
  const said = [t(moved === total ? "time.change.count.all" : "time.change.count", number(moved))];
  if (asked === null || followed === null) {
    // By what they were moved is known, and not how many by what.
    return joined([...said, t(`time.change.by.${others.length ? causes : "examples"}`, number(0))]);
  }
  said.push(t(asked === total ? "time.change.asked.all" : size === 1 ? "time.change.asked.one" : "time.change.asked", number(asked)));
  if (moved > followed) said.push(t(`time.change.others.${causes}`, number(moved - followed)));
  const unasked = total - asked - (moved - followed);
  if (unasked > 0) said.push(t("time.change.unasked", number(unasked)));
  if (asked > followed) said.push(t("time.change.small", number(asked - followed)));
  return joined(said);
}

/** @param {Run} run @param {number} layer */
const neuronsOf = (run, layer) => t(layer === run.sizes.length - 1 ? "time.change.output" : "time.change.hidden", { layer });
