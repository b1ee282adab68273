// Fields that follow what the server says, and never take away what somebody is typing.

import { h, svg, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { short } from "../core/format.js";
import { t } from "../core/words.js";
import { round } from "./transport.js";

/**
 * @template T
 * @typedef {object} Field
 * @property {HTMLElement} element
 * @property {(value: T) => void} show what is true now
 * @property {(visible: boolean) => void} exist
 */

let made = 0;

/**
 * The number that somebody typed: a comma is a point, a true minus sign is a minus.
 * @param {string} text
 */
export const typed = (text) => (text.trim() === "" ? Number.NaN : Number(text.trim().replace(",", ".").replace(/−/g, "-")));

/**
 * A number. Enter, or leaving the field, applies it; Escape gives it up. Refused, it is again what is true.
 * @param {object} options
 * @param {string} options.label
 * @param {(value: any) => Promise<unknown>} options.apply rejects with a sentence
 * @param {string} [options.hint] what it does, in a few words
 * @param {string} [options.empty] what an empty field means; without it, one must not be empty
 * @param {boolean} [options.steps] buttons to the next lower and higher round number
 * @param {(text: string) => void} [options.complain] says what is wrong, instead of a line under the field
 * @param {string} [options.name] for tests
 * @returns {Field<number|null> & {input: HTMLInputElement}}
 */
export function numberField({ label, apply, hint, empty, steps = false, name, complain: elsewhere }) {
  const id = `field-${++made}`;
  /** @type {number|null} */
  let truth = null;
  let touched = false;
  /** How many values are on their way: until their answers have come, what is true is older than what is shown. */
  let sending = 0;
  const wrong = h("span", { class: "sentence wrong small", id: `${id}-wrong`, role: "alert" });
  const input = h("input", {
    id,
    type: "text",
    inputmode: "decimal",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: empty ?? null,
    "data-setting": name ?? null,
    "aria-describedby": elsewhere ? null : `${id}-wrong`,
  });

  const fresh = () => {
    input.value = truth === null || truth === undefined ? "" : short(truth);
    touched = false;
  };
  /** @param {number|null} value */
  const send = async (value) => {
    touched = false;
    sending++;
    try {
      await apply(value);
      truth = value;
      complain("");
    } catch (error) {
      complain(sentence(error));
    }
    sending--;
    // Somebody may type again already.
    if (!touched) fresh();
  };
  /** @param {string} text */
  const complain = (text) => {
    if (elsewhere) elsewhere(text);
    else write(wrong, text);
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  const commit = () => {
    if (!touched) return;
    const text = input.value.trim();
    const value = text === "" && empty !== undefined ? null : typed(text);
    if (value !== null && Number.isNaN(value)) {
      complain(t("learning.notnumber", { text }));
      fresh();
    } else if (value === truth) {
      complain("");
      fresh();
    } else {
      void send(value);
    }
  };
  input.addEventListener("input", () => (touched = true));
  input.addEventListener("change", commit);
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") {
      event.preventDefault();
      commit();
    } else if (event.key === "Escape" && touched) {
      event.stopPropagation();
      fresh();
    } else if (steps && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      stepTo(event.key === "ArrowUp" ? 1 : -1);
    }
  });

  /** @param {1|-1} way */
  const stepTo = (way) => {
    const from = touched ? typed(input.value) : (truth ?? Number.NaN);
    if (from > 0) void send(round(from, way));
  };
  /** @param {1|-1} way */
  const stepper = (way) =>
    h(
      "button",
      {
        class: "stepper",
        type: "button",
        "aria-label": t(way > 0 ? "learning.raise" : "learning.lower", { what: label }),
        onclick: () => stepTo(way),
      },
      way > 0 ? plus() : minus(),
    );
  const control = steps ? h("div", { class: "stepped" }, stepper(-1), input, stepper(1)) : input;
  const element = h("div", { class: "field" }, h("label", { for: id }, label), control, hint ? h("span", { class: "hint" }, hint) : null, elsewhere ? null : wrong);

  return {
    element,
    input,
    show(value) {
      // What was wrong is told until something is put right, here or elsewhere.
      if (!elsewhere) complain("");
      truth = value;
      if (!touched && !sending) {
        const text = value === null || value === undefined ? "" : short(value);
        if (input.value !== text) input.value = text;
      }
    },
    exist(visible) {
      element.hidden = !visible;
    },
  };
}

