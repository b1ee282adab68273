// The activation function of one neuron as a curve, with the point where the neuron is now.

import { h, svg, write } from "../core/dom.js";
import { number } from "../core/format.js";
import { t } from "../core/words.js";

const WIDE = 304;
const HIGH = 112;
const EDGE = { left: 10, right: 10, top: 10, bottom: 20 };

/** @param {{z: number[], a: number[]}} curve */
export function curveOf(curve) {
  const [least, most] = [curve.z[0], curve.z[curve.z.length - 1]];
  // A curve without an upper end is looked at up to 4, so that its bend is seen.
  const low = Math.max(Math.min(0, ...curve.a), -2);
  const high = Math.max(1, Math.min(Math.max(...curve.a), 4));
  const x = (/** @type {number} */ z) => EDGE.left + ((z - least) / (most - least)) * (WIDE - EDGE.left - EDGE.right);
  const y = (/** @type {number} */ a) => HIGH - EDGE.bottom - ((a - low) / (high - low)) * (HIGH - EDGE.top - EDGE.bottom);
  const path = curve.z.map((z, i) => `${i ? "L" : "M"}${x(z).toFixed(1)} ${y(Math.max(low - 1, Math.min(high + 1, curve.a[i]))).toFixed(1)}`).join("");
  const across = svg("line", { class: "guide", "data-part": "s" });
  const up = svg("line", { class: "guide sum", "data-part": "z" });
  const point = svg("circle", { class: "point", r: 5 });
  const zText = svg("text", { class: "sum", y: HIGH - 5, "text-anchor": "middle" });
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", class: "curve" },
    svg("line", { class: "axis", x1: EDGE.left, x2: WIDE - EDGE.right, y1: y(0), y2: y(0) }),
    high >= 1 ? svg("line", { class: "axis faint", x1: EDGE.left, x2: WIDE - EDGE.right, y1: y(1), y2: y(1) }) : null,
    svg("line", { class: "axis faint", x1: x(0), x2: x(0), y1: EDGE.top, y2: HIGH - EDGE.bottom }),
    svg("text", { class: "tick", x: x(0) - 4, y: y(1) + 10, "text-anchor": "end" }, "1"),
    svg("text", { class: "tick", x: x(0) - 4, y: HIGH - 7, "text-anchor": "end" }, "0"),
    svg("path", { class: "line", d: path, "data-part": "s" }),
    up,
    across,
    point,
    zText,
  );
  const el = h("div", { class: "curve-place" }, picture);
  return {
    el,
    /** @param {number} z @param {number} a */
    update(z, a) {
      const [px, py] = [x(Math.max(least, Math.min(most, z))), y(Math.max(low, Math.min(high, a)))];
      point.setAttribute("cx", px.toFixed(1));
      point.setAttribute("cy", py.toFixed(1));
      for (const [name, value] of Object.entries({ x1: px, x2: px, y1: y(0), y2: py })) up.setAttribute(name, value.toFixed(1));
      for (const [name, value] of Object.entries({ x1: px, x2: x(0), y1: py, y2: py })) across.setAttribute(name, value.toFixed(1));
      zText.setAttribute("x", Math.max(28, Math.min(WIDE - 28, px)).toFixed(1));
      write(zText, z < least || z > most ? `z ${number(z, 2)}` : number(z, 2));
      picture.setAttribute("aria-label", t("network.curve", { sum: number(z, 2), activation: number(a, 3) }));
    },
  };
}
