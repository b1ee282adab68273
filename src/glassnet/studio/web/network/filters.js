// The honest filters: which of all edges are drawn, said in words with both numbers.

import { h, write } from "../core/dom.js";
import { count } from "../core/format.js";
import { keys } from "../core/keys.js";
import { joined, t } from "../core/words.js";
import { again, unseen } from "../learning/transport.js";

/** @typedef {import("../core/model.js").Model} Model */

const KINDS = /** @type {const} */ (["all", "strongest", "contribution", "neuron", "change"]);
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
  const show = h("button", { class: "quiet again", type: "button", hidden: true, onclick: () => void again(model) }, t("network.drawn.change.again"));
  const line = h("div", { class: "drawn" }, sliding, words, show);
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

  function update() {
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
    const change = model.get("change");
    const unknown = kind === "change" && !change;
    show.hidden = !unknown || !unseen(model);
    if (unknown) {
      const mode = model.get("status")?.mode;
      write(words, t(mode === "playing" || mode === "stepping" ? "network.drawn.change.busy" : !model.get("status")?.step ? "network.drawn.change.none" : "network.drawn.change.unknown"));
      return;
    }
    const values = { drawn: count(drawn), total: count(total()), step: count(change?.step ?? 0) };
    const pointing = model.get("hovered") ?? model.get("picked");
    const parts = [kind === "neuron" && !pointing ? t("network.drawn.point", values) : t(kind === "contribution" || kind === "change" ? `network.drawn.${kind}` : "network.drawn", values)];
    if (folded) parts.push(t("network.drawn.folded", { count: count(folded) }));
    write(words, joined(parts));
  }

  const off = [
    model.on("change:filter", update),
    model.on("change:run", update),
    model.on("change:change", say),
    model.on("change:status", () => model.get("filter").kind === "change" && say()),
    keys("network.keys", [
      {
        key: "f",
        words: "network.keys.filter",
        run: () => choose(KINDS[(KINDS.indexOf(model.get("filter").kind) + 1) % KINDS.length]),
      },
    ]),
  ];
  update();
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
