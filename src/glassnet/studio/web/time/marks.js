// The marks of a run: where settings were changed, where somebody changed weights by hand, and bookmarks. Told apart by shape as well as color.

import { svg } from "../core/dom.js";
import { count, short } from "../core/format.js";
import { called } from "../core/names.js";
import { named, spoken, t } from "../core/words.js";
import { setting } from "../learning/names.js";

/** @typedef {import("../core/types.js").Mark} Mark */

/** A diamond, a square, a flag. */
const SHAPES = { settings: "M6 .8 11.2 6 6 11.2 .8 6Z", edit: "M1.8 1.8h8.4v8.4H1.8Z", bookmark: "M2.2.6h7.6v10.8L6 8.2 2.2 11.4Z" };

/** @param {Mark["kind"]} kind */
export const glyph = (kind) =>
  svg("svg", { class: `glyph ${kind}`, viewBox: "0 0 12 12", "aria-hidden": "true", focusable: "false" }, svg("path", { d: SHAPES[kind] }));

/**
 * What was done there, in the language of the page.
 * @param {Mark} mark
 */
export function deed({ kind, text, values }) {
  if (kind === "bookmark") return text;
  if (kind === "edit") {
    const { kind: what, layer, neuron } = values ?? {};
    const known = layer !== undefined && neuron !== undefined;
    return known ? t(`time.edit.${what}`, { layer, neuron }) : spoken() === "en" && text ? text : t("time.edit");
  }
  const changes = Object.entries(values ?? {}).map(([name, value]) => `${setting(name)} ${inWords(value)}`);
  return changes.length ? changes.join(", ") : text;
}

/** @param {Mark} mark */
export const whole = (mark) => t(`time.mark.${mark.kind}`, { step: count(mark.step), what: deed(mark) });

/** @param {any} value */
function inWords(value) {
  if (value === null) return t("learning.none");
  if (typeof value === "boolean") return t(value ? "learning.on" : "learning.off");
  return typeof value === "number" ? short(value) : named(`name.${value}`, called(String(value)));
}
