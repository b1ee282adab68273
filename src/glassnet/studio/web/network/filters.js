// The honest filters: which of all edges are drawn, said in words with both numbers.

import { h, write } from "../core/dom.js";
import { count } from "../core/format.js";
import { keys } from "../core/keys.js";
import { joined, t } from "../core/words.js";

/** @typedef {import("../core/model.js").Model} Model */

const KINDS = /** @type {const} */ (["all", "strongest", "contribution", "neuron"]);
const FEWEST = 10;

/** @param {Model} model */
export function filters(model) {
  const buttons = KINDS.map((kind) =>
    h("button", { class: "quiet", type: "button", title: t(`network.filter.${kind}.long`), onclick: () => choose(kind) }, t(`network.filter.${kind}`)),
  );
  // The slider is even in powers, since 10 against 20 edges matters as much as 5,000 against 10,000.
  const slider = h("input", { type: "range", min: 0, max: 100, step: 1, "aria-label": t("network.filter.count"), oninput: slide });
  const sliding = h("span", { class: "sliding" }, slider);
  const words = h("span", { class: "figures" });
  const el = h("div", { class: "filters", role: "group", "aria-label": t("network.filters") }, buttons);
  const line = h("p", { class: "drawn" }, sliding, words);
  let drawn = -1;
  let folded = 0;

  const total = () => {
    const sizes = model.get("run")?.sizes ?? [];
    return sizes.slice(1).reduce((all, size, i) => all + size * sizes[i], 0);
  };

  /** @param {typeof KINDS[number]} kind */
  function choose(kind) {
    model.set("filter", { ...model.get("filter"), kind });
  }

  function slide() {
    const most = Math.max(total(), FEWEST);
    model.set("filter", { kind: "strongest", count: Math.round(FEWEST * (most / FEWEST) ** (Number(slider.value) / 100)) });
  }

  function show() {
    const { kind, count: wanted } = model.get("filter");
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(KINDS[i] === kind)));
    sliding.hidden = kind !== "strongest";
    const most = Math.max(total(), FEWEST);
    const at = Math.round((100 * Math.log(Math.min(wanted, most) / FEWEST)) / Math.log(most / FEWEST || 1)) || 0;
    if (Number(slider.value) !== at && document.activeElement !== slider) slider.value = String(at);
    slider.setAttribute("aria-valuetext", count(Math.min(wanted, most)));
    say();
  }

  function say() {
    const { kind } = model.get("filter");
    if (drawn < 0) return;
    const values = { drawn: count(drawn), total: count(total()) };
    const pointing = model.get("hovered") ?? model.get("picked");
    const parts = [kind === "neuron" && !pointing ? t("network.drawn.point", values) : t(kind === "contribution" ? "network.drawn.contribution" : "network.drawn", values)];
    if (folded) parts.push(t("network.drawn.folded", { count: count(folded) }));
    write(words, joined(parts));
  }

  const off = [
    model.on("change:filter", show),
    model.on("change:run", show),
    keys("network.keys", [
      {
        key: "f",
        words: "network.keys.filter",
        run: () => choose(KINDS[(KINDS.indexOf(model.get("filter").kind) + 1) % KINDS.length]),
      },
    ]),
  ];
  show();
  return {
    el,
    line,
    /** @param {number} edges how many are drawn @param {number} hidden how many belong to folded neurons */
    say(edges, hidden) {
      [drawn, folded] = [edges, hidden];
      say();
    },
    close() {
      for (const each of off) each();
    },
  };
}
