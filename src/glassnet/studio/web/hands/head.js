// The tools in the inspector's head: edit this neuron by hand, mute it; and their keys.

import { h, svg } from "../core/dom.js";
import { keys } from "../core/keys.js";
import { t } from "../core/words.js";
import { isMuted } from "./hands.js";

/** @param {string} d */
const icon = (d) => svg("svg", { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true", focusable: "false" }, svg("path", { d, fill: "none", stroke: "currentColor", "stroke-width": 1.6, "stroke-linecap": "round", "stroke-linejoin": "round" }));

/**
 * @param {import("../core/model.js").Model} model
 * @param {import("./hands.js").Hands} hands
 */
export function headPart(model, hands) {
  const edit = h("button", { type: "button", "data-hands": "edit", title: `${t("keys.hands.edit")} (h)`, onclick: () => hands.open(!hands.isOpen()) }, icon("M3 13l.6-2.9 7.6-7.6 2.3 2.3-7.6 7.6zM9.6 4.1l2.3 2.3"), h("span", {}, t("hands.edit")));
  const mute = h("button", { type: "button", "data-hands": "mute", title: `${t("hands.mute.long")} (m)`, onclick: toggle }, icon("M8 2.2a5.8 5.8 0 1 0 0 11.6 5.8 5.8 0 0 0 0-11.6M3.9 3.9l8.2 8.2"), h("span", {}, t("hands.mute")));
  const element = h("div", { class: "hands-head", role: "group", "aria-label": t("hands.tools"), hidden: true }, edit, mute);

  const hidden = () => {
    const picked = model.get("picked");
    const run = model.get("run");
    return picked && run && picked.layer > 0 && picked.layer < run.sizes.length - 1 ? picked : null;
  };

  function toggle() {
    const place = hidden();
    const run = model.get("run");
    if (place && run && hands.allowed()) void hands.mute(place, !isMuted(model.get("parameters"), run.sizes, place));
  }

  function press() {
    if (!hands.allowed()) return;
    const run = model.get("run");
    const picked = model.get("picked");
    if (run && (!picked || picked.layer === 0)) {
      // Without one that is picked, the hand takes the one that is pointed at, or the first.
      const hovered = model.get("hovered");
      model.set("picked", hovered && hovered.layer > 0 ? hovered : { layer: 1, neuron: 0 });
      hands.open(true);
    } else {
      hands.open(!hands.isOpen());
    }
  }

  /** Undo and redo, wherever the focus is, unless it is where something is typed or drawn. @param {KeyboardEvent} event */
  function undoing(event) {
    if (event.defaultPrevented || !(event.ctrlKey || event.metaKey) || event.altKey || !hands.allowed()) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches("input:not([type=range]), select, textarea") || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    const again = key === "y" || (key === "z" && event.shiftKey);
    const edits = model.get("status")?.edits;
    if (again && edits?.redo) void hands.redo();
    else if (key === "z" && !event.shiftKey && edits?.count) void hands.undo();
    else return;
    event.preventDefault();
  }
  addEventListener("keydown", undoing);
  /** @type {(() => void)|null} who may not edit is told of no keys for it */
  let off = null;
  const register = () =>
    keys("keys.hands", [
      { key: "h", words: "keys.hands.edit", run: press },
      { key: "m", words: "keys.hands.mute", run: toggle },
    ]);

  return {
    element,
    /** @param {import("../core/types.js").Place|null} place what the inspector shows, if it is picked */
    update(place) {
      const run = model.get("run");
      if (hands.allowed()) off ??= register();
      else if (off) {
        off();
        off = null;
      }
      element.hidden = !run || !hands.allowed() || !place || place.layer === 0;
      if (element.hidden || !run || !place) return;
      edit.setAttribute("aria-pressed", String(hands.isOpen()));
      mute.hidden = place.layer === run.sizes.length - 1;
      mute.setAttribute("aria-pressed", String(isMuted(model.get("parameters"), run.sizes, place)));
    },
    close() {
      removeEventListener("keydown", undoing);
      off?.();
    },
  };
}
