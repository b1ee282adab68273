// A neuron under one's hands: its numbers, its bias or its weights to change, and which images light it.

import { h, write } from "../core/dom.js";
import { t } from "../core/words.js";
import { cardsOf } from "../network/neuron.js";
import { biasPart } from "./bias.js";
import { handsOf, isMuted } from "./hands.js";
import { litPart } from "./lit.js";
import { paintPart } from "./paint.js";
import { presets } from "./presets.js";
import { weightsPart } from "./weights.js";

/** More weights than this are more than a message may hold. */
const MOST = 200_000;

/**
 * @param {import("../core/model.js").Model} model
 * @param {import("../core/types.js").Place} place
 * @returns {import("../network/neuron.js").Part}
 */
export function editorPart(model, place) {
  const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
  const hands = handsOf(model);
  const { layer, neuron } = place;
  const inputs = run.sizes[layer - 1];
  const picture = layer === 1 && run.side !== null && inputs <= MOST;
  const wrong = h("p", { class: "sentence wrong small", role: "alert" });
  const complain = (/** @type {string} */ text) => write(wrong, text);
  const cards = cardsOf();
  const bias = biasPart(model, hands, place, complain);
  const paint = picture ? paintPart(model, hands, place, complain) : null;
  const list = picture ? null : weightsPart(model, hands, place, complain);
  const mover = hands.mover((/** @type {Float32Array} */ values) => ({ fields: { kind: "weights", layer, neuron }, values }));
  /** @param {Float32Array} values */
  function set(values) {
    mover.begin();
    void mover.move(values);
  }
  const laid =
    list && inputs <= MOST
      ? presets({ model, hands, place, side: null, strength: () => 0, set })
      : null;
  const lit = litPart(model, place, (threshold) => bias.lit(threshold));
  const muted = h("p", { class: "small muted-note", hidden: true }, t("hands.muted.words"));

  const panels = {
    weights: h("div", { class: "panel", role: "tabpanel", id: "hands-weights", "aria-labelledby": "hands-tab-weights" }, paint?.element, list?.element, laid?.element),
    bias: h("div", { class: "panel", role: "tabpanel", id: "hands-bias", "aria-labelledby": "hands-tab-bias" }, bias.element),
  };
  const names = /** @type {("weights"|"bias")[]} */ (Object.keys(panels));
  const tabs = names.map((name) =>
    h(
      "button",
      { type: "button", role: "tab", id: `hands-tab-${name}`, "aria-controls": `hands-${name}`, "data-tab": name, onclick: () => choose(name) },
      t(name === "weights" && picture ? "hands.tab.pattern" : `hands.tab.${name}`),
    ),
  );
  const tablist = h("div", { class: "hands-tabs", role: "tablist", "aria-label": t("hands.tabs"), onkeydown: arrows }, tabs);

  /** @param {"weights"|"bias"} name */
  function choose(name) {
    hands.wishes.tab = name;
    names.forEach((each, i) => {
      tabs[i].setAttribute("aria-selected", String(each === name));
      tabs[i].tabIndex = each === name ? 0 : -1;
      panels[each].hidden = each !== name;
    });
    if (bias.curve) bias.curve.hidden = name !== "bias";
  }
  /** @param {KeyboardEvent} event */
  function arrows(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const to = (names.indexOf(/** @type {any} */ (hands.wishes.tab)) + step + names.length) % names.length;
    choose(names[to]);
    tabs[to].focus();
  }
  choose(hands.wishes.tab === "bias" ? "bias" : "weights");

  return {
    el: h("div", { class: "one hands" }, cards.el, muted, tablist, Object.values(panels), wrong, lit.element, bias.curve),
    update() {
      const forward = model.get("forward");
      const parameters = model.get("parameters");
      if (!forward || !parameters || forward.as.length < layer || parameters.weights.length < layer) return;
      const weights = parameters.weights[layer - 1].subarray(neuron * inputs, (neuron + 1) * inputs);
      const before = layer === 1 ? forward.input : forward.as[layer - 2];
      const numbers = { z: forward.zs[layer - 1][neuron], a: forward.as[layer - 1][neuron], bias: parameters.biases[layer - 1][neuron] };
      cards.update(numbers);
      bias.update(numbers, weights);
      paint?.update(weights);
      list?.update(weights, before);
      laid?.update();
      muted.hidden = !isMuted(parameters, run.sizes, place);
      lit.update();
    },
    point: (where) => list?.point(where),
    close: lit.close,
  };
}
