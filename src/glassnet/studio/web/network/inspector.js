// The inspector: the neuron that is picked, or else the one that is pointed at; with neither, what the network says and what it costs.
// The neuron that is picked can be edited by hand; what that does to the network stays in sight above it.

import { h, once, write } from "../core/dom.js";
import { t } from "../core/words.js";
import { editorPart } from "../hands/editor.js";
import { effectPart } from "../hands/effect.js";
import { handsOf, shapeOf } from "../hands/hands.js";
import { headPart } from "../hands/head.js";
import { neuronName } from "./board.js";
import { inputPart, neuronPart } from "./neuron.js";
import { link } from "./parts.js";
import { summaryPart } from "./summary.js";

/** @typedef {{layer: number, neuron: number}} Place */

/** @type {import("../app.js").View} */
export function render({ model, el }) {
  const heading = h("h2", {});
  const before = h("button", { class: "quiet symbol", type: "button", "aria-label": t("network.before"), title: t("network.before"), onclick: () => step(-1) }, "↑");
  const after = h("button", { class: "quiet symbol", type: "button", "aria-label": t("network.after"), title: t("network.after"), onclick: () => step(1) }, "↓");
  const close = h("button", { class: "quiet symbol", type: "button", "aria-label": t("network.letgo"), title: `${t("network.letgo")} (Esc)`, onclick: () => model.set("picked", null) }, "✕");
  const tools = h("div", { class: "inspector-tools" }, before, after, close);
  const body = h("div", {});
  const hands = handsOf(model);
  const effect = effectPart(model, hands);
  const head = headPart(model, hands);
  el.setAttribute("aria-label", t("network.inspector"));
  // It scrolls; the keyboard must be able to scroll it too.
  el.tabIndex = 0;
  el.append(effect.element, h("header", {}, heading, tools), head.element, body);

  /** @type {import("./neuron.js").Part|null} */
  let part = null;
  let shown = "";
  /** @type {Place|null} */
  let showing = null;

  /** @returns {Place|null} */
  function wanted() {
    const run = model.get("run");
    // What is listed here can be pointed at too; that must not take the list away from under the pointer.
    const place = model.get("picked") ?? hands.dropped() ?? (body.matches(":hover") ? null : model.get("hovered"));
    return run && place && place.layer < run.sizes.length && place.neuron < run.sizes[place.layer] ? place : null;
  }

  /** @param {number} by */
  function step(by) {
    const run = model.get("run");
    const place = showing;
    if (!run || !place) return;
    const size = run.sizes[place.layer];
    model.set("picked", { layer: place.layer, neuron: (place.neuron + by + size) % size });
  }

  function choose() {
    const run = model.get("run");
    if (!run) return;
    const place = (showing = wanted());
    const picked = model.get("picked") ?? hands.dropped();
    const editing = place !== null && picked !== null && place.layer > 0 && hands.isOpen() && hands.allowed();
    // A run that branches off is the same network: what is under somebody's hand stays there.
    const name = `${shapeOf(run)} ${place ? `${place.layer} ${place.neuron} ${editing}` : ""}`;
    if (name !== shown) {
      shown = name;
      part?.close?.();
      part = !place ? summaryPart(model) : place.layer === 0 ? inputPart(model, place) : editing ? editorPart(model, place) : neuronPart(model, place);
      write(heading, place ? neuronName(run, place) : t("network.answer"));
      body.replaceChildren(part.el);
    }
    tools.hidden = picked === null;
    el.classList.toggle("editing", editing);
    part?.point(model.get("hovered"));
    update();
  }

  const update = once(() => {
    const picked = model.get("picked") ?? hands.dropped();
    head.update(picked);
    refresh();
    effect.update(picked !== null && picked.layer > 0 && hands.isOpen());
  });

  function refresh() {
    const place = showing;
    const forward = model.get("forward");
    const parameters = model.get("parameters");
    const run = model.get("run");
    const ready = run && forward && parameters && forward.as.length === run.sizes.length - 1 && parameters.weights.length === run.sizes.length - 1;
    if (!ready) return;
    // In full, for programs that read the page.
    const values = place && place.layer > 0 ? { layer: place.layer, neuron: place.neuron, z: forward.zs[place.layer - 1][place.neuron], a: forward.as[place.layer - 1][place.neuron], bias: parameters.biases[place.layer - 1][place.neuron] } : {};
    for (const name of ["layer", "neuron", "z", "a", "bias"]) {
      const value = /** @type {Record<string, number>} */ (values)[name];
      if (value === undefined) delete el.dataset[name];
      else el.dataset[name] = String(value);
    }
    part?.update();
  }

  const off = [
    model.on("change:run", choose),
    model.on("change:picked", choose),
    model.on("change:hovered", choose),
    model.on("change:forward", update),
    model.on("change:parameters", update),
    model.on("change:look", update),
    hands.on(choose),
    link(el),
  ];
  body.addEventListener("pointerleave", () => {
    if (model.get("hovered")) model.set("hovered", null);
    else choose();
  });
  choose();

  return () => {
    update.cancel();
    for (const each of off) each();
    for (const each of [part, effect, head]) each?.close?.();
  };
}
