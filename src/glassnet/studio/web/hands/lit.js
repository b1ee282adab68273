// Which images light the neuron: of each class the share, and a few of its images, bright where they do.

import { gray, h, once, write } from "../core/dom.js";
import { count, percent, plain, short } from "../core/format.js";
import { latest } from "../core/latest.js";
import { className } from "../core/names.js";
import { joined, t } from "../core/words.js";
import { handsOf } from "./hands.js";

/** @typedef {import("../core/model.js").Model} Model */

/** So many classes have a row, those that it lights up for most; and so many images stand in each. */
const MOST = 20;
const IMAGES = 4;
/** Milliseconds between two questions: the network of a run that plays changes all the time. */
const REST = 60;

/**
 * @param {Model} model
 * @param {import("../core/types.js").Place} place
 * @param {(threshold: number) => void} told
 */
export function litPart(model, { layer, neuron }, told) {
  const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
  const hands = handsOf(model);
  const source = run.data.validation ? "validation" : "train";
  const images = run.side === null ? 0 : IMAGES;
  const rule = h("p", { class: "muted small" });
  const body = h("tbody", {});
  const element = h(
    "section",
    { class: run.side === null ? "lit-by plain" : "lit-by" },
    h("h3", {}, t("hands.lit")),
    h("table", { "aria-label": t("hands.lit") }, body),
    rule,
  );
  /** @type {{of: number, cells: Record<string, HTMLElement>, images: {canvas: HTMLCanvasElement, row: number}[]}[]} */
  let rows = [];
  /** @type {ArrayLike<number>|null} the shares of the network that nobody touched here */
  let was = null;
  let closed = false;
  let asked = -1;

  /** @param {number} of */
  function row(of) {
    const name = run.classes ? className(run, of) : t("hands.lit.all");
    const cells = { bar: h("i", { class: "now" }), was: h("i", { class: "was", hidden: true }), share: h("td", { class: "share" }), shown: h("td", { class: "shown", role: "img" }) };
    const made = Array.from({ length: images }, () => ({ canvas: h("canvas", { class: "pixels", hidden: true }), row: -1 }));
    cells.shown.append(...made.map(({ canvas }) => canvas));
    const element = h("tr", { "data-class": of }, h("th", { scope: "row" }, name), h("td", { class: "bar", "aria-hidden": "true" }, h("span", {}, cells.bar, cells.was)), cells.share, images ? h("td", { class: "cell" }, cells.shown) : null);
    return { of, element, cells: { ...cells, element }, images: made };
  }

  /** @param {import("../core/types.js").Reply} reply */
  function show({ arrays = {}, threshold, examples }) {
    const values = (/** @type {string} */ name) => arrays[name]?.values ?? [];
    const [shares, labels, ids, activations] = ["shares", "labels", "rows", "activations"].map(values);
    const inputs = /** @type {Uint8Array} */ (values("inputs"));
    if (!rows.length) {
      const all = Array.from({ length: shares.length }, (_, i) => i);
      const chosen = shares.length <= MOST ? all : all.sort((a, b) => shares[b] - shares[a]).slice(0, MOST).sort((a, b) => a - b);
      const fresh = chosen.map(row);
      rows = fresh;
      body.replaceChildren(...fresh.map(({ element }) => element));
    }
    if (model.get("status")?.edits?.count === 0 && !hands.busy()) was = shares;
    let moved = false;
    const size = ids.length ? inputs.length / ids.length : 0;
    /** @type {Map<number, number[]>} */
    const of = new Map();
    Array.from(ids, (_, i) => {
      const label = run.classes ? labels[i] : 0;
      of.set(label, [...(of.get(label) ?? []), i]);
    });
    for (const { of: index, cells, images: places } of rows) {
      // A class without images has no share.
      const share = shares[index] ?? Number.NaN;
      cells.element.dataset.share = String(share);
      cells.bar.style.width = `${100 * (share || 0)}%`;
      write(cells.share, percent(share, 0));
      const before = was?.[index] || share || 0;
      cells.was.hidden = !(Math.abs(before - share) >= 0.005);
      if (!cells.was.hidden) moved = true;
      cells.was.style.left = `${100 * before}%`;
      const found = of.get(index) ?? [];
      let bright = 0;
      places.forEach((each, k) => {
        const i = found[k];
        each.canvas.hidden = i === undefined;
        if (i === undefined) return;
        if (each.row !== ids[i] && run.side !== null) {
          each.row = ids[i];
          gray(each.canvas, inputs.subarray(i * size, (i + 1) * size), run.side, 255);
        }
        const lit = activations[i] > threshold;
        if (lit) bright++;
        each.canvas.className = lit ? "pixels lights" : "pixels";
        each.canvas.title = `a = ${plain(activations[i])}`;
      });
      cells.shown.setAttribute("aria-label", t("hands.lit.shown", { lit: bright, count: found.length }));
    }
    const rules = [t(`hands.lit.rule.${source}`, { threshold: short(threshold), count: count(examples) })];
    if (images) rules.push(t("hands.lit.dim"));
    if (moved) rules.push(t("hands.lit.was"));
    if (shares.length > rows.length) rules.push(t("hands.lit.more", { count: count(shares.length - rows.length) }));
    write(rule, joined(rules));
    element.dataset.threshold = String(threshold);
    element.dataset.answers = String(Number(element.dataset.answers ?? 0) + 1);
    told(threshold);
  }

  const line = latest(async () => {
    if (closed) return;
    const began = performance.now();
    try {
      const reply = await model.send({ do: "lit", layer, neuron, source, count: images });
      if (!closed) show(reply);
    } catch {
      // Without a connection, or between two runs, it is asked again with the next network.
      asked = -1;
    }
    await new Promise((resolve) => setTimeout(resolve, Math.max(REST, 2 * (performance.now() - began))));
  });
  const update = once(() => {
    const version = model.get("parameters")?.version ?? -1;
    if (version === asked || version < 0) return;
    asked = version;
    void line(null);
  });
  return {
    element,
    update,
    close() {
      closed = true;
      update.cancel();
    },
  };
}
