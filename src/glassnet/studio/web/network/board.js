// The neurons as real buttons: lit by their activation, named for those who listen, reached by the arrow keys.

import { h, write } from "../core/dom.js";
import { count, number, plain } from "../core/format.js";
import { activationName, outputName } from "../core/names.js";
import { t } from "../core/words.js";
import { isMuted } from "../hands/hands.js";
import { fullOf, shade } from "./shade.js";

/** @typedef {import("../core/model.js").Model} Model */
/** @typedef {import("./layout.js").Column} Column */
/** @typedef {{layer: number, neuron: number}} Place */

/**
 * @typedef {object} Light One neuron on the board.
 * @property {HTMLButtonElement} button
 * @property {HTMLElement} dot
 * @property {HTMLElement|null} value its number, where there is room for one
 * @property {HTMLElement|null} sure an output's number, beside its name
 * @property {string} color as last set, so that nothing is set twice
 */

/** More neurons than this are told to programs only as often as to listeners. */
const MANY = 200;

/** The name of any neuron, for headings and for listeners. */
export function neuronName(/** @type {import("../core/types.js").Run} */ run, /** @type {Place} */ { layer, neuron }) {
  const last = run.sizes.length - 1;
  if (layer === last) return t("network.name.output", { name: outputName(run, neuron) });
  if (layer > 0) return t("network.name.neuron", { layer, neuron });
  return run.side
    ? t("network.name.pixel", { row: Math.floor(neuron / run.side), column: neuron % run.side })
    : t("network.name.input", { neuron });
}

/**
 * @param {Model} model
 * @param {object} acts
 * @param {(layer: number) => void} acts.fold opens or closes a layer
 * @param {() => boolean} acts.toPicture moves the focus to the picture, if there is one
 */
