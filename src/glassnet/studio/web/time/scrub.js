// The scrub bar: the whole run as a line. What was trained is filled; the handle is where the network stands, and drags it.

import { h, once, svg, write } from "../core/dom.js";
import { count } from "../core/format.js";
import { t } from "../core/words.js";
import { glyph, whole } from "./marks.js";

/** @typedef {import("../core/types.js").Mark} Mark */
/** @typedef {import("../core/types.js").Status} Status */
/** @typedef {ReturnType<typeof import("./hand.js").hand>} Hand */

/** So many steps the bar shows at least. */
const LEAST = 100;
/** Of the same kind and nearer than this, in pixels, marks are one. */
const NEAR = 9;

/**
 * The next round number of the row 1, 2, 5, 10 … that a count fits under.
 * @param {number} value
 */
function above(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, LEAST)));
  return [1, 2, 5, 10].map((n) => n * power).find((each) => each >= value) ?? value;
}

/** Minibatches of an epoch, by the settings of now. @param {import("../core/model.js").Model} model */
export const batches = (model) => Math.max(1, Math.ceil((model.get("status")?.examples ?? 1) / (model.get("run")?.settings.batch_size ?? 1)));

/**
 * @param {import("../core/model.js").Model} model
 * @param {Hand} hand
 */
