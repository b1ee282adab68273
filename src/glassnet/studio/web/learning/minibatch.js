// The minibatch that was just learned from: its images, what the network said, and what the step did to each one's cost.

import { gray, h, once, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { count, number } from "../core/format.js";
import { look } from "../core/looks.js";
import { className, imageName } from "../core/names.js";
import { joined, t } from "../core/words.js";

/** @typedef {import("../core/types.js").Minibatch} Minibatch */

/** So many images have room for their numbers. */
const FEW = 24;
/** A cost that fills a bar, if no image has a larger one: where all is well, bars are short. */
const FULL = 0.1;

/** @param {import("../core/model.js").Model} model */
export function minibatch(model) {
  const which = h("p", { class: "muted small figures" });
  const what = h("p", {});
  const cost = h("p", { class: "figures" });
  const some = h("p", { class: "muted small" });
  const deformed = h("p", { class: "muted small", hidden: true }, t("learning.batch.deformed"));
  const cards = h("ul", { class: "cards" });
  const second = h("span", {}, h("i", { class: "bar after" }), t("learning.batch.legend.after"));
  const legend = h(
    "p",
    { class: "small muted keyed", "aria-hidden": "true" },
    h("i", { class: "bar" }),
    h("span", {}, t("learning.batch.legend.before")),
    second,
  );
  const element = h("section", { class: "batch" }, h("div", { class: "headed" }, h("h2", {}, t("learning.batch")), which), what, cost, cards, some, deformed, legend);

  /** @type {ReturnType<typeof card>[]} */
  let made = [];
  const draw = once(() => {
    const { minibatch: batch, run } = model.values;
    const has = !!batch && !!run;
    cards.hidden = legend.hidden = !has;
    some.hidden = cost.hidden = !has;
    deformed.hidden = !batch?.deformed;
    if (!batch || !run) {
      write(which, "");
      write(what, t("learning.batch.empty"));
      return;
    }
    const shown = batch.rows.length;
    while (made.length < shown) made.push(card(model));
    if (cards.children.length !== shown) cards.replaceChildren(...made.slice(0, shown).map(({ item }) => item));
    cards.classList.toggle("many", shown > FEW);
    cards.style.setProperty("--columns", String(shown <= 12 ? shown : shown <= FEW ? 10 : 20));
    const before = mean(batch.before);
    const after = mean(batch.after);
    const most = Math.max(FULL, ...finite(batch.before), ...finite(batch.after));
    const size = batch.inputs.length / shown;
    for (let i = 0; i < shown; i++) made[i].show(batch, i, size, most);
    // While it runs, what was next a moment ago is past.
    const place = batch.which === "last" ? "last" : model.get("status")?.mode === "paused" ? "next" : "past";
    write(which, t(`learning.batch.${place}`, { step: count(batch.step) }));
    write(what, t(batch.size === 1 ? "learning.batch.what.one" : "learning.batch.what", { size: count(batch.size) }));
    second.hidden = Number.isNaN(after);
    const numbers = { before: number(before, 3), after: number(after, 3) };
    // Of a large minibatch only some are asked, and those are said to be.
    const part = batch.size > shown ? ".shown" : "";
    const costs = t(`learning.batch.cost${Number.isNaN(after) ? ".before" : ""}${part}`, numbers);
    write(cost, batch.dropout ? joined([costs, t("learning.batch.cost.whole")]) : costs);
    some.hidden = batch.size <= shown;
    write(some, t("learning.batch.some", { shown: count(shown), size: count(batch.size) }));
  });

  let mode = "";
  const turned = () => {
    const now = model.get("status")?.mode ?? "";
    if (now !== mode) draw();
    mode = now;
  };
  const leaves = [model.on("change:minibatch", draw), model.on("change:run", draw), model.on("change:status", turned)];
  draw();
  return {
    element,
    close() {
      for (const leave of leaves) leave();
      draw.cancel();
    },
  };
}

/**
 * One image, as a button that shows it in the network.
 * @param {import("../core/model.js").Model} model
 */
function card(model) {
  const canvas = h("canvas", { class: "pixels", "aria-hidden": "true" });
  const truth = h("span", { class: "truth" });
  const verdict = h("span", { class: "verdict" });
  const [first, second] = [h("i", { class: "before" }), h("i", { class: "after" })];
  const numbers = h("span", { class: "numbers figures" });
  let row = -1;
  const button = h(
    "button",
    {
      type: "button",
      onclick: async () => {
        try {
          await look(model, { source: "train", row }).done;
          location.hash = "#network";
        } catch (error) {
          model.set("said", sentence(error));
        }
      },
    },
    canvas,
    h("span", { class: "answer" }, truth, verdict),
    h("span", { class: "bars" }, first, second),
    numbers,
  );
  return {
    item: h("li", {}, button),
    /** @param {Minibatch} batch @param {number} i @param {number} size @param {number} most */
    show(batch, i, size, most) {
      const run = model.get("run");
      const [before, after] = [batch.before[i], batch.after[i]];
      const moved = Number.isNaN(after) || after === undefined;
      row = batch.rows[i];
      gray(canvas, batch.inputs.subarray(i * size, (i + 1) * size), run?.side ?? size, 255);
      canvas.classList.toggle("row", !run?.side);
      const label = run?.classes ? className(run, batch.labels[i]) : "";
      const answer = run?.classes ? className(run, batch.answers[i]) : "";
      const wrong = batch.labels[i] >= 0 && batch.labels[i] !== batch.answers[i];
      write(truth, label);
      write(verdict, batch.labels[i] < 0 ? "" : wrong ? t("learning.batch.said", { answer }) : "✓");
      button.classList.toggle("wrong", wrong);
      first.style.transform = `scaleX(${before / most})`;
      second.style.transform = `scaleX(${moved ? 0 : after / most})`;
      write(numbers, moved ? before.toFixed(2) : `${before.toFixed(2)} → ${after.toFixed(2)}`);
      const words = { image: run ? imageName(run, "train", row) : "", label, answer, before: number(before, 3), after: number(after, 3) };
      const kind = batch.labels[i] < 0 ? ".plain" : moved ? ".before" : "";
      const text = t(`learning.batch.image${kind}`, words);
      if (button.getAttribute("aria-label") !== text) button.setAttribute("aria-label", text);
      button.title = text;
    },
  };
}

/** @param {Float64Array} values */
const finite = (values) => Array.from(values).filter(Number.isFinite);

/** @param {Float64Array} values */
const mean = (values) => (values.length ? values.reduce((all, each) => all + each, 0) / values.length : Number.NaN);
