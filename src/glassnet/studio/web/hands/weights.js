// The incoming weights under a hand, one by one: those of a neuron that looks at no image.

import { h, write } from "../core/dom.js";
import { count, plain } from "../core/format.js";
import { t } from "../core/words.js";
import { neuronName } from "../network/board.js";
import { largestOf } from "../network/formula.js";
import { linkRows } from "../network/rows.js";
import { largest } from "./brush.js";
import { slide } from "./slide.js";

/** So many incoming neurons are listed, all of them if there are no more than `ALL`; any other one can be called by its number. */
const ALL = 24;
const LISTED = 12;

/**
 * @param {import("../core/model.js").Model} model
 * @param {import("./hands.js").Hands} hands
 * @param {import("../core/types.js").Place} place
 * @param {(text: string) => void} complain
 */
export function weightsPart(model, hands, { layer, neuron }, complain) {
  const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
  const inputs = run.sizes[layer - 1];
  const listed = inputs <= ALL ? inputs : LISTED;
  /** @type {ReturnType<typeof one>[]} */
  let rows = [];
  const body = h("tbody", {});
  let called = 0;
  const number = h("input", { type: "number", min: 0, max: inputs - 1, step: 1, value: 0, "aria-label": t("hands.weights.which", { last: inputs - 1 }), "data-hands": "which" });
  const any = inputs > listed ? one(() => called, number) : null;
  number.addEventListener("input", () => {
    const value = number.valueAsNumber;
    if (!Number.isInteger(value) || value < 0 || value >= inputs) return;
    called = value;
    any?.name();
    hands.tell();
  });
  const element = h(
    "div",
    { class: "weights-part" },
    h(
      "table",
      {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("network.bars.from")), h("th", { scope: "col" }, "a"), h("th", { scope: "col" }, "w"))),
      body,
    ),
    any ? h("p", { class: "muted small" }, t("hands.weights.rest", { count: count(inputs) })) : null,
    any ? h("table", {}, h("tbody", {}, any.row)) : null,
  );
  /** @type {(where: import("../core/types.js").Place|null) => void} */
  let point = () => {};

  /**
   * @param {() => number} which
   * @param {HTMLElement} [head]
   */
  function one(which, head) {
    const a = h("td", { class: "figures muted" });
    const slider = slide({ hands, label: "", name: "weight", complain, edit: (value) => ({ fields: { kind: "weight", layer, neuron, input: which(), value } }) });
    const th = h("th", { scope: "row" }, head ?? null);
    const made = {
      row: h("tr", {}, th, a, h("td", {}, slider.element)),
      of: which(),
      slider,
      name() {
        made.of = which();
        const name = neuronName(run, { layer: layer - 1, neuron: made.of });
        if (!head) write(th, String(made.of));
        slider.range.setAttribute("aria-label", t("hands.weights.of", { name }));
        slider.field.setAttribute("aria-label", t("hands.exact", { what: t("hands.weights.of", { name }) }));
        made.row.dataset.input = String(made.of);
      },
      /** @param {Float32Array} weights @param {ArrayLike<number>} before @param {Float32Array|null} original */
      update(weights, before, original) {
        write(a, plain(before[made.of]));
        slider.show(weights[made.of]);
        slider.mark(original ? original[made.of] : null);
      },
    };
    made.name();
    return made;
  }

  return {
    element,
    /** @param {Float32Array} weights @param {ArrayLike<number>} before */
    update(weights, before) {
      if (!rows.length) {
        // Once, so that no row jumps away from under the hand.
        const order = inputs <= ALL ? Array.from(weights.keys()) : largestOf(weights, listed);
        rows = order.map((i) => one(() => i));
        body.replaceChildren(...rows.map(({ row }) => row));
        point = linkRows(model, any ? [...rows, any] : rows, layer - 1);
        const room = 1.1 * Math.max(largest(weights), 0.5);
        for (const { slider } of any ? [...rows, any] : rows) slider.grow(room);
      }
      const original = hands.original({ layer, neuron })?.weights ?? null;
      for (const each of any ? [...rows, any] : rows) each.update(weights, before, original);
    },
    /** @param {import("../core/types.js").Place|null} where */
    point: (where) => point(where),
  };
}
