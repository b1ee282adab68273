// The cost of the image this tab looks at, output by output, with the formula; and the cost of the network, its average.

import { termOf } from "../core/costs.js";
import { gray, h, m, once, write } from "../core/dom.js";
import { count, number, plain } from "../core/format.js";
import { className, imageName, kindOf, outputName } from "../core/names.js";
import { t } from "../core/words.js";
import { moving } from "./transport.js";

/** So many outputs are listed; of more, those that cost most. */
const MOST = 12;
/** A term that fills a bar, if none is larger: where all is well, bars are short. */
const FULL = 0.1;

// ── Formulas ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** @typedef {(Element|string)[]} Parts */

/** @param {string} text */
const mi = (text) => m("mi", {}, text);
/** @param {string} text */
const mo = (text) => m("mo", {}, text);
/** @param {string} text */
const mn = (text) => m("mn", {}, text);
/** @param {string} base @param {string} index */
const sub = (base, index) => m("msub", {}, mi(base), /^\d/.test(index) ? mn(index) : mi(index));

/**
 * One output's part of the cost, for a cost by its name.
 * @type {Record<string, {sign: string, term: (a: () => Element, y: () => Element) => Element[]}>}
 */
const TERMS = {
  squared_error: { sign: "", term: (a, y) => [m("msup", {}, m("mrow", {}, mo("("), a(), mo("−"), y(), mo(")")), mn("2"))] },
  absolute_error: { sign: "", term: (a, y) => [mo("|"), a(), mo("−"), y(), mo("|")] },
  huber: { sign: "", term: (a, y) => [mi("H"), mo("("), a(), mo("−"), y(), mo(")")] },
  cross_entropy: { sign: "−", term: (a, y) => [y(), mi("ln"), mo("⁡"), a()] },
  binary_cross_entropy: {
    sign: "−",
    term: (a, y) => [mo("("), y(), mi("ln"), mo("⁡"), a(), mo("+"), mo("("), mn("1"), mo("−"), y(), mo(")"), mi("ln"), mo("⁡"), mo("("), mn("1"), mo("−"), a(), mo(")"), mo(")")],
  },
};

/**
 * C₀ = Σⱼ (aⱼ − yⱼ)², and C = 1/n Σ C₀.
 * @param {string} cost
 */
function formulas(cost) {
  const known = TERMS[kindOf(cost)];
  if (!known) return [];
  const parts = known.term(
    () => sub("a", "j"),
    () => sub("y", "j"),
  );
  return [
    m("math", { displaystyle: "true", "aria-label": t("learning.terms.formula", { term: termOf(cost) }) }, sub("C", "0"), mo("="), known.sign ? mo(known.sign) : null, m("munder", {}, mo("∑"), mi("j")), ...parts),
    m("math", { displaystyle: "true", "aria-label": t("learning.terms.formula.average") }, mi("C"), mo("="), m("mfrac", {}, mn("1"), mi("n")), mo("∑"), sub("C", "0")),
  ];
}