export function neuronBoard(model, { fold, toPicture }) {
  const el = h("div", { class: "neurons" });
  /** @type {{column: Column, lights: Light[]}[]} */
  let columns = [];
  /** @type {Place|null} which of all can be reached by Tab */
  let roving = null;
  /** The weights by which it was last looked who is muted. */
  let heard = -1;

  /** @param {Element|null} target @returns {Place|null} */
  const placeOf = (target) => {
    const button = /** @type {HTMLElement|null} */ (target?.closest(".neuron") ?? null);
    return button ? { layer: Number(button.dataset.layer), neuron: Number(button.dataset.neuron) } : null;
  };
  /** @param {Place} place */
  const find = ({ layer, neuron }) => {
    const each = columns.find(({ column }) => column.layer === layer);
    const index = each ? each.column.shown.indexOf(neuron) : -1;
    return each && index >= 0 ? { ...each, index, light: each.lights[index] } : null;
  };

  el.addEventListener("pointerover", (event) => {
    const place = placeOf(/** @type {Element} */ (event.target));
    if (place) model.set("hovered", place);
  });
  el.addEventListener("pointerout", (event) => {
    if (!placeOf(/** @type {Element|null} */ (event.relatedTarget))) {
      const focused = el.contains(document.activeElement) && document.activeElement?.matches(":focus-visible");
      model.set("hovered", focused ? placeOf(document.activeElement) : null);
    }
  });
  el.addEventListener("focusin", (event) => {
    const place = placeOf(/** @type {Element} */ (event.target));
    if (!place) return;
    rove(place);
    relabel(place);
    if (/** @type {Element} */ (event.target).matches(":focus-visible")) model.set("hovered", place);
  });
  el.addEventListener("focusout", (event) => {
    if (placeOf(/** @type {Element} */ (event.target)) && !placeOf(/** @type {Element|null} */ (event.relatedTarget))) model.set("hovered", null);
  });
  el.addEventListener("click", (event) => {
    const place = placeOf(/** @type {Element} */ (event.target));
    if (!place) return;
    const picked = model.get("picked");
    const same = picked && picked.layer === place.layer && picked.neuron === place.neuron;
    model.set("picked", same ? null : place);
  });
  el.addEventListener("keydown", (event) => {
    const place = placeOf(/** @type {Element} */ (event.target));
    const found = place && find(place);
    if (!found) return;
    const { column, index } = found;
    /** @param {number} to */
    const within = (to) => focus({ layer: column.layer, neuron: column.shown[Math.max(0, Math.min(column.shown.length - 1, to))] });
    /** @param {number} to */
    const across = (to) => {
      const other = columns.find((each) => each.column.layer === to);
      if (other) focus({ layer: to, neuron: other.column.shown[nearest(other.column, column.ys[index])] });
      else if (to === 0) toPicture();
    };
    if (event.key === "ArrowUp") within(index - 1);
    else if (event.key === "ArrowDown") within(index + 1);
    else if (event.key === "Home") within(0);
    else if (event.key === "End") within(column.shown.length - 1);
    else if (event.key === "ArrowLeft") across(column.layer - 1);
    else if (event.key === "ArrowRight") across(column.layer + 1);
    else return;
    event.preventDefault();
  });

  /** @param {Place} place */
  function rove(place) {
    if (roving) find(roving)?.light.button.setAttribute("tabindex", "-1");
    roving = place;
    find(place)?.light.button.setAttribute("tabindex", "0");
  }

  /** @param {Place} place */
  function focus(place) {
    rove(place);
    const button = find(place)?.light.button;
    button?.focus();
    // Keys bring the focus, whatever brought the person here before.
    model.set("hovered", place);
  }

  /** @param {Place} place */
  function relabel(place) {
    const run = model.get("run");
    const forward = model.get("forward");
    const parameters = model.get("parameters");
    const found = find(place);
    if (!run || !found) return;
    const { layer, neuron } = place;
    const name = neuronName(run, place);
    const button = found.light.button;
    if (!forward) {
      button.setAttribute("aria-label", name);
      return;
    }
    if (layer === 0) {
      button.setAttribute("aria-label", t("network.label.input", { name, value: number(forward.input[neuron], 2) }));
      return;
    }
    const values = {
      name,
      activation: number(forward.as[layer - 1][neuron], 2),
      sum: number(forward.zs[layer - 1][neuron], 2),
      bias: number(parameters?.biases[layer - 1][neuron], 2),
    };
    const last = layer === run.sizes.length - 1;
    const look = model.get("look");
    const parts = [t("network.label", values)];
    if (!last && isMuted(parameters, run.sizes, place)) parts.push(t("hands.muted"));
    if (last && look?.answer === neuron) parts.push(t("network.label.answer"));
    if (last && look?.label === neuron) parts.push(t("network.label.truth"));
    button.setAttribute("aria-label", parts.join(t("network.label.and")));
  }

  return {
    el,
    focus,
    /** Where the arrow keys come in from the picture. */
    enter: () => focus(roving && roving.layer === 1 && find(roving) ? roving : { layer: 1, neuron: 0 }),

    /** @param {import("./layout.js").Layout} board */
    build(board) {
      const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
      const last = run.sizes.length - 1;
      const had = placeOf(document.activeElement);
      heard = -1;
      columns = board.columns.map((column) => {
        const lights = Array.from(column.shown, (neuron, i) => light(run, column, neuron, i, board));
        return { column, lights };
      });
      el.replaceChildren(
        ...columns.map(({ column, lights }) => {
          const label = column.layer === last ? t("network.group.output", { size: column.size }) : column.layer ? t("network.group", { layer: column.layer, size: column.size }) : t("network.group.input", { size: column.size });
          return h("div", { class: column.layer === last ? "layer outputs" : "layer", role: "group", "aria-label": label, "data-layer": column.layer }, lights.map(({ button }) => button), folding(column));
        }),
        ...columns.map(({ column }) => caption(run, column, board)).filter((each) => each !== null),
      );
      const again = roving && find(roving) ? roving : { layer: columns[0].column.layer, neuron: 0 };
      roving = null;
      rove(again);
      if (had && find(had)) find(had)?.light.button.focus();
    },

    /**
     * Lights every neuron by its activation.
     * @param {number|null} stage how far the propagation has come, as in the model
     */
    update(stage) {
      const run = model.get("run");
      const forward = model.get("forward");
      if (!run || !forward) return;
      const look = model.get("look");
      const last = run.sizes.length - 1;
      const parameters = model.get("parameters");
      const changed = parameters !== null && parameters.version !== heard;
      if (changed) heard = parameters.version;
      for (const { column, lights } of columns) {
        const { layer, shown } = column;
        if (changed && layer > 0 && layer < last) {
          for (let i = 0; i < shown.length; i++) lights[i].button.classList.toggle("muted", isMuted(parameters, run.sizes, { layer, neuron: shown[i] }));
        }
        const as = layer ? forward.as[layer - 1] : forward.input;
        const zs = layer ? forward.zs[layer - 1] : null;
        const full = layer ? fullOf(run.activations[layer - 1], as) : fullOf("", as);
        const dark = stage !== null && layer > 0 && stage < 2 * layer - 1;
        const summed = stage !== null && stage === 2 * layer - 1;
        const fresh = stage !== null && layer > 0 && stage === 2 * layer;
        for (let i = 0; i < shown.length; i++) {
          const light = lights[i];
          const a = as[shown[i]];
          const color = dark || summed ? shade(0) : shade(a / full);
          if (color !== light.color) light.dot.style.backgroundColor = light.color = color;
          if (shown.length <= MANY) light.button.dataset.activation = String(a);
          if (light.value) write(light.value, summed && zs ? brief(zs[shown[i]]) : fresh || !layer ? plain(a) : "");
          if (light.sure) write(light.sure, dark ? "" : summed && zs ? brief(zs[shown[i]]) : plain(a));
          light.button.classList.toggle("summed", summed);
          if (layer === last) {
            light.button.classList.toggle("answer", !dark && !summed && look?.answer === shown[i]);
            light.button.classList.toggle("truth", !dark && !summed && look?.label === shown[i]);
          }
        }
      }
    },

    /** The words for those who listen, and the numbers for programs, of all neurons. */
    relabel() {
      const forward = model.get("forward");
      for (const { column } of columns) {
        for (const neuron of column.shown) relabel({ layer: column.layer, neuron });
        if (forward && column.shown.length > MANY) {
          const as = column.layer ? forward.as[column.layer - 1] : forward.input;
          const { lights } = /** @type {{lights: Light[]}} */ (columns.find((each) => each.column === column));
          column.shown.forEach((neuron, i) => (lights[i].button.dataset.activation = String(as[neuron])));
        }
      }
    },

    /** Marks what is picked and what is pointed at. */
    mark() {
      const picked = model.get("picked");
      const hovered = model.get("hovered");
      const same = (/** @type {Place|null} */ place, /** @type {Column} */ column, /** @type {number} */ neuron) =>
        place !== null && place.layer === column.layer && place.neuron === neuron;
      for (const { column, lights } of columns) {
        lights.forEach(({ button }, i) => {
          const isPicked = same(picked, column, column.shown[i]);
          if ((button.getAttribute("aria-pressed") === "true") !== isPicked) button.setAttribute("aria-pressed", String(isPicked));
          button.classList.toggle("hovered", same(hovered, column, column.shown[i]));
        });
      }
    },

    /** @param {number|null} layer whose neurons are lit as a part of somebody's formula */
    partOf(layer) {
      for (const group of el.querySelectorAll(".layer")) group.classList.toggle("part", Number(/** @type {HTMLElement} */ (group).dataset.layer) === layer);
    },
  };

  /**
   * @param {import("../core/types.js").Run} run
   * @param {Column} column
   * @param {number} neuron
   * @param {number} i
   * @param {import("./layout.js").Layout} board
   * @returns {Light}
   */
  function light(run, column, neuron, i, board) {
    const { layer, radius, pitch } = column;
    const output = layer === run.sizes.length - 1;
    const dot = h("i", { class: "dot" });
    const next = board.columns[board.columns.indexOf(column) + 1];
    const roomy = pitch >= LEGIBLE && !column.open && next !== undefined && next.x - next.width / 2 - column.x - radius > 44;
    const value = roomy ? h("span", { class: "value figures", "aria-hidden": "true" }) : null;
    const sure = output && pitch >= LEGIBLE ? h("span", { class: "sure figures" }) : null;
    const name = output && pitch >= LEGIBLE ? h("span", { class: outputName(run, neuron).length > 3 ? "name long" : "name" }, outputName(run, neuron)) : null;
    const truth = name && !board.small ? h("span", { class: "label" }, t("network.truth")) : null;
    const button = h("button", { class: "neuron", type: "button", tabindex: "-1", "aria-pressed": "false", "data-layer": layer, "data-neuron": neuron }, dot, value, name, sure, truth);
    // The button is larger than its circle, so that it can be hit.
    const half = Math.min(pitch / 2, Math.max(radius + 2, 18));
    const wide = column.open ? pitch / 2 : Math.max(half, Math.min(18, radius + 4));
    Object.assign(button.style, {
      left: `${column.xs[i] - wide}px`,
      top: `${column.ys[i] - half}px`,
      width: `${output ? board.width - column.xs[i] + wide : 2 * wide}px`,
      height: `${2 * half}px`,
    });
    button.style.setProperty("--middle", `${wide}px`);
    button.style.setProperty("--radius", `${radius}px`);
    return { button, dot, value, sure, color: "" };
  }

  /** @param {Column} column */
  function folding(column) {
    if (!column.fold) return null;
    const text = column.open ? t("network.fold") : t("network.unfold", { count: count(column.folded) });
    const button = h("button", { class: "fold", type: "button", "aria-expanded": String(column.open), onclick: () => fold(column.layer) }, column.open ? null : h("span", { "aria-hidden": "true" }, "⋮"), text);
    Object.assign(button.style, { left: `${column.fold.x}px`, top: `${column.fold.y}px` });
    return button;
  }

  /**
   * @param {import("../core/types.js").Run} run
   * @param {Column} column
   * @param {import("./layout.js").Layout} board
   */
  function caption(run, column, board) {
    const gap = board.columns.length > 1 ? Math.abs(board.columns[1].x - board.columns[0].x) : board.width / 3;
    if (gap < 24) return null;
    const name = column.layer && !board.small && gap >= 64 ? activationName(run.activations[column.layer - 1]) : null;
    const el = h("p", { class: "caption figures" }, count(column.size), name ? ` ${name}` : null);
    Object.assign(el.style, { left: `${column.x - gap / 2}px`, width: `${gap}px`, bottom: "4px" });
    return el;
  }
}

/** Circles nearer to each other than this have no room for numbers between them. */
const LEGIBLE = 13;

/** @param {number} value in three digits: there is room for no more between two layers */
const brief = (value) => plain(value, Math.abs(value) < 9.995 ? 2 : 1);

/** @param {Column} column @param {number} y */
function nearest(column, y) {
  let best = 0;
  column.ys.forEach((each, i) => {
    if (Math.abs(each - y) < Math.abs(column.ys[best] - y)) best = i;
  });
  return best;
}
