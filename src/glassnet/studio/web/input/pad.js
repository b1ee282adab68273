// The draw pad: mouse, pen, finger or keys make strokes; each movement is sent to the network at once.

import { h, sharp, write } from "../core/dom.js";
import { t } from "../core/words.js";
import { stored } from "../core/storage.js";
import { live } from "./live.js";
import { begin, empty, extend, ink, isDrawing, redo, undo, WHOLE } from "./strokes.js";

/** Pixels of the drawing that is sent: four for each of MNIST's. */
const SIDE = 112;
/** Widths of the brush, in thousandths of the pad: MNIST's pen is about 2.4 of 28 pixels wide. */
const BRUSH = { least: 40, usual: 85, most: 170 };
const STEP = 36;

/**
 * @typedef {import("./strokes.js").Drawing & {size: number, center: boolean, centerWhole: boolean}} Pad `center` is for networks that
 *   learned from centered images, or nobody knows; `centerWhole` for those that learned from whole pictures
 */

/**
 * The drawing of this tab: it outlives the panel, and a reload.
 * @param {import("../core/model.js").Model} model
 * @returns {Pad}
 */
export function padOf(model) {
  if (!model.get("pad")) {
    const kept = stored("pad");
    const drawing = isDrawing(kept) ? { strokes: kept.strokes, undone: kept.undone } : empty();
    const size = Math.min(BRUSH.most, Math.max(BRUSH.least, Number(kept?.size) || BRUSH.usual));
    model.set("pad", { ...drawing, size, center: kept?.center !== false, centerWhole: kept?.centerWhole === true });
  }
  return model.get("pad");
}

/** @param {Pad} pad */
export const keepPad = ({ strokes, undone, size, center, centerWhole }) => void stored("pad", { strokes, undone, size, center, centerWhole });

/**
 * Whether what is drawn is cut out and centered: as the pictures were that the network learned from, until somebody says otherwise.
 * @param {Pad} pad
 * @param {import("../core/types.js").Run} run
 */
export const centerOf = (pad, run) => (run.pictures?.center === false ? pad.centerWhole : pad.center);

/**
 * @param {Pad} pad
 * @param {import("../core/types.js").Run} run
 * @param {boolean} value
 */
export function setCenter(pad, run, value) {
  if (run.pictures?.center === false) pad.centerWhole = value;
  else pad.center = value;
}

/**
 * @param {import("../core/model.js").Model} model
 * @param {import("../core/types.js").Run} run
 * @param {HTMLElement} panel where the time that an answer took is noted
 */
