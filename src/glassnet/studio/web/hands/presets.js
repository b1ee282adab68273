// Weights that are laid down at once: patterns to learn from, and the way back to how it was.

import { h } from "../core/dom.js";
import { t } from "../core/words.js";
import { bar, inkOf, ring } from "./brush.js";

/**
 * @param {object} options
 * @param {import("../core/model.js").Model} options.model
 * @param {import("./hands.js").Hands} options.hands
 * @param {import("../core/types.js").Place} options.place
 * @param {number|null} options.side of the picture, if it is one
 * @param {() => number} options.strength
 * @param {(weights: Float32Array) => void} options.set
 */
export function presets({ model, hands, place, side, strength, set }) {
  const inputs = /** @type {import("../core/types.js").Run} */ (model.get("run")).sizes[place.layer - 1];
  /** @type {Record<string, () => Float32Array|null>} */
  const kinds = {
    zero: () => new Float32Array(inputs),
    ...(side === null
      ? {}
      : {
          bar: () => bar(side, strength()),
          ring: () => ring(side, strength()),
          ink: () => {
            const input = model.get("forward")?.input;
            return input ? inkOf(input, strength()) : null;
          },
        }),
    original: () => hands.original(place)?.weights.slice() ?? null,
  };
  const buttons = Object.entries(kinds).map(([name, weights]) => {
    const button = h("button", { type: "button", "data-preset": name, title: t(`hands.preset.${name}.long`) }, t(`hands.preset.${name}`));
    button.addEventListener("click", () => {
      const chosen = weights();
      if (chosen) set(chosen);
    });
    return { name, button };
  });
  return {
    element: h("div", { class: "presets", role: "group", "aria-label": t("hands.presets") }, buttons.map(({ button }) => button)),
    update() {
      for (const { name, button } of buttons) if (name === "original") button.disabled = !hands.original(place);
    },
  };
}
