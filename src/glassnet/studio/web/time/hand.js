// The place that the hand asks for: what it does goes before what the server said a moment ago, until the two agree.

import { latest } from "../core/latest.js";
import { seek } from "../learning/transport.js";

/** @typedef {{step: number, at?: [number, number]}} Where A step, and exactly where it is, if that is known. */

/** Milliseconds after the last answer until the server's word counts again. */
const PATIENCE = 600;

/**
 * @param {import("../core/model.js").Model} model
 * @param {() => void} moved called when the place to show is another
 */
export function hand(model, moved) {
  /** @type {number|null} */
  let wanted = null;
  let holding = false;
  let waiting = false;
  let patience = 0;

  const send = latest(async (/** @type {Where} */ { step, at }) => {
    waiting = true;
    clearTimeout(patience);
    // A refusal is said in the dock, and what is true is shown again.
    if (!(await seek(model, at ? { at } : { step }))) wanted = null;
    waiting = false;
    patience = window.setTimeout(rest, PATIENCE);
  });
  function rest() {
    if (!holding && !waiting) wanted = null;
    moved();
  }

  return {
    /** The step to show. */
    step() {
      const step = model.get("status")?.step ?? 0;
      if (!holding && !waiting && wanted === step) wanted = null;
      return wanted ?? step;
    },
    /** @param {Where} where */
    go(where) {
      const here = wanted ?? model.get("status")?.step;
      if (where.step === here && !where.at) return;
      wanted = where.step;
      moved();
      void send(where);
    },
    /** @param {boolean} held whether it is being dragged */
    hold(held) {
      holding = held;
      if (!held && !waiting) patience = window.setTimeout(rest, PATIENCE);
    },
    close: () => clearTimeout(patience),
  };
}
