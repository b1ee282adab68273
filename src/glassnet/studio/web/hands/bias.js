// The bias under a hand: a slider, what it means in one sentence, and the curve on which the neuron moves with it.

import { h, write } from "../core/dom.js";
import { plain } from "../core/format.js";
import { t } from "../core/words.js";
import { curveOf } from "../network/curve.js";
import { slide } from "./slide.js";

/** Of all pixels so many are ink, about, and lie where the weights are of one sign. */
const SHARE = 0.1;

/**
 * @param {import("../core/model.js").Model} model
 * @param {import("./hands.js").Hands} hands
 * @param {import("../core/types.js").Place} place
 * @param {(text: string) => void} complain
 */
export function biasPart(model, hands, { layer, neuron }, complain) {
  const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
  const curve = run.curves[layer - 1];
  const drawn = curve ? curveOf(curve) : null;
  const slider = slide({ hands, label: t("network.part.b"), name: "bias", complain, edit: (value) => ({ fields: { kind: "bias", layer, neuron, value } }) });
  const now = h("p", { class: "small figures" });
  let threshold = Number.NaN;
  const element = h("div", { class: "bias-part" }, slider.element, now);
  /** Whether the neuron is lit where its sum is above 0: then the bias alone says how much must come in. */
  const atZero = () => curve !== null && Math.abs(curve.a[Math.floor(curve.a.length / 2)] - threshold) < 1e-6;
  return {
    element,
    curve: drawn?.el ?? null,
    /** @param {number} value */
    lit: (value) => void (threshold = value),
    /**
     * @param {{z: number, a: number, bias: number}} numbers
     * @param {Float32Array} weights
     */
    update({ z, a, bias }, weights) {
      // Room enough that all images light it at the one end, and none at the other.
      let all = 0;
      for (const each of weights) all += Math.abs(each);
      slider.grow(Math.max(1, 1.5 * Math.abs(bias), Math.min(1e6, 1.5 * Math.abs(z - bias)), Math.min(1e6, all * (layer === 1 && run.side !== null ? SHARE : 0.5))));
      slider.show(bias);
      slider.mark(hands.original({ layer, neuron })?.bias ?? null);
      drawn?.update(z, a);
      write(now, t(atZero() ? "hands.bias.needs" : "hands.bias.sum", { least: plain(-bias), sum: plain(z - bias), z: plain(z) }));
    },
  };
}
