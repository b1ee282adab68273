// How large the gradient is in each layer, on one logarithmic scale for all lanes; and what is seen there, in words.

import { h, write } from "../core/dom.js";
import { number } from "../core/format.js";
import { t } from "../core/words.js";

/**
 * The ends of a scale that all lanes share: whole powers of ten.
 * @param {(number|null)[][]} all
 * @returns {[number, number]}
 */
export function range(all) {
  const sizes = all.flat().filter((each) => each !== null && each > 0).map((each) => Math.log10(/** @type {number} */ (each)));
  if (!sizes.length) return [-6, 0];
  // Not below what float32 tells from nothing.
  const low = Math.max(-40, Math.floor(Math.min(...sizes) - 0.15));
  return [low, Math.max(low + 2, Math.ceil(Math.max(...sizes)))];
}

/** @param {number|null} size in two digits, however small */
const digits = (size) => (size !== null && size >= 5e-4 && size < 100 ? size.toPrecision(2) : number(size, size !== null && size >= 100 ? 0 : 3));

/** @param {number} ratio in two digits: 2,300 */
const times = (ratio) => (ratio >= 1e6 ? number(ratio, 3) : Number(ratio.toPrecision(2)).toLocaleString("en"));

/**
 * What the numbers say.
 * @param {(number|null)[]|null} gradients of each layer
 */
export function verdict(gradients) {
  if (!gradients || gradients.length < 2) return "";
  const [first, last] = [gradients[0], gradients[gradients.length - 1]];
  if (first === null || last === null) return t("race.gradient.none");
  if (first === 0) return t(last === 0 ? "race.gradient.dead" : "race.gradient.lost");
  const ratio = last / first;
  if (ratio >= 1.5) return t("race.gradient.smaller", { times: times(ratio) });
  if (ratio > 0 && ratio <= 1 / 1.5) return t("race.gradient.larger", { times: times(1 / ratio) });
  return ratio === 0 ? t("race.gradient.dead") : t("race.gradient.same");
}

/**
 * Bars of one lane.
 * @param {number} layers
 */
export function bars(layers) {
  const rows = Array.from({ length: layers }, (_, l) => {
    const bar = h("i", {});
    const value = h("td", { class: "figures" });
    const name = l + 1 === layers ? t("race.layer.last", { layer: l + 1 }) : t("race.layer", { layer: l + 1 });
    return { bar, value, row: h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "bar", "aria-hidden": "true" }, bar), value) };
  });
  const words = h("p", { class: "verdict small" });
  const element = h("div", { class: "gradients" }, h("table", {}, h("caption", { class: "muted small" }, t("race.gradient")), h("tbody", {}, rows.map(({ row }) => row))), words);
  return {
    element,
    /** @param {(number|null)[]|null} gradients @param {[number, number]} scale */
    show(gradients, [low, high]) {
      rows.forEach(({ bar, value }, l) => {
        const size = gradients?.[l] ?? null;
        const share = size !== null && size > 0 ? (Math.log10(size) - low) / (high - low) : 0;
        bar.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
        write(value, digits(size));
      });
      write(words, verdict(gradients));
    },
  };
}
