// The image that this tab looks at, as a link has it.

import { drawn, seen } from "./drawing.js";

/** @typedef {import("../core/model.js").Model} Model */
/** @typedef {{text: string|null, exact: boolean}} Told `text` null: it does not fit; `exact`: the other network sees the same numbers */

/** @type {{key: any, told: Promise<Told>}} a drawing is packed once */
let last = { key: null, told: Promise.resolve({ text: null, exact: true }) };

/**
 * @param {Model} model
 * @returns {Promise<Told>}
 */
export async function imageOf(model) {
  await answered(model);
  const { look, asked, forward, run } = model.values;
  if (!look) return { text: null, exact: true };
  if (look.row !== null) return { text: `${look.source}:${look.row}`, exact: true };
  if (look.source === "blank") return { text: "blank", exact: true };
  const mine = asked && asked.message.look === look.look ? asked : null;
  if (look.source === "noise") return { text: `noise:${mine?.message.seed ?? 0}`, exact: true };
  if (!forward || !run?.side) return { text: null, exact: false };
  const pixels = look.source === "drawing" ? mine?.arrays?.pixels : null;
  const key = pixels?.values ?? forward.input;
  if (last.key !== key) last = { key, told: packed(pixels ?? null, look.centered !== false, forward.input, run.side) };
  return last.told;
}

/**
 * Until the network has answered to what was drawn last; not for long, since the server may have refused it.
 * @param {Model} model
 * @returns {Promise<void>}
 */
function answered(model) {
  const waits = () => (model.get("asked")?.message.look ?? -1) > (model.get("look")?.look ?? -1);
  if (!waits()) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      off();
      clearTimeout(timer);
      resolve();
    };
    const off = model.on("frame", () => !waits() && end());
    const timer = setTimeout(end, 1000);
  });
}

/**
 * @param {import("./drawing.js").Pixels|null} pixels
 * @param {boolean} center
 * @param {Float32Array} input
 * @param {number} side
 * @returns {Promise<Told>}
 */
async function packed(pixels, center, input, side) {
  const whole = pixels && (await drawn(pixels, center));
  return whole ? { text: whole, exact: true } : { text: await seen(input, side), exact: false };
}
