// The curves of a run, as the server sends them: which there are, and how each is drawn, in the dock and on the page.

import { t } from "../core/words.js";

/** @typedef {import("./charts.js").Curve} Curve */
/** @typedef {import("../core/types.js").Charts} Charts */

/** @param {ArrayLike<number>|null} values */
const any = (values) => !!values && Array.prototype.some.call(values, (/** @type {number} */ each) => !Number.isNaN(each));

/** @param {Charts|null} charts @returns {Curve[]} */
export function costs(charts) {
  if (!charts) return [];
  return [
    { name: t("learning.charts.minibatches"), color: "--cost", style: /** @type {const} */ ("line"), xs: charts.cost_steps, ys: charts.cost },
    ...judged(charts, charts.train_cost, charts.validation_cost),
  ];
}

/** @param {Charts|null} charts @returns {Curve[]} */
export const accuracies = (charts) => (charts ? judged(charts, charts.train_accuracy, charts.validation_accuracy) : []);

/**
 * The one curve of a gauge of the dock: on validation data, or on training data where none is held out.
 * @param {Charts|null} charts
 * @param {"cost"|"accuracy"} what
 * @returns {Curve[]}
 */
export function gauged(charts, what) {
  if (!charts) return [];
  const [train, validation] = what === "cost" ? [charts.train_cost, charts.validation_cost] : [charts.train_accuracy, charts.validation_accuracy];
  const found = judged(charts, train, validation).pop();
  return found ? [{ ...found, style: "line", color: what === "cost" ? "--cost" : "--accent" }] : [];
}

/** @param {Charts} charts @param {Float64Array} train @param {Float64Array} validation @returns {Curve[]} */
function judged(charts, train, validation) {
  /** @type {Curve[]} */
  const found = [];
  if (any(train)) found.push({ name: t("learning.charts.train"), color: "--muted", style: "dashes", xs: charts.judged_steps, ys: train });
  if (any(validation)) found.push({ name: t("learning.charts.validation"), color: "--accent", style: "marks", xs: charts.judged_steps, ys: validation });
  return found;
}
