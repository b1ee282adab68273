// What the network says to this image, and what that costs: shown while no neuron is picked.

import { h, write } from "../core/dom.js";
import { number, plain } from "../core/format.js";
import { termOf } from "../core/costs.js";
import { called, kindOf, outputName } from "../core/names.js";
import { joined, named, t } from "../core/words.js";
import { largestOf } from "./formula.js";
import { linkRows } from "./rows.js";

/** More outputs than this are not all listed, only the brightest. */
const MOST = 20;

/**
 * @param {import("../core/model.js").Model} model
 * @returns {import("./neuron.js").Part}
 */
export function summaryPart(model) {
  const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
  const outputs = run.sizes[run.sizes.length - 1];
  const listed = Math.min(outputs, MOST);
  const cost = run.settings.cost;
  const kind = kindOf(cost);
  const layer = run.sizes.length - 1;
  const term = termOf(cost);
  const rows = Array.from({ length: listed }, () => {
    const cells = { name: h("th", { scope: "row" }), bar: h("i", {}), a: h("td", {}), y: h("td", { class: "desired" }), term: h("td", { class: "term" }) };
    const row = h("tr", {}, cells.name, h("td", { class: "bar from", "aria-hidden": "true" }, cells.bar), cells.a, cells.y, cells.term);
    return { row, cells, of: -1 };
  });
  const point = linkRows(model, rows, layer);
  const total = h("td", { class: "term figures" });
  const heads = [t("name.says"), t("name.should"), term.length > 0 && term.length < 12 ? term : t("network.cost.term")].map((text, i) => h("th", { scope: "col", class: i === 2 ? "term" : i === 1 ? "desired" : null }, text));
  const foot = h("tfoot", {}, h("tr", {}, h("th", { scope: "row", colspan: 4 }, t("name.cost.image")), total));
  const words = h("p", { class: "muted small" }, joined([named(`network.cost.${kind}`, t("network.cost.other", { cost: called(cost) })), t("network.cost.average")]));
  const unknown = h("p", { class: "muted small" }, t("network.cost.unknown"));
  const table = h("table", {}, h("thead", {}, h("tr", {}, h("th", { scope: "col" }, h("span", { class: "aside" }, t("name.output"))), h("td", {}), heads)), h("tbody", {}, rows.map(({ row }) => row)), foot);
  const el = h("div", { class: "one" }, h("div", { class: "bars answers" }, table), words, unknown, h("p", { class: "hint" }, t("network.hint")));

  return {
    el,
    update() {
      const forward = model.get("forward");
      const look = model.get("look");
      if (!forward || forward.as.length < layer) return;
      const as = forward.as[layer - 1];
      const order = outputs <= MOST ? rows.map((_, k) => k) : largestOf(as, listed);
      let full = 1;
      for (const a of as) full = Math.max(full, Math.abs(a));
      rows.forEach((each, k) => {
        const i = order[k];
        const { cells, row } = each;
        if (each.of !== i) {
          each.of = i;
          write(cells.name, outputName(run, i));
        }
        write(cells.a, plain(as[i], 3));
        cells.bar.className = as[i] < 0 ? "minus" : "white";
        cells.bar.style.width = `${(100 * Math.abs(as[i])) / full}%`;
        row.classList.toggle("answer", look?.answer === i);
        row.classList.toggle("truth", look?.label === i);
        write(cells.y, forward.target ? number(forward.target[i], Number.isInteger(forward.target[i]) ? 0 : 2) : "");
        write(cells.term, forward.terms ? plain(forward.terms[i], 4) : "");
      });
      const known = forward.target !== null && forward.terms !== null;
      table.classList.toggle("unlabeled", !known);
      foot.hidden = words.hidden = !known;
      unknown.hidden = known;
      if (forward.terms) {
        let sum = 0;
        for (const term of forward.terms) sum += term;
        write(total, number(look?.cost ?? sum, 4));
      }
    },
    point,
  };
}
