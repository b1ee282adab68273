// One lane's network, small: the image, every neuron lit by it, every edge by its weight. It is the stage's own drawing, laid out larger
// than it is shown, so that all neurons have room.

import { em, gray, h, once, sharp } from "../core/dom.js";
import { className } from "../core/names.js";
import { edgesClient } from "../network/client.js";
import { gapsOf, layout } from "../network/layout.js";
import { fullOf, shade } from "../network/shade.js";
import { t } from "../core/words.js";

/** The least room of a neuron on the stage; there is no more than so much larger a stage. */
const LEAST = 14;
const LARGEST = 4;
const SHARPEST = 2;

/**
 * @param {object} asked
 * @param {number[]} asked.sizes
 * @param {string[]} asked.activations
 * @param {number|null} asked.side
 * @param {boolean} asked.drawn whether its weights are sent
 */
export function networkPicture({ sizes, activations, side, drawn }) {
  const edges = h("canvas", { class: "edges", "aria-hidden": "true" });
  const front = h("canvas", { class: "edges", "aria-hidden": "true" }); // where the stage draws what is pointed at; here it stays empty
  const neurons = h("canvas", { class: "neurons", "aria-hidden": "true" });
  const image = h("canvas", { class: "pixels", "aria-hidden": "true", hidden: side === null });
  const element = h("div", { class: "network-picture", role: "img" }, edges, front, image, neurons, drawn ? null : h("p", { class: "large small" }, t("race.large")));
  const client = drawn ? edgesClient({ edges, front }, () => (element.dataset.drawings = String(Number(element.dataset.drawings ?? 0) + 1))) : null;

  /** @type {import("../network/layout.js").Layout|null} */
  let board = null;
  let scale = 1;
  /** @type {Float32Array[]} */
  let weights = [];
  /** @type {{input: ArrayLike<number>, as: ArrayLike<number>|null, answer: number|null, right: boolean|null, name: string}|null} */
  let seen = null;

  function arrange() {
    const { clientWidth: width, clientHeight: height } = element;
    if (width < 40 || height < 40) return;
    // A layer that would not fit in one column is folded; so the stage is so large that the usual ones fit.
    const most = Math.min(40, Math.max(10, ...sizes.slice(side === null ? 0 : 1).filter((size) => size <= 40)));
    scale = Math.min(LARGEST, Math.max(1, (most * LEAST + 36) / height));
    const names = 1.7 * em() * scale;
    board = layout({ width: width * scale, height: height * scale, sizes, side, names, opened: new Set(), scale: 1 });
    const ratio = Math.min(devicePixelRatio || 1, SHARPEST) / scale;
    // Lines share the pixels that there are, not those of the larger stage.
    const gaps = gapsOf(board, sizes).map((gap) => ({ ...gap, span: gap.span / scale }));
    client?.ask({ board: { width: width * scale, height: height * scale, ratio, gaps }, weights });
    if (board.picture) {
      const { x, y, size } = board.picture;
      Object.assign(image.style, { left: `${x / scale}px`, top: `${y / scale}px`, width: `${size / scale}px`, height: `${size / scale}px` });
    }
    draw();
  }

  const draw = once(() => {
    const { clientWidth: width, clientHeight: height } = element;
    if (!board || !seen || width < 40) return;
    const context = sharp(neurons, width, height);
    context.clearRect(0, 0, width, height);
    if (side !== null && seen.input.length === side * side) gray(image, seen.input, side);
    const { as } = seen;
    if (!as) return;
    context.save();
    context.scale(1 / scale, 1 / scale);
    context.lineWidth = Math.max(1, 0.7 * scale);
    let from = -sizes[0];
    sizes.forEach((size, layer) => {
      const values = layer === 0 ? seen?.input ?? [] : Array.prototype.slice.call(as, from, from + size);
      from += size;
      const column = board?.columns.find((each) => each.layer === layer);
      if (!column) return;
      const full = layer === 0 ? 1 : fullOf(activations[layer - 1], values);
      column.shown.forEach((neuron, i) => {
        context.beginPath();
        context.arc(column.xs[i], column.ys[i], column.radius, 0, 7);
        context.fillStyle = shade(values[neuron] / full);
        context.fill();
        context.strokeStyle = layer === sizes.length - 1 && neuron === seen?.answer ? "#f4d345" : "rgb(160 168 180 / 55%)";
        context.stroke();
      });
      if (column.fold) {
        context.fillStyle = "#a0a8b4";
        for (const dot of [-1, 0, 1]) {
          context.beginPath();
          context.arc(column.fold.x, column.fold.y + dot * 5, 1.2, 0, 7);
          context.fill();
        }
      }
    });
    context.restore();
    const last = board.columns[board.columns.length - 1];
    const at = seen.answer === null ? -1 : last.shown.indexOf(seen.answer);
    if (at >= 0) {
      context.font = `600 ${0.95 * em()}px system-ui, sans-serif`;
      context.textBaseline = "middle";
      context.fillStyle = "#e9ebee";
      context.fillText(seen.name.slice(0, 2), (last.xs[at] + last.radius) / scale + 5, last.ys[at] / scale);
    }
  });

  const watcher = new ResizeObserver(once(arrange));
  watcher.observe(element);

  return {
    element,
    /** @param {ArrayLike<number>} flat all layers' weights, one after the other */
    weigh(flat) {
      let from = 0;
      weights = sizes.slice(1).map((size, l) => Float32Array.from(/** @type {Float32Array} */ (flat).subarray(from, (from += size * sizes[l]))));
      if (board) client?.ask({ weights });
    },
    /**
     * @param {ArrayLike<number>} input
     * @param {ArrayLike<number>|null} as
     * @param {number|null} answer
     * @param {import("../core/types.js").Run} run
     * @param {string} label for those who do not see it
     */
    show(input, as, answer, run, label) {
      seen = { input, as, answer, right: null, name: className(run, answer) };
      if (element.getAttribute("aria-label") !== label) element.setAttribute("aria-label", label);
      draw();
    },
    close() {
      watcher.disconnect();
      draw.cancel();
      client?.close();
    },
  };
}
