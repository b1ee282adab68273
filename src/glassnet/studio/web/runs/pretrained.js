// The trained networks that come with glassnet: a card each, and one button that begins a run with it.

import { h } from "../core/dom.js";
import { percent } from "../core/format.js";
import { named, t } from "../core/words.js";
import { activationsOf, isolated, sizesOf } from "./names.js";

/** @typedef {{name: string, sizes: number[], activations: string[], accuracy: number|null}} Pretrained `accuracy` is that on test data. */

/** @param {(name: string) => void} open */
export function pretrained(open) {
  const cards = h("ul", { class: "cards" });
  const element = h("section", { class: "pretrained", hidden: true }, h("h3", {}, t("runs.pretrained")), h("p", { class: "small muted" }, t("runs.pretrained.what")), cards);
  let shown = "";
  return {
    element,
    /** @param {Pretrained[]} all @param {boolean} mine whether something may be done with them */
    show(all, mine) {
      element.hidden = !mine || !all.length;
      if (shown === JSON.stringify(all)) return;
      shown = JSON.stringify(all);
      cards.replaceChildren(...all.map((each) => h("li", {}, card(each, open))));
    },
  };
}

/** @param {Pretrained} trained @param {(name: string) => void} open */
function card({ name, sizes, activations, accuracy }, open) {
  return h(
    "div",
    { class: "card", "data-pretrained": name },
    h("div", {}, h("b", { class: "title" }, isolated(name)), h("span", { class: "small muted figures" }, `${sizesOf(sizes)} · ${activationsOf(activations)}`)),
    h("p", {}, named(`runs.pretrained.${name}`, "")),
    h(
      "div",
      { class: "foot" },
      accuracy === null ? null : h("span", { class: "small figures" }, t("runs.pretrained.right", { share: percent(accuracy) })),
      h("button", { type: "button", "data-act": "pretrained", "aria-label": t("runs.open.name", { name: isolated(name) }), onclick: () => open(name) }, t("runs.open")),
    ),
  );
}
