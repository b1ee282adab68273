// Before a race: one of those that show something, or one of one's own; and what all lanes have in common.

import { h, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { count } from "../core/format.js";
import { activationName, called, kindOf } from "../core/names.js";
import { swatch } from "../learning/charts.js";
import { typed } from "../learning/fields.js";
import { parameters } from "../learning/restart.js";
import { t } from "../core/words.js";
import { LOOKS } from "./curves.js";
import { asked, laneOf, ownDraft, presetDraft, PRESETS } from "./presets.js";

/** @typedef {import("./presets.js").Draft} Draft */
/** @typedef {import("./presets.js").Lane} Lane */

const MOST = 4;
/** Minibatches a second at the start: an epoch of MNIST in ten seconds. */
const SPEED = 500;

/** What was put together last: it outlives another page, and another language. @type {Draft|null} */
let draft = null;

/**
 * @param {import("../core/model.js").Model} model
 */
export function setup(model) {
  const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
  const labeled = run.classes !== null;
  if (!draft || (!labeled && draft.preset !== "own")) choose(labeled ? PRESETS[0] : "own", "0");
  /** Whether one is being begun. The button stays enabled meanwhile: disabled, it would lose the focus. */
  let busy = false;
  const element = h("form", { class: "setup", onsubmit: begin });
  const lanes = h("div", { class: "drafts" });
  const wrong = h("p", { class: "sentence wrong", role: "alert" });
  const start = h("button", { class: "primary", type: "submit" }, t("race.begin"));
  const add = h("button", { class: "quiet add", type: "button", onclick: another }, t("race.add"));

  /** @param {string} preset @param {string} seed */
  function choose(preset, seed) {
    const known = PRESETS.find((each) => each === preset);
    draft = known ? presetDraft(known, seed) : ownDraft(run, seed);
  }

  const choices = h(
    "fieldset",
    { class: "presets" },
    h("legend", { class: "aside" }, t("race.which")),
    [...(labeled ? PRESETS : []), "own"].map((each) => {
      const input = h("input", { type: "radio", name: "race-preset", value: each, checked: draft?.preset === each });
      input.addEventListener("change", () => {
        choose(each, draft?.seed ?? "0");
        show();
      });
      return h("label", { class: "preset" }, input, h("span", {}, h("b", {}, t(`race.preset.${each}`)), h("span", { class: "muted small" }, t(`race.preset.${each}.about`))));
    }),
  );

  /** @param {"seed"|"batch"|"epochs"} key @param {string} label */
  const shared = (key, label) => {
    const input = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", "data-race": key });
    input.addEventListener("input", () => {
      if (draft) draft[key] = input.value;
      write(wrong, "");
    });
    return { key, input, label, element: h("label", { class: "field" }, h("span", {}, label), input) };
  };
  const all = [shared("seed", t("learning.new.seed")), shared("batch", t("learning.setting.batch_size")), shared("epochs", t("learning.setting.epochs"))];

  /**
   * @param {string} label
   * @param {HTMLElement} input
   */
  const field = (label, input) => h("label", { class: "field" }, h("span", {}, label), input);

  /**
   * @param {string} label @param {string[]} offered @param {string} value @param {(name: string) => string} words
   * @param {string} name for tests
   * @param {(value: string) => void} change
   */
  function choice(label, offered, value, words, name, change) {
    const names = offered.includes(value) ? offered : [value, ...offered];
    const element = h("select", { "data-lane": name }, names.map((each) => h("option", { value: each, selected: each === value }, words(each))));
    element.addEventListener("change", () => {
      change(element.value);
      write(wrong, "");
    });
    return field(label, element);
  }

  /** @param {string} label @param {string} value @param {string} name @param {(value: string) => void} change @param {string} [mode] */
  function text(label, value, name, change, mode = "text") {
    const input = h("input", { type: "text", inputmode: mode, autocomplete: "off", value, "data-lane": name, spellcheck: "false" });
    input.addEventListener("input", () => {
      change(input.value);
      write(wrong, "");
    });
    return field(label, input);
  }

  /** @param {Lane} lane @param {number} number */
  function card(lane, number) {
    const { choices } = run;
    const total = h("p", { class: "muted small figures" });
    const tell = () => {
      const good = lane.hidden.every((size) => Number.isInteger(size) && size > 0);
      const sizes = [run.sizes[0], ...lane.hidden, run.sizes[run.sizes.length - 1]];
      write(total, good ? `${sizes.join("–")} · ${t("learning.new.count", { count: count(parameters(sizes)) })}` : "–");
    };
    const hidden = choices.activations.filter((each) => each !== "softmax");
    const mixed = lane.activation === "";
    const activation = choice(t("race.field.activation"), mixed ? ["", ...hidden] : hidden, lane.activation, (name) => (name ? activationName(name) + name.slice(kindOf(name).length) : t("race.field.mixed")), "activation", (value) => (lane.activation = value));
    activation.hidden = !lane.hidden.length;
    tell();
    return h(
      "fieldset",
      { class: "draft", "data-draft": number },
      h("legend", {}, swatch(LOOKS[number].style, LOOKS[number].color), t("race.lane", { number: number + 1 })),
      text(t("race.field.name"), lane.name, "name", (value) => (lane.name = value)),
      text(t("race.field.hidden"), lane.text, "hidden", (value) => {
        lane.text = value;
        lane.hidden = value.trim() ? value.trim().split(/[\s,，、;–-]+/).map((each) => typed(each) || 0) : [];
        activation.hidden = !lane.hidden.length;
        tell();
      }),
      total,
      activation,
      choice(t("learning.new.initializer"), choices.initializers, lane.initializer, called, "initializer", (value) => (lane.initializer = value)),
      choice(t("learning.new.cost"), choices.costs, lane.cost, called, "cost", (value) => {
        lane.cost = value;
        const fitting = choices.outputs[value] ?? [];
        // Softmax is what cross-entropy is for; otherwise the first that fits.
        if (!fitting.includes(kindOf(lane.output))) lane.output = value === "cross_entropy" ? "softmax" : fitting[0];
        show(`[data-draft="${number}"] [data-lane=cost]`);
      }),
      choice(t("learning.new.output"), choices.outputs[lane.cost] ?? [], lane.output, activationName, "output", (value) => (lane.output = value)),
      choice(t("learning.setting.optimizer"), Object.keys(choices.optimizers), lane.optimizer, called, "optimizer", (value) => (lane.optimizer = value)),
      text(t("learning.setting.learning_rate"), lane.rate, "learning_rate", (value) => (lane.rate = value), "decimal"),
      (draft?.lanes.length ?? 0) > 2
        ? h("button", { class: "quiet small remove", type: "button", "aria-label": t("race.remove.long", { name: lane.name }), onclick: () => (draft?.lanes.splice(number, 1), show(".add")) }, t("race.remove"))
        : null,
    );
  }

  /** A preset's lanes in words: what differs, and no field until one asks for them. */
  const opened = h("details", { class: "more" });
  const title = h("summary", {}, t("race.change"));
  opened.addEventListener("toggle", () => {
    if (opened.open && !lanes.firstChild) show();
  });

  /** @param {Lane} lane @param {number} number */
  function line(lane, number) {
    const words = [
      [run.sizes[0], ...lane.hidden, run.sizes[run.sizes.length - 1]].join("–"),
      lane.hidden.length && lane.activation ? activationName(lane.activation) : null,
      called(lane.initializer),
      `${activationName(lane.output)} · ${called(lane.cost)}`,
      `${called(lane.optimizer)}\u00a0${lane.rate}`,
    ];
    return h("li", {}, swatch(LOOKS[number].style, LOOKS[number].color), h("b", {}, lane.name), h("span", { class: "muted figures" }, words.filter(Boolean).join(" · ")));
  }
  const summary = h("ol", { class: "lines" });

  /** @param {string} [focus] what is to have the focus afterwards */
  function show(focus) {
    if (!draft) return;
    write(wrong, "");
    const own = draft.preset === "own";
    summary.replaceChildren(...draft.lanes.map(line));
    summary.hidden = own;
    if (own) opened.open = true;
    title.hidden = own;
    const open = opened.open;
    lanes.replaceChildren(...(open ? draft.lanes.map(card) : []));
    lanes.dataset.lanes = String(draft.lanes.length);
    add.hidden = !open || draft.lanes.length >= MOST;
    for (const { key, input } of all) if (input.value !== draft[key]) input.value = draft[key];
    if (focus) /** @type {HTMLElement|null} */ (element.querySelector(focus))?.focus();
  }

  function another() {
    if (!draft) return;
    const number = draft.lanes.length;
    const last = draft.lanes[number - 1];
    draft.lanes.push({ ...(draft.preset === "own" ? laneOf(run, number + 1) : last), name: t("race.lane", { number: number + 1 }) });
    show(`[data-draft="${number}"] [data-lane=name]`);
  }

  /** @param {Event} event */
  async function begin(event) {
    event.preventDefault();
    if (!draft) return;
    write(wrong, "");
    for (const { key, input, label } of all) {
      if (!Number.isInteger(typed(draft[key]))) return refuse(`${label}: ${t("learning.notnumber", { text: draft[key] })}`, input);
    }
    for (const [number, lane] of draft.lanes.entries()) {
      const rate = typed(lane.rate);
      const bad = Number.isNaN(rate) ? "learning_rate" : lane.hidden.every((size) => Number.isInteger(size) && size > 0) ? null : "hidden";
      if (bad) {
        opened.open = true;
        show();
        const place = /** @type {HTMLElement|null} */ (element.querySelector(`[data-draft="${number}"] [data-lane=${bad}]`));
        return refuse(`${lane.name}: ${t("learning.notnumber", { text: bad === "hidden" ? lane.text : lane.rate })}`, place);
      }
    }
    const message = {
      do: "race",
      what: "begin",
      lanes: draft.lanes.map((lane) => asked({ ...lane, rate: String(typed(lane.rate)) }, run)),
      seed: typed(draft.seed),
      batch_size: typed(draft.batch),
      epochs: typed(draft.epochs),
      value: SPEED,
    };
    if (busy) return;
    busy = true;
    write(start, t("race.beginning"));
    try {
      await model.send(message);
      await model.send({ do: "race", what: "play" });
    } catch (error) {
      refuse(sentence(error), null);
    } finally {
      busy = false;
      write(start, t("race.begin"));
    }
  }

  /** @param {string} words @param {HTMLElement|null} place */
  function refuse(words, place) {
    write(wrong, words);
    place?.focus();
  }

  opened.append(title, lanes, add);
  element.append(
    choices,
    h("div", { class: "chosen" }, summary, opened, h("p", { class: "muted small" }, t("race.shared")), h("div", { class: "shared" }, all.map(({ element }) => element), start), wrong),
  );
  show();
  return { element, close() {} };
}
