// The tour: a minute with the real things, on a first visit and whenever it is asked for. It is beside the page, never over it: all
// goes on working, nothing of the training is touched, and it can be left at any moment.

import { calm, h, write } from "../core/dom.js";
import { hiddenOf } from "../core/hiding.js";
import { kept } from "../core/storage.js";
import { t } from "../core/words.js";

/** @typedef {import("../core/model.js").Model} Model */

/**
 * @typedef {object} Stop
 * @property {string} words the end of the keys of its title and its text
 * @property {string[]} at what it points at, the first of these that is on the page; where there is none, the stop is left out
 * @property {number} [side] where the card is best: 0 right, 1 left, 2 above, 3 below
 * @property {string} [hides] the name by which a link may hide it
 * @property {(model: Model) => void} [before] does something for whoever looks: only what they look at, nothing of the run
 */

/** @type {Stop[]} */
const STOPS = [
  { words: "network", at: [".stage .board"] },
  { words: "input", at: [".input .pad", "main > .input"] },
  { words: "neuron", at: ["button[data-layer='1'][data-neuron='3']", "button[data-layer='1']"], side: 1, before: (model) => model.set("picked", { layer: 1, neuron: 3 }) },
  { words: "play", at: [".dock button.primary"], side: 2, hides: "transport" },
  { words: "time", at: [".dock .scrub"], side: 2, hides: "transport" },
  { words: "race", at: ["nav.pages a[data-view=race]"], side: 3, hides: "race" },
  { words: "help", at: [".help-button"], side: 3 },
];

/** Between a thing and what is said about it, and from there to the window's edge, in pixels. */
const [GAP, EDGE] = [14, 8];

/** Where the tour is: -1 offers it; null: it is not shown. It outlives a change of language. @type {number|null|undefined} */
let place;
/** What had the focus before. @type {Element|null} */
let before = null;

/**
 * @param {Model} model
 * @param {(view: string) => void} open opens a page
 */