/**
 * A choice among names. It is applied at once; refused, it is again what is true.
 * @param {object} options
 * @param {string} options.label
 * @param {string[]} options.choices
 * @param {(name: string) => string} options.called
 * @param {(value: string) => Promise<unknown>} options.apply
 * @param {string} [options.hint]
 * @param {string} [options.name] for tests
 * @returns {Field<string> & {select: HTMLSelectElement, offer: (choices: string[]) => void}}
 */
export function choiceField({ label, choices, called, apply, hint, name }) {
  const id = `field-${++made}`;
  let truth = choices[0];
  const wrong = h("span", { class: "sentence wrong small", id: `${id}-wrong`, role: "alert" });
  const select = h("select", { id, "aria-describedby": `${id}-wrong`, "data-setting": name ?? null });
  let offered = "";
  /** @param {string[]} names */
  const offer = (names) => {
    if (offered === names.join(" ")) return;
    offered = names.join(" ");
    select.replaceChildren(...names.map((each) => h("option", { value: each }, called(each))));
    select.value = truth;
  };
  offer(choices);
  select.addEventListener("change", async () => {
    const value = select.value;
    if (await taken(apply, value, wrong)) truth = value;
    else select.value = truth;
  });
  return {
    element: h("div", { class: "field" }, h("label", { for: id }, label), select, hint ? h("span", { class: "hint" }, hint) : null, wrong),
    select,
    offer,
    show(value) {
      write(wrong, "");
      if (truth === value && select.value === value) return;
      truth = value;
      if (document.activeElement !== select || select.value !== value) select.value = value;
    },
    exist(visible) {
      /** @type {HTMLElement} */ (select.parentElement).hidden = !visible;
    },
  };
}

/**
 * A yes or no.
 * @param {object} options
 * @param {string} options.label
 * @param {(value: boolean) => Promise<unknown>} options.apply
 * @param {string} [options.name]
 * @returns {Field<boolean>}
 */
export function switchField({ label, apply, name }) {
  let truth = false;
  const wrong = h("span", { class: "sentence wrong small", role: "alert" });
  const input = h("input", { type: "checkbox", "data-setting": name ?? null });
  input.addEventListener("change", async () => {
    const value = input.checked;
    if (await taken(apply, value, wrong)) truth = value;
    else input.checked = truth;
  });
  const element = h("div", { class: "field" }, h("label", { class: "switch" }, input, h("span", {}, label)), wrong);
  return {
    element,
    show(value) {
      write(wrong, "");
      truth = value;
      input.checked = value;
    },
    exist(visible) {
      element.hidden = !visible;
    },
  };
}

// ── Small pictures on buttons; the words beside them say the same ──────────────────────────────────────────────────────

/** @param {string} d @param {boolean} [stroke] */
const picture = (d, stroke = false) =>
  svg(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true", focusable: "false" },
    svg("path", stroke ? { d, fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round" } : { d, fill: "currentColor" }),
  );

export const icons = {
  play: () => picture("M3.5 1.8 13.5 8 3.5 14.2Z"),
  pause: () => picture("M3 2h3.6v12H3zM9.4 2H13v12H9.4z"),
  minibatch: () => picture("M2.5 2.5 9.5 8 2.5 13.5ZM11 2.5h2.5v11H11z"),
  epoch: () => picture("M.5 2.8 6.2 8 .5 13.2ZM6.2 2.8 11.9 8 6.2 13.2ZM12.6 2.8H15v10.4h-2.4z"),
  // The same, mirrored: back.
  minibatchBack: () => picture("M13.5 2.5 6.5 8 13.5 13.5ZM5 2.5H2.5v11H5z"),
  epochBack: () => picture("M15.5 2.8 9.8 8 15.5 13.2ZM9.8 2.8 4.1 8 9.8 13.2ZM3.4 2.8H1v10.4h2.4z"),
};
const plus = () => picture("M8 3.5v9M3.5 8h9", true);
const minus = () => picture("M3.5 8h9", true);

/**
 * Whether a value was taken; what is wrong with it is said where it was chosen.
 * @template T
 * @param {(value: T) => Promise<unknown>} apply
 * @param {T} value
 * @param {HTMLElement} wrong
 */
async function taken(apply, value, wrong) {
  try {
    await apply(value);
    write(wrong, "");
    return true;
  } catch (error) {
    write(wrong, sentence(error));
    return false;
  }
}
