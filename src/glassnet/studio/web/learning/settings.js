// The settings that change while it runs. They follow the run: another tab may change them too.

import { h, write } from "../core/dom.js";
import { short } from "../core/format.js";
import { latest } from "../core/latest.js";
import { called } from "../core/names.js";
import { t } from "../core/words.js";
import { choiceField, numberField, switchField } from "./fields.js";
import { setting } from "./names.js";

/** The rates that the slider reaches, as powers of ten. */
const [LOW, HIGH] = [-4, 1.5];

/** @param {import("../core/model.js").Model} model */
export function settings(model) {
  const done = h("p", { class: "sentence small figures", role: "status" });

  /**
   * @param {string} name
   * @param {any} value
   */
  const change = async (name, value) => {
    await model.send({ do: "change", [name]: value });
    const said = value === null ? t("learning.none") : typeof value === "boolean" ? t(value ? "learning.on" : "learning.off") : typeof value === "number" ? short(value) : called(value);
    write(done, t("learning.settings.done", { what: setting(name), value: said }));
  };
  /** @param {string} name @param {{empty?: string, steps?: boolean}} [more] */
  const numeric = (name, more = {}) => numberField({ label: setting(name), hint: hint(name), name, apply: (value) => change(name, value), ...more });
  /** @param {string} name @param {string[]} choices */
  const choice = (name, choices) => choiceField({ label: setting(name), choices, called, name, hint: hint(name), apply: (value) => change(name, value) });
  /** @param {string} name */
  const hint = (name) => {
    const text = t(`learning.hint.${name}`);
    return text.startsWith("learning.") ? undefined : text;
  };

  const choices = model.get("run")?.choices;
  const fields = {
    learning_rate: numeric("learning_rate", { steps: true }),
    schedule: choice("schedule", choices?.schedules ?? []),
    batch_size: numeric("batch_size"),
    epochs: numeric("epochs"),
    optimizer: choice("optimizer", Object.keys(choices?.optimizers ?? {})),
    momentum: numeric("momentum"),
    nesterov: switchField({ label: setting("nesterov"), name: "nesterov", apply: (value) => change("nesterov", value) }),
    weight_decay: numeric("weight_decay"),
    clip: numeric("clip", { empty: t("learning.none") }),
    dropout: numeric("dropout"),
    deform: choice("deform", choices?.deformations ?? []),
  };

  fields.deform.element.classList.add("wide");

  /** Deformations with numbers of their own that this run had: one can go back to them. @type {string[]} */
  let own = [];
  let of = -1;

  // The rate on a logarithmic slider too: rates are compared by how many times, not by how much more.
  const slider = h("input", { type: "range", min: LOW, max: HIGH, step: 0.05, "aria-label": t("learning.setting.learning_rate"), "data-setting": "learning_rate_slider" });
  let sliding = -Infinity;
  const slide = latest((/** @type {number} */ rate) => change("learning_rate", rate).catch(() => undefined));
  slider.addEventListener("input", () => {
    sliding = performance.now();
    const rate = Number((10 ** slider.valueAsNumber).toPrecision(2));
    fields.learning_rate.show(rate);
    slider.setAttribute("aria-valuetext", short(rate));
    void slide(rate);
  });
  fields.learning_rate.element.append(slider);

  const what = h("p", { class: "muted small" });
  const all = h("fieldset", { class: "fields" }, Object.values(fields).map((field) => field.element));
  const element = h(
    "section",
    { class: "settings" },
    h("h2", {}, t("learning.settings")),
    what,
    all,
    done,
  );

  const update = () => {
    const run = model.get("run");
    if (!run) return;
    const { settings: now, choices } = run;
    const has = choices.optimizers[now.optimizer] ?? [];
    fields.schedule.offer(choices.schedules);
    fields.optimizer.offer(Object.keys(choices.optimizers));
    if (of !== run.run) own = [];
    of = run.run;
    if (![...choices.deformations, ...own].includes(now.deform)) own.push(now.deform);
    fields.deform.offer([...choices.deformations, ...own]);
    for (const [name, field] of Object.entries(fields)) {
      const special = ["momentum", "nesterov", "weight_decay", "clip"].includes(name);
      field.exist(!special || (has.includes(name) && name in now));
      // Looking ahead along the momentum needs one.
      if (name === "nesterov" && !now.momentum && !now.nesterov) field.exist(false);
      // Only images can be deformed.
      if (name === "deform") field.exist(run.side !== null);
      const value = /** @type {any} */ (now)[name];
      if (name === "learning_rate" && performance.now() - sliding < 600) continue;
      /** @type {any} */ (field).show(value ?? (special ? null : value));
    }
    if (performance.now() - sliding > 600) {
      slider.value = String(Math.log10(now.learning_rate));
      slider.setAttribute("aria-valuetext", short(now.learning_rate));
    }
  };
  /** What another program trains, that program sets. */
  const open = () => {
    const watching = model.get("status")?.mode === "watching";
    all.disabled = watching;
    write(what, t(watching ? "learning.settings.watching" : "learning.settings.what"));
  };
  const leaves = [model.on("change:run", update), model.on("change:status", open)];
  update();
  open();
  return { element, close: () => leaves.forEach((leave) => leave()) };
}
