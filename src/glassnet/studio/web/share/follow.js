// The address bar says what is shown: calmly, at most every so often, and in the present entry of the browser's history. Other
// entries are other pages only: going back shows the page before, of the network of now.

import { imageOf } from "./image.js";
import { written } from "./link.js";

/** @typedef {import("../core/model.js").Model} Model */

/** Milliseconds between two changes of the address, at rest and while it learns: browsers allow about three in a second. */
const REST = 500;
const LEARNING = 3000;

/** What this page writes beside an address in the history: an entry without it was typed, pasted or followed. */
const OURS = "glassnet";

/** The last address that the page has read: one that is just being opened is not written over. */
let heard = location.hash;

/** Whether the present address was written by this page; asked by whoever reads it. */
export function isOurs() {
  heard = location.hash;
  return Boolean(history.state?.[OURS]);
}

/**
 * The link to this very moment.
 * @param {Model} model
 * @param {string[]} [hide] what it hides
 */
export async function linkOf(model, hide = model.get("hidden")) {
  const image = await imageOf(model);
  const { view, run, status, picked } = model.values;
  return { hash: written({ view, run, at: status?.at ?? null, image: image.text, picked, hide }), image };
}

/**
 * Keeps the address; what is returned ends it.
 * @param {Model} model
 */
export function follow(model) {
  let timer = 0;
  let last = -Infinity;

  async function write() {
    timer = 0;
    last = performance.now();
    // What a link that was just opened asks for stays in the address until it is there.
    if (!model.get("run") || !model.get("status") || !model.get("look") || model.get("link")) return;
    const { hash } = await linkOf(model);
    const ours = Boolean(history.state?.[OURS]);
    if (model.get("link") || (ours ? hash === location.hash : location.hash !== heard)) return;
    // Another page was asked for a moment ago, and opens next: that address is not to be written over.
    const asked = location.hash.slice(1).split("?")[0];
    if (asked && asked !== model.get("view") && !isOurs()) return;
    try {
      history.replaceState({ [OURS]: true }, "", hash);
    } catch {
      // The browser has had enough for now: the next one says the same.
    }
  }

  const due = () => {
    if (timer) return;
    const mode = model.get("status")?.mode;
    const pause = mode === "playing" || mode === "stepping" ? LEARNING : REST;
    timer = window.setTimeout(() => void write(), Math.max(REST / 2, last + pause - performance.now()));
  };
  /** A page was opened: its entry is told apart from one that was typed at once. */
  const turned = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => void write(), 0);
  };
  const events = ["status", "run", "look", "picked", "hidden"].map((key) => model.on(`change:${key}`, due));
  const off = [...events, model.on("change:view", turned), model.on("change:link", turned)];
  return () => {
    clearTimeout(timer);
    for (const each of off) each();
  };
}
