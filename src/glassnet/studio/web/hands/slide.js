// A slider for a number of the network, and a field for the same number exactly. The slider's range grows when one comes to its end.

import { h } from "../core/dom.js";
import { number, short } from "../core/format.js";
import { t } from "../core/words.js";
import { typed } from "../learning/fields.js";
import { roundUp } from "./brush.js";

/** Milliseconds without a key after which the next one is another movement. */
const PAUSE = 800;

/** As many digits as the field has room for; what was typed goes out as it was typed. @param {number} value */
const written = (value) => short(Math.abs(value) < 1e-3 ? Number(value.toPrecision(3)) : Number(Number(value.toPrecision(5)).toFixed(5)));

/**
 * @param {object} options
 * @param {import("./hands.js").Hands} options.hands
 * @param {string} options.label
 * @param {string} options.name for tests
 * @param {(value: number) => import("./hands.js").Edit} options.edit
 * @param {(text: string) => void} options.complain
 */
export function slide({ hands, label, name, edit, complain }) {
  let truth = 0;
  let end = 0;
  let held = false;
  let touched = false;
  let last = -Infinity;
  const range = h("input", { type: "range", step: "any", "aria-label": label, "data-hands": name });
  const field = h("input", { type: "text", inputmode: "decimal", autocomplete: "off", spellcheck: "false", class: "figures", "aria-label": t("hands.exact", { what: label }), "data-hands": `${name}-field` });
  const origin = h("i", { class: "origin", hidden: true, title: t("hands.origin") });
  const mover = hands.mover(edit);
  const element = h("div", { class: "slide" }, h("div", { class: "way" }, origin, range), field);

  /** @param {number} least so much must have room */
  function grow(least) {
    const wanted = roundUp(Math.max(least, 1e-6));
    if (wanted <= end) return;
    end = wanted;
    range.min = String(-end);
    range.max = String(end);
  }
  /** @param {number} value @param {boolean} [alsoRange] */
  function draw(value, alsoRange = true) {
    if (Math.abs(value) > end) grow(Math.abs(value) * 1.2);
    if (alsoRange) range.value = String(value);
    range.setAttribute("aria-valuetext", number(value, 3));
    range.classList.toggle("minus", value < 0);
    if (!touched) {
      const text = written(value);
      if (field.value !== text) field.value = text;
    }
  }
  /** @param {number} value as the network has it */
  function show(value) {
    truth = value;
    if (held || mover.ahead()) return;
    draw(value);
  }

  range.addEventListener("pointerdown", () => {
    held = true;
    mover.begin();
  });
  range.addEventListener("input", () => {
    if (!held && performance.now() - last > PAUSE) mover.begin();
    last = performance.now();
    draw(range.valueAsNumber, false);
    void mover.move(range.valueAsNumber);
  });
  // Where the end was reached there is twice as much room for the next movement.
  range.addEventListener("change", () => {
    if (Math.abs(range.valueAsNumber) > 0.985 * end) {
      const value = range.valueAsNumber;
      grow(end * 1.5);
      range.value = String(value);
    }
  });
  for (const each of ["pointerup", "pointercancel", "blur"]) {
    range.addEventListener(each, () => {
      held = false;
      show(truth);
    });
  }

  const fresh = () => {
    touched = false;
    field.value = written(truth);
  };
  const commit = () => {
    if (!touched) return;
    const value = typed(field.value);
    if (!Number.isFinite(value)) {
      complain(t("hands.notnumber", { text: field.value.trim() }));
      fresh();
      return;
    }
    complain("");
    touched = false;
    if (Math.fround(value) === truth || field.value === written(truth)) return fresh();
    mover.begin();
    draw(value);
    void mover.move(value);
  };
  field.addEventListener("input", () => (touched = true));
  field.addEventListener("change", commit);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      commit();
    } else if (event.key === "Escape" && touched) {
      event.stopPropagation();
      fresh();
    }
  });

  return {
    element,
    range,
    field,
    grow,
    show,
    /** @param {number|null} value how it was before the hand came */
    mark(value) {
      origin.hidden = value === null || Math.abs(value) > end || Math.fround(value) === Math.fround(range.valueAsNumber);
      // The middle of the knob runs from half its width to half its width before the end.
      if (value !== null && end) origin.style.left = `calc(0.6rem + (100% - 1.2rem) * ${0.5 + (0.5 * value) / end})`;
    },
  };
}
