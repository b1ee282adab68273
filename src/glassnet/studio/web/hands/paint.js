// The weights of a neuron that looks at the image, as a picture to paint on: by mouse, pen, finger or keys.

import { h, signed, write } from "../core/dom.js";
import { plain, short } from "../core/format.js";
import { t } from "../core/words.js";
import { dab, largest, lay, line, roundUp } from "./brush.js";
import { presets } from "./presets.js";
import { slide } from "./slide.js";

/** What a brush can do, and the key that takes it up. */
const BRUSHES = /** @type {const} */ ([
  ["plus", "+"],
  ["minus", "-"],
  ["erase", "0"],
  ["pick", "."],
]);
const STEPS = 50;

/**
 * @param {import("../core/model.js").Model} model
 * @param {import("./hands.js").Hands} hands
 * @param {import("../core/types.js").Place} place
 * @param {(text: string) => void} complain
 */
export function paintPart(model, hands, place, complain) {
  const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
  const side = /** @type {number} */ (run.side);
  const { layer, neuron } = place;
  const { wishes } = hands;
  const weights = new Float32Array(side * side);
  const cover = new Float32Array(side * side);
  let known = false;
  /** @type {Float32Array|null} the weights when the stroke began */
  let before = null;
  /** Where the brush was last. */
  let at = { x: side / 2, y: side / 2 };
  /** The pixel whose weight is told, and where the keys are. */
  let pixel = Math.floor((side * side + side) / 2);
  /** Whether a hand holds the brush down, or the keys do. */
  let held = false;
  let down = false;

  /** Whether anything of this stroke was sent, and whether the run was playing when it began. */
  let sent = false;
  let live = false;
  const mover = hands.mover(() => {
    if (!sent) rebase();
    sent = true;
    if (!held && !down) before = null;
    return { fields: { kind: "weights", layer, neuron }, values: weights.slice() };
  });

  // ── What is seen ──────────────────────────────────────────────────────────────────────────────────────────────────

  const canvas = h("canvas", { class: "pixels", "aria-hidden": "true" });
  const cursor = h("i", { class: "cursor" });
  const tip = h("i", { class: "tip", hidden: true });
  const spoken = h("p", { class: "aside", role: "status" });
  const board = h(
    "div",
    { class: "painting", tabindex: "0", role: "application", "aria-label": t("hands.paint"), "aria-roledescription": t("hands.paint.role"), "data-hands": "painting" },
    canvas,
    cursor,
    tip,
    h("p", { class: "how", "aria-hidden": "true" }, t("hands.paint.keys")),
  );
  const brushes = BRUSHES.map(([kind, key]) =>
    h(
      "button",
      { type: "button", class: `brush ${kind}`, "data-brush": kind, "aria-label": t(`hands.brush.${kind}`), title: `${t(`hands.brush.${kind}`)} (${key})`, onclick: () => take(kind) },
      h("i", { "aria-hidden": "true" }),
      h("span", { "aria-hidden": "true" }, t(`hands.brush.${kind}.short`)),
    ),
  );
  const size = h("input", { type: "range", min: 1, max: Math.max(3, Math.round(side / 3)), step: 1, "aria-label": t("hands.size"), "data-hands": "size" });
  const strength = h("input", { type: "range", min: 1, max: STEPS, step: 1, "aria-label": t("hands.strength"), "data-hands": "strength" });
  const sizeNow = h("output", { class: "figures" });
  const strengthNow = h("output", { class: "figures" });
  const readout = h("p", { class: "small figures readout" });
  const pixelSlide = slide({
    hands,
    label: t("hands.pixel"),
    name: "pixel",
    complain,
    edit: (value) => ({ fields: { kind: "weight", layer, neuron, input: pixel, value } }),
  });
  const laid = presets({ model, hands, place, side, strength: () => wishes.strength, set });
  const element = h(
    "div",
    { class: "paint-part" },
    h(
      "div",
      { class: "easel" },
      board,
      h(
        "div",
        { class: "paints" },
        h("div", { class: "brushes", role: "group", "aria-label": t("hands.brushes") }, brushes),
        h("label", { class: "setting" }, h("span", { class: "small muted" }, t("hands.size"), sizeNow), size),
        h("label", { class: "setting" }, h("span", { class: "small muted" }, t("hands.strength"), strengthNow), strength),
      ),
    ),
    laid.element,
    h("div", { class: "pixel-weight" }, readout, pixelSlide.element),
    spoken,
  );

  /** The largest weight that the brush can lay down. */
  let top = 1;

  function draw() {
    signed(canvas, weights, side, largest(weights));
  }

  function tell() {
    for (const button of brushes) button.setAttribute("aria-pressed", String(button.dataset.brush === wishes.brush));
    size.value = String(wishes.size);
    write(sizeNow, String(wishes.size));
    strength.value = String(Math.round((STEPS * wishes.strength) / top));
    const shown = short(Number(wishes.strength.toPrecision(2)));
    write(strengthNow, wishes.brush === "plus" ? `+${shown}` : wishes.brush === "minus" ? `−${shown}` : shown);
    for (const [field, text] of /** @type {const} */ ([[size, sizeNow], [strength, strengthNow]])) field.setAttribute("aria-valuetext", text.textContent ?? "");
    strength.disabled = wishes.brush === "erase" || wishes.brush === "pick";
    size.disabled = wishes.brush === "pick";
    board.dataset.pixel = String(pixel);
    const cell = 100 / side;
    Object.assign(cursor.style, { left: `${(pixel % side) * cell}%`, top: `${Math.floor(pixel / side) * cell}%`, width: `${cell}%`, height: `${cell}%` });
    cursor.classList.toggle("down", down);
    const wide = wishes.brush === "pick" ? 1 : wishes.size;
    Object.assign(tip.style, { width: `${wide * cell}%`, height: `${wide * cell}%`, left: `${(at.x - wide / 2) * cell}%`, top: `${(at.y - wide / 2) * cell}%` });
    tip.className = `tip ${wishes.brush}`;
    write(readout, where());
  }

  const where = () => t("hands.pixel.where", { row: Math.floor(pixel / side), column: pixel % side, value: plain(model.get("forward")?.input[pixel] ?? 0) });

  /** @param {"plus"|"minus"|"erase"|"pick"} kind */
  function take(kind) {
    if (kind === "pick") lift();
    wishes.brush = kind;
    tell();
  }

  /** The pixel that is asked about is another one. @param {number} wanted */
  function choose(wanted) {
    if (wanted === pixel) return;
    pixel = wanted;
    pixelSlide.show(weights[pixel]);
    mark();
  }
  const mark = () => {
    const original = hands.original(place);
    pixelSlide.mark(original ? original.weights[pixel] : null);
  };

  // ── A stroke ──────────────────────────────────────────────────────────────────────────────────────────────────────

  function begin() {
    // What waits for the run to stop is not begun anew: this goes on with it.
    if (before && !sent) return;
    before = weights.slice();
    sent = false;
    live = hands.learning();
    cover.fill(0);
    mover.begin();
  }

  const target = () => (wishes.brush === "erase" ? 0 : wishes.brush === "minus" ? -wishes.strength : wishes.strength);

  /** @param {{x: number, y: number}} to @param {boolean} [jump] whether nothing lies between it and the point before */
  function paint(to, jump = false) {
    if (!before) return;
    if (jump) dab(cover, side, to.x, to.y, wishes.size / 2);
    else line(cover, side, at, to, wishes.size / 2);
    at = to;
    lay(before, cover, target(), weights);
    draw();
    void mover.move(null);
  }

  /** The run was playing, and stops for this stroke: it is laid over the network of that moment, not of a moment before. */
  function rebase() {
    const now = hands.own(place)?.weights;
    if (!live || !before || !now) return;
    before.set(now);
    lay(before, cover, target(), weights);
  }

  function lift() {
    held = down = false;
    if (sent) before = null;
  }

  /** @param {Float32Array} wanted all of them at once */
  function set(wanted) {
    lift();
    before = null;
    mover.begin();
    weights.set(wanted);
    draw();
    pixelSlide.show(weights[pixel]);
    void mover.move(null);
  }

  // ── The hand ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @param {PointerEvent} event */
  function points(event) {
    const box = board.getBoundingClientRect();
    const all = event.getCoalescedEvents?.() ?? [];
    return (all.length ? all : [event]).map((each) => ({ x: ((each.clientX - box.left) / box.width) * side, y: ((each.clientY - box.top) / box.height) * side }));
  }
  const inside = (/** @type {{x: number, y: number}} */ { x, y }) => x >= 0 && y >= 0 && x < side && y < side;
  const pixelAt = (/** @type {{x: number, y: number}} */ { x, y }) => clamp(Math.floor(y), side) * side + clamp(Math.floor(x), side);

  board.addEventListener("pointerdown", (event) => {
    if (!event.isPrimary || event.button !== 0 || !known) return;
    board.classList.remove("keys");
    board.setPointerCapture(event.pointerId);
    lift();
    const [to] = points(event).slice(-1);
    model.set("hovered", null);
    if (wishes.brush === "pick") {
      at = to;
      board.classList.add("picking");
    } else {
      begin();
      held = true;
      paint(to, true);
    }
    choose(pixelAt(to));
    tell();
  });
  board.addEventListener("pointermove", (event) => {
    if (!event.isPrimary) return;
    const all = points(event);
    const last = all[all.length - 1];
    tip.hidden = event.pointerType === "touch" || !inside(last);
    if (held) for (const to of all) paint(to);
    else if (board.classList.contains("picking") && inside(last)) choose(pixelAt(last));
    at = last;
    if (held && inside(last)) choose(pixelAt(last));
    tell();
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    board.addEventListener(end, () => {
      board.classList.remove("picking");
      if (!down) lift();
      pixelSlide.show(weights[pixel]);
    });
  }
  board.addEventListener("pointerleave", () => (tip.hidden = true));
  // A long press would open a menu over the picture.
  board.addEventListener("contextmenu", (event) => event.preventDefault());

  // ── The keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

  board.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [row, column] = [Math.floor(pixel / side), pixel % side];
    const far = event.shiftKey ? 3 : 1;
    const brush = BRUSHES.find(([, key]) => key === event.key);
    const moves = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [0, -far], ArrowRight: [0, far], ArrowUp: [-far, 0], ArrowDown: [far, 0] });
    if (brush) {
      take(brush[0]);
      write(spoken, t(`hands.brush.${brush[0]}`));
    } else if (event.key in moves) {
      const [dy, dx] = moves[event.key];
      choose(clamp(row + dy, side) * side + clamp(column + dx, side));
      if (down) paint(middle());
      write(spoken, t("hands.pixel.said", { row: Math.floor(pixel / side), column: pixel % side, w: plain(weights[pixel], 3) }));
    } else if (event.key === " " && event.repeat) {
      // The key is still held.
    } else if (event.key === " " && wishes.brush !== "pick") {
      if (down) lift();
      else {
        begin();
        down = true;
        paint(middle(), true);
        pixelSlide.show(weights[pixel]);
      }
      write(spoken, t(down ? "hands.paint.down" : "hands.paint.up"));
    } else if (event.key === "Enter") {
      pixelSlide.field.focus();
      pixelSlide.field.select();
    } else if (event.key === "Escape" && down) {
      lift();
    } else {
      return;
    }
    event.preventDefault();
    board.classList.add("keys");
    tell();
  });
  board.addEventListener("blur", () => {
    if (down) lift();
    tell();
  });
  const middle = () => ({ x: (pixel % side) + 0.5, y: Math.floor(pixel / side) + 0.5 });

  size.addEventListener("input", () => {
    wishes.size = size.valueAsNumber;
    tell();
  });
  strength.addEventListener("input", () => {
    wishes.strength = (top * strength.valueAsNumber) / STEPS;
    tell();
  });

  return {
    element,
    /** @param {Float32Array} now */
    update(now) {
      if (!known) {
        known = true;
        const most = Math.max(largest(now), 1e-3);
        top = roundUp(Math.max(2 * most, 1));
        if (!(wishes.strength > 0)) wishes.strength = Math.max(top / STEPS, (top * Math.round((STEPS * most) / top)) / STEPS);
        wishes.strength = Math.min(wishes.strength, top);
        pixelSlide.grow(top);
      }
      if (before && !sent && live) rebase();
      else if (!held && !down && !mover.ahead()) weights.set(now);
      draw();
      pixelSlide.show(weights[pixel]);
      mark();
      laid.update();
      tell();
    },
  };
}

/** @param {number} value @param {number} side */
const clamp = (value, side) => Math.min(side - 1, Math.max(0, value));