export function tour(model, open) {
  const ring = h("div", { class: "ring", "aria-hidden": "true" });
  const title = h("h2", { id: "tour-title", tabindex: "-1" });
  const text = h("p", { id: "tour-text" });
  const progress = h("span", { class: "small muted figures" });
  const dots = h("span", { class: "dots", "aria-hidden": "true" });
  const buttons = h("div", { class: "row" });
  const leave = h("button", { class: "quiet symbol leave", "aria-label": t("tour.leave"), title: t("tour.leave"), onclick: () => end() }, "✕");
  const card = h(
    "div",
    { class: "card", role: "dialog", "aria-modal": "false", "aria-labelledby": "tour-title", "aria-describedby": "tour-text" },
    h("div", { class: "head" }, title, leave),
    text,
    h("div", { class: "foot" }, h("span", { class: "progress-of" }, dots, progress), buttons),
  );
  const element = h("div", { class: "tour", hidden: true }, ring, card);
  let following = 0;

  const found = (/** @type {Stop} */ stop) => {
    const targets = stop.at.map((each) => /** @type {HTMLElement|null} */ (document.querySelector(each)));
    return targets.find((each) => each?.getClientRects().length) ?? null;
  };
  const stops = () => STOPS.filter((stop) => found(stop) && !(stop.hides && hiddenOf(model).includes(stop.hides)));

  const back = h("button", { onclick: () => go(-1) }, t("tour.back"));
  const next = h("button", { class: "primary", onclick: () => go(1) }, t("tour.next"));
  const start = h("button", { class: "primary", onclick: () => begin() }, t("tour.start"));
  const later = h("button", { onclick: () => end() }, t("tour.later"));

  /** @param {boolean} focus whether the card takes the focus: when somebody asked for it */
  function show(focus) {
    cancelAnimationFrame(following);
    element.hidden = place === null || place === undefined;
    if (place === null || place === undefined) return;
    const all = stops();
    const offer = place < 0;
    element.classList.toggle("offer", offer);
    if (!offer) place = Math.min(place, all.length - 1);
    const stop = all[place];
    write(title, t(offer ? "tour.offer" : `tour.${stop.words}`));
    write(text, t(offer ? "tour.offer.what" : `tour.${stop.words}.what`));
    write(progress, offer ? "" : t("tour.progress", { number: place + 1, all: all.length }));
    dots.replaceChildren(...(offer ? [] : all.map((_, i) => h("i", { class: i === place ? "now" : i < (place ?? 0) ? "done" : "" }))));
    const last = place === all.length - 1;
    write(next, t(last ? "tour.end" : "tour.next"));
    back.hidden = place === 0;
    buttons.replaceChildren(...(offer ? [later, start] : [back, next]));
    element.dataset.stop = offer ? "offer" : stop.words;
    if (!offer) {
      stop.before?.(model);
      found(stop)?.scrollIntoView({ block: "center", behavior: calm() ? "auto" : "smooth" });
    }
    // It goes with what it points at: the page scrolls, the window is turned.
    const keep = () => {
      put(stop ? found(stop) : null, stop?.side ?? 0);
      // What is only offered stands in its corner.
      if (!offer) following = requestAnimationFrame(keep);
    };
    keep();
    if (focus) title.focus({ preventScroll: true });
  }

  /** Puts the ring around a thing, and the card where there is room beside it. @param {HTMLElement|null} target @param {number} side */
  function put(target, side) {
    ring.hidden = !target;
    if (!target) {
      card.style.left = card.style.top = card.style.bottom = "";
      return;
    }
    const box = target.getBoundingClientRect();
    const [width, height] = [card.offsetWidth, card.offsetHeight];
    // On a phone the dock lies over the end of the page.
    const dock = document.querySelector(".dock");
    const wide = document.documentElement.clientWidth;
    const high = dock && !dock.contains(target) ? Math.min(innerHeight, dock.getBoundingClientRect().top) : innerHeight;
    const inside = { left: Math.max(box.left, 0), right: Math.min(box.right, wide), top: Math.max(box.top, 0), bottom: Math.min(box.bottom, high) };
    set(ring, inside.left - 4, inside.top - 4);
    ring.style.width = `${Math.max(0, inside.right - inside.left) + 8}px`;
    ring.style.height = `${Math.max(0, inside.bottom - inside.top) + 8}px`;
    const middle = { x: (inside.left + inside.right - width) / 2, y: (inside.top + inside.bottom - height) / 2 };
    const sides = [
      { room: wide - inside.right - width, x: inside.right + GAP, y: middle.y },
      { room: inside.left - width, x: inside.left - GAP - width, y: middle.y },
      { room: inside.top - height, x: middle.x, y: inside.top - GAP - height },
      { room: high - inside.bottom - height, x: middle.x, y: inside.bottom + GAP },
    ];
    const roomy = [sides[side], ...sides].filter(({ room }) => room >= GAP + EDGE);
    // Where it is larger than that leaves room for, the card lies in its lower corner.
    const best = roomy[0] ?? { x: inside.right - width - GAP, y: inside.bottom - height - GAP };
    card.style.bottom = "auto";
    set(card, Math.min(Math.max(best.x, EDGE), wide - width - EDGE), Math.min(Math.max(best.y, EDGE), high - height - EDGE));
  }

  /** @param {HTMLElement} it @param {number} x @param {number} y */
  function set(it, x, y) {
    it.style.left = `${Math.round(x)}px`;
    it.style.top = `${Math.round(y)}px`;
  }

  function begin() {
    before = document.activeElement;
    kept("tour", "seen");
    open("network");
    place = 0;
    // The page comes first, if another was open.
    requestAnimationFrame(() => show(true));
  }

  /** @param {1|-1} way */
  function go(way) {
    if (place === null || place === undefined) return;
    const to = place + way;
    if (to < 0) return;
    if (to >= stops().length) {
      end();
      return;
    }
    place = to;
    show(true);
  }

  function end() {
    const had = element.contains(document.activeElement);
    kept("tour", "seen");
    place = null;
    show(false);
    if (!had) return;
    if (before instanceof HTMLElement) before.focus({ preventScroll: true });
    // What it came from may be gone: a button of a dialog that was closed.
    if (document.activeElement !== before || before === document.body) document.getElementById("main")?.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  function key(event) {
    if (element.hidden || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const ours = element.contains(target) || target === document.body || target.id === "main";
    if (event.key === "Escape" && !target.closest?.("input, select, textarea")) end();
    else if (place !== null && place !== undefined && place >= 0 && ours && event.key === "ArrowRight") go(1);
    else if (place !== null && place !== undefined && place >= 0 && ours && event.key === "ArrowLeft") go(-1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
  addEventListener("keydown", key, { capture: true });

  /** A first visit is offered the tour when there is something to see; pupils are taught, and a teacher's link has its own plan. */
  const offer = () => {
    if (place !== undefined || !model.get("forward") || model.get("link")) return;
    place = kept("tour") || model.get("role") === "pupil" || model.get("hidden").length ? null : -1;
    show(false);
  };
  /** A link that hides things was opened in this very tab. */
  const withdraw = () => {
    if (place !== -1 || !hiddenOf(model).length) return;
    place = null;
    show(false);
  };
  const offs = [model.on("frame", offer), model.on("change:hidden", withdraw), model.on("change:role", withdraw)];
  if (place !== undefined) requestAnimationFrame(() => show(false));
  return {
    element,
    begin,
    close: () => {
      for (const off of offs) off();
      removeEventListener("keydown", key, { capture: true });
      cancelAnimationFrame(following);
    },
  };
}