export function scrub(model, hand) {
  const [done, rest] = [h("i", { class: "done" }), h("i", { class: "rest" })];
  const handle = h("i", { class: "handle" });
  const bar = h(
    "div",
    { class: "bar", role: "slider", tabindex: 0, "aria-label": t("time.scrub"), "aria-valuemin": 0, onkeydown: pressed },
    h("span", { class: "track" }, rest, done),
  );
  const marks = h("div", { class: "marks" });
  const tip = h("span", { class: "tip figures", "aria-hidden": "true", hidden: true });
  const line = h("div", { class: "scrub" }, bar, marks, handle, tip);
  const scaleText = h("span", { class: "figures" });
  const scale = h("button", { class: "quiet scale", type: "button", onclick: rescale }, scaleText, arrows());

  /** The part of the run that is shown; null: as fits. @type {"whole"|"near"|null} */
  let chosen = null;
  let dragging = false;
  /** How many steps the bar shows; while it is dragged, this stays. */
  let reach = 1;
  let pointer = /** @type {number|null} */ (null);

  /** @param {Status} status */
  function reached(status) {
    const steps = Math.max(status.steps, 1);
    const near = Math.min(steps, above(status.end.step));
    if (chosen) return chosen === "near" ? near : steps;
    // At the beginning of a long run what was trained would be a few pixels: then the bar shows a round number of steps. At full
    // speed that number would change all the time.
    const rushing = status.mode === "playing" && status.speed === null;
    return rushing || status.end.step * 10 >= steps ? steps : near;
  }

  function rescale() {
    const status = model.get("status");
    if (!status) return;
    chosen = reached(status) < status.steps ? "whole" : "near";
    update();
  }

  /** @param {number} x of the window */
  function stepAt(x) {
    const { left, width } = line.getBoundingClientRect();
    const share = Math.min(1, Math.max(0, (x - left) / width));
    return Math.min(model.get("status")?.end.step ?? 0, Math.round(share * reach));
  }

  /** @param {number} step */
  function go(step) {
    const status = model.get("status");
    if (!status || bar.getAttribute("aria-disabled")) return;
    const end = status.end.step;
    const to = Math.min(end, Math.max(0, step));
    hand.go(to === end ? { step: end, at: status.end.at } : { step: to });
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const status = model.get("status");
    if (!status) return;
    const here = hand.step();
    /** @type {Record<string, number>} */
    const to = {
      ArrowLeft: here - 1,
      ArrowDown: here - 1,
      ArrowRight: here + 1,
      ArrowUp: here + 1,
      PageDown: here - batches(model),
      PageUp: here + batches(model),
      Home: 0,
      End: status.end.step,
    };
    if (!(event.key in to)) return;
    event.preventDefault();
    const target = Math.min(status.end.step, Math.max(0, to[event.key]));
    if (target !== here) go(target);
  }

  line.addEventListener("pointerdown", (event) => {
    if (event.button || bar.getAttribute("aria-disabled")) return;
    event.preventDefault();
    bar.focus({ preventScroll: true });
    line.setPointerCapture(event.pointerId);
    dragging = true;
    hand.hold(true);
    line.classList.add("dragging");
    pointer = event.clientX;
    const mark = marked(event.target);
    if (mark) hand.go(mark);
    else go(stepAt(event.clientX));
    update();
  });
  line.addEventListener("pointermove", (event) => {
    if (dragging && event.clientX !== pointer) go(stepAt(event.clientX));
    pointer = event.clientX;
    point(marked(event.target));
  });
  const release = () => {
    if (!dragging) return;
    dragging = false;
    hand.hold(false);
    line.classList.remove("dragging");
    update();
  };
  line.addEventListener("pointerup", release);
  line.addEventListener("pointercancel", release);
  line.addEventListener("pointerleave", () => {
    if (dragging) return;
    pointer = null;
    point(null);
  });
  marks.addEventListener("focusin", ({ target }) => point(marked(target)));
  marks.addEventListener("focusout", () => point(null));

  /** @type {WeakMap<Element, Mark[]>} */
  const meant = new WeakMap();
  /** @param {EventTarget|null} target @returns {Mark|null} the last of those that are drawn there */
  const marked = (target) => meant.get(/** @type {Element} */ (target)?.closest?.(".mark") ?? bar)?.at(-1) ?? null;

  /** Says what is under the pointer: a mark, or the step that a press would go to. @param {Mark|null} mark */
  function point(mark) {
    const { left, width } = line.getBoundingClientRect();
    tip.hidden = mark === null && (pointer === null || model.get("status") === null);
    if (tip.hidden) return;
    const step = mark?.step ?? (dragging ? hand.step() : stepAt(pointer ?? left));
    const beyond = !mark && !dragging && pointer !== null && ((pointer - left) / width) * reach > step + 1;
    write(tip, mark ? whole(mark) : t(beyond ? "time.tip.end" : "time.tip", { step: count(step) }));
    const half = tip.offsetWidth / 2;
    tip.style.left = `${Math.min(width - half, Math.max(half, (width * step) / reach))}px`;
  }

  let drawn = "";
  /** @param {Status} status */
  function drawMarks(status) {
    const all = model.get("run")?.marks ?? [];
    const width = line.clientWidth || 1;
    const key = JSON.stringify([reach, width, all]);
    if (drawn === key) return;
    drawn = key;
    /** @type {Mark[][]} */
    const groups = [];
    for (const mark of all) {
      const near = groups.find(([first]) => first.kind === mark.kind && (Math.abs(first.step - mark.step) * width) / reach < NEAR);
      if (near) near.push(mark);
      else groups.push([mark]);
    }
    marks.replaceChildren(
      ...groups.filter(([{ step }]) => step <= reach).map((group) => {
        const last = group[group.length - 1];
        const name = group.slice(-5).map(whole).join("\n");
        // Not a stop of the Tab key: they are all in the list beside the bar.
        const button = h("button", { class: `mark ${last.kind}`, type: "button", tabindex: -1, "aria-label": name, onclick: () => bar.getAttribute("aria-disabled") || hand.go(last) }, glyph(last.kind));
        button.style.left = `${(100 * last.step) / reach}%`;
        meant.set(button, group);
        return button;
      }),
    );
  }

  function update() {
    const { status, role } = model.values;
    if (!status) return;
    if (!dragging) reach = reached(status);
    const step = hand.step();
    const { steps, end } = status;
    const fixed = status.mode === "watching" || role === "pupil";
    if (fixed) bar.setAttribute("aria-disabled", "true");
    else bar.removeAttribute("aria-disabled");
    const known = { now: step, max: steps, text: t("time.scrub.value", { step: count(step), steps: count(steps), epoch: count(Math.min(status.epochs, Math.floor(step / batches(model)) + 1)) }) };
    for (const [name, value] of Object.entries(known)) {
      if (bar.getAttribute(`aria-value${name}`) !== String(value)) bar.setAttribute(`aria-value${name}`, String(value));
    }
    done.style.transform = `scaleX(${Math.min(1, step / reach)})`;
    rest.style.transform = `scaleX(${Math.min(1, end.step / reach)})`;
    handle.style.left = `${Math.min(100, (100 * step) / reach)}%`;
    line.classList.toggle("goes-on", reach < steps);
    drawMarks(status);
    scale.hidden = Math.min(steps, above(end.step)) === steps;
    write(scaleText, count(reach));
    const words = t(reach < steps ? "time.scale.near" : "time.scale.whole", { reach: count(reach), steps: count(steps) });
    if (scale.title !== words) {
      scale.title = words;
      scale.setAttribute("aria-label", words);
      scale.classList.toggle("near", reach < steps);
    }
    if (dragging) point(null);
  }
  const draw = once(update);
  const watcher = new ResizeObserver(draw);
  watcher.observe(line);
  const leaves = [model.on("change:status", draw), model.on("change:run", draw), model.on("change:role", draw)];
  update();
  return {
    line,
    scale,
    draw,
    close() {
      for (const leave of leaves) leave();
      watcher.disconnect();
      draw.cancel();
    },
  };
}

/** From here to there, for the width of the bar. */
const arrows = () =>
  svg(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: "M1.5 8h13M4.5 5l-3 3 3 3M11.5 5l3 3-3 3", fill: "none", stroke: "currentColor", "stroke-width": 1.6, "stroke-linecap": "round", "stroke-linejoin": "round" }),
  );