export function pad(model, run, panel) {
  const state = padOf(model);
  const small = h("canvas", { width: SIDE, height: SIDE });
  const pixels = /** @type {CanvasRenderingContext2D} */ (small.getContext("2d", { willReadFrequently: true }));
  const canvas = h("canvas", { "aria-hidden": "true" });
  const cursor = h("div", { class: "cursor", "aria-hidden": "true" });
  const hint = h("p", { class: "hint", "aria-hidden": "true" }, t(run.classes?.every((name) => /^\d$/.test(name)) ? "input.pad.hint" : "input.pad.hint.other"));
  const spoken = h("p", { class: "aside", role: "status" });
  const board = h(
    "div",
    { class: "pad", tabindex: "0", role: "application", "aria-label": t("input.pad"), "aria-roledescription": t("input.pad.role") },
    canvas,
    hint,
    cursor,
    h("p", { class: "how", "aria-hidden": "true" }, t("input.pad.keys")),
  );
  const sizes = h("input", { type: "range", min: BRUSH.least, max: BRUSH.most, step: 5, "aria-label": t("input.brush") });
  sizes.value = String(state.size);
  const nib = h("span", { class: "nib", "aria-hidden": "true" });
  const back = h("button", { class: "quiet symbol", title: t("input.undo"), "aria-label": t("input.undo"), onclick: () => change(undo) }, "↶");
  const again = h("button", { class: "quiet symbol", title: t("input.redo"), "aria-label": t("input.redo"), onclick: () => change(redo) }, "↷");
  const clear = h("button", { class: "quiet", onclick: wipe }, t("input.clear"));
  const element = h(
    "div",
    { class: "drawing" },
    board,
    h("div", { class: "brushes" }, h("span", { class: "tip", "aria-hidden": "true" }, nib), sizes, back, again, clear),
    spoken,
  );
  const stop = new AbortController();
  let width = 0; // of the pad on the screen
  /** @type {import("./strokes.js").Stroke|null} */
  let stroke = null;
  /** @type {{x: number, y: number, stroke: import("./strokes.js").Stroke|null}} the keyboard's pen */
  const pen = { x: WHOLE / 2, y: WHOLE / 2, stroke: null };

  let answers = 0;
  const line = live(model, drawn, (milliseconds) => {
    panel.dataset.answerMs = milliseconds.toFixed(1);
    panel.dataset.answers = String(++answers);
  });

  function drawn() {
    const { data } = pixels.getImageData(0, 0, SIDE, SIDE);
    const values = new Uint8Array(SIDE * SIDE);
    for (let i = 0; i < values.length; i++) values[i] = data[4 * i];
    return { what: { source: "drawing", center: centerOf(state, run) }, arrays: { pixels: { shape: [SIDE, SIDE], values } } };
  }

  /** All strokes anew: after a change of size, or when ink is taken away. */
  function redraw() {
    pixels.fillStyle = "#000";
    pixels.fillRect(0, 0, SIDE, SIDE);
    const context = sharp(canvas, width, width);
    context.clearRect(0, 0, width, width);
    for (const each of state.strokes) {
      ink(pixels, each, SIDE);
      ink(context, each, width);
    }
  }

  function tell() {
    hint.hidden = state.strokes.length > 0;
    back.disabled = clear.disabled = !state.strokes.length;
    again.disabled = !state.undone.length;
    nib.style.width = nib.style.height = `${Math.max(3, (20 * state.size) / BRUSH.most)}px`;
    cursor.style.left = `${(100 * pen.x) / WHOLE}%`;
    cursor.style.top = `${(100 * pen.y) / WHOLE}%`;
    cursor.classList.toggle("down", pen.stroke !== null);
    board.dataset.strokes = String(state.strokes.length);
  }

  /**
   * A point of a stroke: drawn at once, and sent.
   * @param {import("./strokes.js").Stroke} to
   * @param {number} x
   * @param {number} y
   * @param {number} thick
   */
  function add(to, x, y, thick) {
    const count = to.length / 3;
    if (!extend(to, x, y, thick)) return false;
    ink(pixels, to, SIDE, count);
    ink(sharp(canvas, width, width), to, width, count);
    return true;
  }

  /** @param {(state: Pad) => boolean} how */
  function change(how) {
    lift();
    if (!how(state)) return;
    redraw();
    tell();
    keepPad(state);
    line.ask();
  }

  function wipe() {
    lift();
    if (!state.strokes.length) return;
    Object.assign(state, empty());
    redraw();
    tell();
    keepPad(state);
    write(spoken, t("input.pad.cleared"));
    line.ask();
  }

  function lift() {
    if (pen.stroke && pen.stroke.length === 0) state.strokes.pop();
    pen.stroke = stroke = null;
  }

  // ── The hand ──

  /** @param {PointerEvent} event */
  function points(event) {
    const { left, top, width: wide } = board.getBoundingClientRect();
    const all = event.getCoalescedEvents?.() ?? [];
    return (all.length ? all : [event]).map((each) => ({
      x: (WHOLE * (each.clientX - left)) / wide,
      y: (WHOLE * (each.clientY - top)) / wide,
      // Only a pen knows how hard it is pressed.
      thick: state.size * (each.pointerType === "pen" && each.pressure ? 0.5 + each.pressure : 1),
    }));
  }

  /** @param {PointerEvent} event */
  function draw(event) {
    if (!stroke) return;
    let moved = false;
    for (const { x, y, thick } of points(event)) {
      // Outside the edge the stroke goes on, though not out of the world.
      moved = add(stroke, clamp(x, -WHOLE, 2 * WHOLE), clamp(y, -WHOLE, 2 * WHOLE), thick) || moved;
    }
    if (moved) line.ask(event.timeStamp);
  }

  board.addEventListener(
    "pointerdown",
    (event) => {
      if (!event.isPrimary || event.button !== 0) return;
      board.classList.remove("keys");
      lift();
      board.setPointerCapture(event.pointerId);
      stroke = begin(state);
      draw(event);
      tell();
    },
    { signal: stop.signal },
  );
  board.addEventListener("pointermove", (event) => event.isPrimary && draw(event), { signal: stop.signal });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    board.addEventListener(
      end,
      () => {
        if (stroke) keepPad(state);
        stroke = null;
      },
      { signal: stop.signal },
    );
  }
  // A long press would open a menu over the drawing.
  board.addEventListener("contextmenu", (event) => event.preventDefault(), { signal: stop.signal });

  // ── The keys ──

  /** @param {KeyboardEvent} event */
  function key(event) {
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "z") change(event.shiftKey ? redo : undo);
    else if (command && event.key.toLowerCase() === "y") change(redo);
    else if (command || event.altKey) return;
    else if (event.key.startsWith("Arrow")) {
      const step = event.shiftKey ? 3 * STEP : STEP;
      const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
      pen.x = clamp(pen.x + step * dx, 0, WHOLE);
      pen.y = clamp(pen.y + step * dy, 0, WHOLE);
      if (pen.stroke && add(pen.stroke, pen.x, pen.y, state.size)) {
        keepPad(state);
        line.ask(event.timeStamp);
      }
    } else if (event.key === " ") {
      if (event.repeat) return event.preventDefault();
      if (pen.stroke) lift();
      else {
        pen.stroke = begin(state);
        add(pen.stroke, pen.x, pen.y, state.size);
        keepPad(state);
        line.ask(event.timeStamp);
      }
      write(spoken, t(pen.stroke ? "input.pad.down" : "input.pad.up"));
    } else if (event.key === "u") change(undo);
    else if (event.key === "Delete" || event.key === "Backspace") wipe();
    else return;
    event.preventDefault();
    board.classList.add("keys");
    tell();
  }
  board.addEventListener("keydown", key, { signal: stop.signal });
  board.addEventListener("blur", () => (lift(), tell()), { signal: stop.signal });
  sizes.addEventListener(
    "input",
    () => {
      state.size = Number(sizes.value);
      tell();
      keepPad(state);
    },
    { signal: stop.signal },
  );

  const watch = new ResizeObserver(() => {
    const now = board.clientWidth;
    if (now === width || !now) return;
    width = now;
    redraw();
  });
  watch.observe(board);
  redraw();
  tell();

  return {
    element,
    /** Shows the network what is drawn. */
    send: () => line.ask(),
    close: () => {
      lift();
      stop.abort();
      watch.disconnect();
      line.close();
    },
  };
}

/** @param {number} value @param {number} least @param {number} most */
const clamp = (value, least, most) => Math.min(most, Math.max(least, value));
