// A QR code from its rows of modules: dark squares on white, with the margin that cameras need.

import { svg } from "../core/dom.js";

const MARGIN = 4;

/**
 * @param {string[]} rows "1" is dark
 * @param {string} label
 */
export function qr(rows, label) {
  const side = rows.length + 2 * MARGIN;
  // One path for all: runs of dark modules, row by row.
  const path = rows.flatMap((row, y) => [...row.matchAll(/1+/g)].map((run) => `M${run.index + MARGIN} ${y + MARGIN}h${run[0].length}v1h-${run[0].length}z`)).join("");
  return svg(
    "svg",
    { class: "qr", viewBox: `0 0 ${side} ${side}`, role: "img", "aria-label": label, "shape-rendering": "crispEdges" },
    svg("rect", { width: side, height: side, fill: "#fff" }),
    svg("path", { d: path, fill: "#000" }),
  );
}
