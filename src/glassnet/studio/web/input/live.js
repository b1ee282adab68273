// The drawing on its way to the network: never more than one at a time, and always the newest next, so that a slow line
// makes fewer answers, never late ones.

import { latest } from "../core/latest.js";
import { look } from "../core/looks.js";

/**
 * @param {import("../core/model.js").Model} model
 * @param {() => {what: Record<string, any>, arrays: Record<string, {shape: number[], values: Uint8Array}>}} drawn what to send, asked for when it is sent
 * @param {(milliseconds: number) => void} answered the time from the hand's movement to the answer
 */
export function live(model, drawn, answered) {
  /** @type {number|null} when the hand moved that nothing was sent of yet */
  let since = null;
  /** @type {Map<number, number>} when the hand moved, by the number of the look */
  const asked = new Map();

  const send = latest(async () => {
    const { what, arrays } = drawn();
    const { number, done } = look(model, what, arrays);
    asked.set(number, since ?? performance.now());
    since = null;
    try {
      await done;
    } catch {
      asked.delete(number); // the notice of the page says that the line is lost; the next stroke asks again
    }
  });

  /** @param {number} [moved] the time of the hand's movement */
  function ask(moved = performance.now()) {
    since ??= moved;
    void send(undefined);
  }

  const off = model.on("frame", () => {
    const number = model.get("look")?.look ?? -1;
    const moved = asked.get(number);
    if (moved !== undefined) answered(performance.now() - moved);
    for (const each of asked.keys()) if (each <= number) asked.delete(each);
  });
  return { ask, close: off };
}
