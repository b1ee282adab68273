// Some runs on one chart: over the examples that each has looked at, so that runs with other minibatches can be compared.

import { h, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { number, percent } from "../core/format.js";
import { onPaper } from "../core/theme.js";
import { t } from "../core/words.js";
import { chart, swatch } from "../learning/charts.js";
import { nameOf, onTheWay, valueOf, whatOf } from "./names.js";

/** @typedef {import("./names.js").Entry} Entry */
/** @typedef {import("../learning/charts.js").Curve} Curve */

/** How many runs can be compared. */
export const MOST = 8;

/** How each run's curve looks: a color, and a way to be told apart without it. */
const LOOKS = Array.from({ length: MOST }, (_, i) => ({
  color: `--run-${i + 1}`,
  style: /** @type {const} */ (["marks", "dashes", "dots", "mixed"])[i % 4],
}));

const EXAMPLES = {
  axis: () => t("runs.charts.axis"),
  at: (/** @type {string} */ step) => t("runs.charts.at", { count: step }),
  unit: () => t("runs.charts.unit"),
  summary: (/** @type {"lowest"|"highest"} */ best, /** @type {Record<string, string>} */ values) => t(`runs.charts.summary.${best}`, values),
};

/** @param {ArrayLike<number>} values */
const any = (values) => Array.prototype.some.call(values, (/** @type {number} */ each) => !Number.isNaN(each));

/**
 * @param {import("../core/model.js").Model} model
 * @param {string[]} runs
 * @param {() => void} back
 */
export function compare(model, runs, back) {
  const accuracy = chart({
    title: t("runs.charts.accuracy"),
    empty: t("runs.charts.empty"),
    format: (value) => percent(value, 2),
    tick: (value, all) => percent(value, all.some((each) => !Number.isInteger(Math.round(each * 1e6) / 1e4)) ? 1 : 0),
    range: [Infinity, 1],
    other: { label: t("learning.charts.top"), range: [0.9, 1] },
    best: "highest",
    along: EXAMPLES,
  });
  const options = /** @type {const} */ ({
    empty: t("runs.charts.empty"),
    format: (/** @type {number} */ value) => number(value, value < 0.1 ? 4 : 3),
    tick: (/** @type {number} */ value) => String(value),
    range: [0, 0],
    other: { label: t("learning.charts.log"), log: true },
    best: "lowest",
    along: EXAMPLES,
  });
  const validation = chart({ title: t("runs.charts.cost.validation"), ...options, range: [0, 0] });
  const training = chart({ title: t("runs.charts.cost"), ...options, range: [0, 0] });
  const said = h("p", { class: "sentence wrong", role: "status" });
  const units = h("p", { class: "sentence units", hidden: true }, t("runs.costs"));
  const table = h("div", { class: "differences" });
  const heading = h("h2", { tabindex: "-1" }, t("runs.compare.title"));
  const element = h(
    "div",
    { class: "compare" },
    h("div", { class: "head" }, h("div", {}, heading, h("p", { class: "small muted" }, t("runs.compare.how"))), h("button", { type: "button", "data-act": "back", onclick: back }, t("runs.back"))),
    said,
    units,
    h("div", { class: "charts" }, accuracy.element, validation.element, training.element),
    table,
  );

  /** @type {any} */
  let reply = null;
  let asked = 0;
  let gone = false;
  async function ask() {
    const mine = ++asked;
    try {
      const found = await model.send({ do: "compare", runs });
      if (gone || mine !== asked) return;
      reply = found;
      write(said, "");
      draw();
    } catch (error) {
      if (!gone && /** @type {any} */ (error).code !== "lost") write(said, sentence(error));
    }
  }

  function draw() {
    if (!reply) return;
    /** @type {Entry[]} */
    const entries = reply.runs;
    const names = distinct(entries);
    /** @param {string} xs @param {string} ys @returns {Curve[]} */
    const curves = (xs, ys) =>
      entries.flatMap((_, i) => {
        const values = reply.arrays[`run${i}_${ys}`].values;
        return any(values) ? [{ name: names[i], ...LOOKS[i], xs: reply.arrays[`run${i}_${xs}`].values, ys: values }] : [];
      });
    const [right, judged, costs] = [curves("judged_examples", "validation_accuracy"), curves("judged_examples", "validation_cost"), curves("cost_examples", "cost")];
    accuracy.show(right, [], 0);
    validation.show(judged, [], 0);
    training.show(costs, [], 0);
    // What nobody has is not shown as an empty chart; of the costs, the one that all have.
    accuracy.element.hidden = !right.length && judged.length > 0;
    validation.element.hidden = !judged.length;
    training.element.hidden = judged.length === entries.length;
    units.hidden = !reply.costs_differ;
    element.dataset.runs = String(entries.length);
    differ(entries, names);
  }

  /** @param {Entry[]} entries @param {string[]} names */
  function differ(entries, names) {
    const rows = /** @type {{name: string, values: any[]}[]} */ (reply.differences);
    const ways = entries.map(onTheWay);
    const shown = JSON.stringify([rows, names, ways]);
    if (table.dataset.shown === shown) return;
    table.dataset.shown = shown;
    /** @param {number} i */
    const keyed = (i) => h("span", { class: "key" }, swatch(LOOKS[i].style, LOOKS[i].color), h("span", {}, names[i]));
    const changed = ways.some((each) => each.length)
      ? [h("h2", {}, t("runs.changed")), h("ul", { class: "ways" }, ways.map((each, i) => each.length > 0 && h("li", {}, keyed(i), h("ul", { class: "figures" }, each.map((text) => h("li", {}, text))))))]
      : [];
    if (entries.length < 2) return table.replaceChildren(...changed);
    if (!rows.length) return table.replaceChildren(h("p", { class: "muted" }, t("runs.differ.none")), ...changed);
    table.replaceChildren(
      h("h2", { id: "differences" }, t("runs.differ")),
      h(
        "div",
        { class: "wide", tabindex: "0", role: "region", "aria-labelledby": "differences" },
        h(
          "table",
          { "aria-labelledby": "differences" },
          h("thead", {}, h("tr", {}, h("td", {}), names.map((_, i) => h("th", { scope: "col" }, keyed(i))))),
          h("tbody", {}, rows.map(({ name, values }) => h("tr", {}, h("th", { scope: "row" }, whatOf(name)), values.map((value) => h("td", {}, valueOf(name, value)))))),
        ),
      ),
      ...changed,
    );
  }

  const leaves = [model.on("change:theme", draw), onPaper(draw)];
  void ask();
  return {
    element,
    ask,
    focus: () => heading.focus(),
    close: () => {
      gone = true;
      for (const leave of leaves) leave();
      for (const each of [accuracy, validation, training]) each.close();
    },
  };
}

/** The runs' names; where two are called the same, with what tells them apart. @param {Entry[]} entries */
function distinct(entries) {
  const names = entries.map(nameOf);
  return names.map((name, i) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${entries[i].run.replace("../", "")})`));
}