/** @param {import("../core/model.js").Model} model */
export function terms(model) {
  const canvas = h("canvas", { class: "pixels thumb", "aria-hidden": "true" });
  const which = h("p", { class: "muted small figures" });
  const what = h("p", {});
  const place = h("div", { class: "cost-formula" });
  const rows = h("tbody");
  const headed = h("th", { scope: "col", class: "term", colspan: 2 });
  const sum = h("td", { class: "number" });
  const rest = h("td", { class: "number" });
  const restName = h("th", { scope: "row", colspan: 4 });
  const restRow = h("tr", { class: "rest" }, restName, rest);
  const table = h(
    "table",
    { class: "terms-table figures" },
    h(
      "thead",
      {},
      h("tr", {}, h("th", { scope: "col" }, t("learning.terms.output")), h("th", { scope: "col", class: "number" }, t("name.says")), h("th", { scope: "col", class: "number" }, t("name.should")), headed),
    ),
    rows,
    h("tfoot", {}, restRow, h("tr", { class: "sum" }, h("th", { scope: "row", colspan: 4 }, t("name.cost.image")), sum)),
  );
  const average = h("p", { class: "figures" });
  const element = h(
    "section",
    { class: "terms" },
    h("div", { class: "headed" }, h("h2", {}, t("learning.terms")), which),
    what,
    h("div", { class: "sum-of" }, h("div", { class: "shown" }, canvas, place), table),
    average,
  );

  let written = "";
  const draw = once(() => {
    const { forward, look, run, status } = model.values;
    if (!run || !look) return;
    const { cost } = run.settings;
    if (written !== cost) {
      written = cost;
      place.replaceChildren(...formulas(cost));
      write(headed, termOf(cost));
    }
    const known = !!forward?.terms && !!forward.target;
    table.hidden = !known;
    place.hidden = !known;
    canvas.hidden = !forward || !run.side;
    if (forward && run.side) gray(canvas, forward.input, run.side);
    const label = look.label === null ? null : className(run, look.label);
    const image = look.row === null ? "" : imageName(run, look.source, look.row);
    write(which, image && label !== null ? t("learning.terms.which", { image, label }) : image);
    write(what, t(known ? (cost === "squared_error" ? "learning.terms.what" : "learning.terms.what.other") : "learning.terms.none"));
    const { train, validation, step, now } = status?.judged ?? { train: null, validation: null, step: 0, now: false };
    average.hidden = !train;
    if (train) {
      const numbers = { step: count(step), train: number(train.cost, 3), trained: count(train.examples) };
      write(
        average,
        !now && !moving(status)
          ? t("learning.terms.average.computing")
          : validation
          ? t("learning.terms.average", { ...numbers, validation: number(validation.cost, 3), validated: count(validation.examples) })
          : t("learning.terms.average.train", numbers),
      );
    }
    if (!forward?.terms || !forward.target) return;

    const a = forward.as[forward.as.length - 1];
    const { target, terms } = forward;
    let listed = Array.from(terms, (_, i) => i);
    if (listed.length > MOST) listed = listed.sort((i, j) => terms[j] - terms[i]).slice(0, MOST).sort((i, j) => i - j);
    while (rows.children.length > listed.length) rows.lastElementChild?.remove();
    while (rows.children.length < listed.length) {
      rows.append(h("tr", {}, h("th", { scope: "row" }), h("td", { class: "number" }), h("td", { class: "number" }), h("td", { class: "bar" }, h("i")), h("td", { class: "number" })));
    }
    const most = Math.max(FULL, ...terms);
    const all = terms.reduce((sum, each) => sum + each, 0);
    listed.forEach((i, place) => {
      const row = /** @type {HTMLTableRowElement} */ (rows.children[place]);
      const [name, says, should, bar, part] = row.cells;
      write(name, outputName(run, i));
      write(says, plain(a[i], 4));
      write(should, number(target[i], Number.isInteger(target[i]) ? 0 : 3));
      write(part, plain(terms[i], 4));
      row.title = `a = ${a[i]}, y = ${target[i]}`;
      /** @type {HTMLElement} */ (bar.firstElementChild).style.transform = `scaleX(${Math.max(0, terms[i]) / most})`;
      row.classList.toggle("desired", target[i] === 1 && look.label === i);
    });
    const others = terms.length - listed.length;
    restRow.hidden = !others;
    if (others) {
      write(restName, t("learning.terms.rest", { count: count(others) }));
      write(rest, number(all - listed.reduce((sum, i) => sum + terms[i], 0), 3));
    }
    write(sum, plain(all, 4));
  });

  const leaves = ["change:forward", "change:look", "change:run", "change:status"].map((event) => model.on(event, draw));
  draw();
  return {
    element,
    close() {
      for (const leave of leaves) leave();
      draw.cancel();
    },
  };
}
