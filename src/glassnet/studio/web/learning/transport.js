// What can be asked of the training: the same from a button, a key and a slider.

import { sentence } from "../core/errors.js";
import { count } from "../core/format.js";
import { hiddenOf } from "../core/hiding.js";
import { t } from "../core/words.js";

/** @typedef {import("../core/model.js").Model} Model */
/** @typedef {import("../core/types.js").Status} Status */

/** Minibatches a second, from slow motion to as fast as it goes. @type {(number|null)[]} */
export const SPEEDS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, null];

/** Epochs that are added when all are done. */
export const MORE = 10;

/**
 * The place on the scale that is nearest to a speed.
 * @param {number|null} speed
 */
export function placeOf(speed) {
  if (speed === null) return SPEEDS.length - 1;
  const far = SPEEDS.map((each) => (each === null ? Infinity : Math.abs(Math.log(each / speed))));
  return far.indexOf(Math.min(...far));
}

/** @param {number|null} speed */
export function speedInWords(speed) {
  if (speed === null) return t("learning.speed.full");
  return t(speed === 1 ? "learning.speed.one" : "learning.speed.many", { count: count(speed) });
}

/** Whether its step changes by itself: then what was judged is some steps old. @param {Status|null} status */
export const moving = (status) => ["playing", "stepping", "watching"].includes(status?.mode ?? "");

/** What the newest judgement says: on validation data, or on training data where none is held out. @param {Status|null} status */
export const worth = (status) => status?.judged?.validation ?? status?.judged?.train ?? null;

/**
 * Sends a command. What is wrong with it is said as a sentence, and null comes back.
 * @param {Model} model
 * @param {Record<string, any>} message
 * @returns {Promise<import("../core/types.js").Reply|null>}
 */
export async function ask(model, message) {
  try {
    return await model.send(message);
  } catch (error) {
    model.set("said", sentence(error));
    return null;
  }
}

/**
 * What the one large button does now.
 * @param {Status|null} status
 * @returns {"play"|"pause"|"more"|"lower"|"unwatch"}
 */
export function primary(status) {
  if (status?.mode === "playing" || status?.mode === "stepping") return "pause";
  if (status?.mode === "finished") return "more";
  if (status?.mode === "diverged") return "lower";
  if (status?.mode === "watching") return "unwatch";
  return "play";
}

/** @param {Model} model */
export async function press(model) {
  const { status, run } = model.values;
  const what = primary(status);
  if (!status || !run) return;
  if (what === "pause" || what === "unwatch") {
    await ask(model, { do: what });
    return;
  }
  if (what === "more" && !(await ask(model, { do: "change", epochs: status.epochs + MORE }))) return;
  if (what === "lower" && !(await ask(model, { do: "change", learning_rate: run.settings.learning_rate / 10 }))) return;
  await ask(model, { do: "play" });
}

/** @param {Model} model @param {"minibatch"|"epoch"} what */
export const step = (model, what) => ask(model, { do: "step", what });

/** So many steps back wait at most: one that holds the key wants to stop where it lets go. */
const WAITING = 3;
let waiting = 0;
/** @type {Promise<unknown>} */
let before = Promise.resolve();

/**
 * One after the other, so that three presses are three steps.
 * @param {Model} model
 * @param {"minibatch"|"epoch"} what
 */
export function back(model, what) {
  const { status } = model.values;
  if (waiting >= WAITING || !status || status.mode === "watching" || (status.step === 0 && status.mode === "paused")) return;
  waiting++;
  before = before.then(() => ask(model, { do: "back", what })).finally(() => waiting--);
}

/**
 * Goes to a place of the run that it has come to before; what comes back is null if that was refused.
 * @param {Model} model
 * @param {{step: number}|{at: [number, number]}} where
 */
export const seek = (model, where) => ask(model, { do: "seek", ...where });

/**
 * Whether the last minibatch before this place could be looked at, and is not: when it comes to rest after many at once.
 * @param {Model} model
 */
export function unseen(model) {
  const { status } = model.values;
  return !hiddenOf(model).includes("transport") && !!status && status.step > 0 && (status.mode === "paused" || status.mode === "finished");
}

/** Does the last minibatch before this place again, to be looked at. @param {Model} model */
export function again(model) {
  const { status } = model.values;
  return status && seek(model, { at: status.at });
}

/**
 * Goes to the next speed of the scale, and says it in words.
 * @param {Model} model
 * @param {1|-1} way
 */
export function faster(model, way) {
  const status = model.get("status");
  if (!status) return "";
  const place = Math.min(SPEEDS.length - 1, Math.max(0, placeOf(status.speed) + way));
  void ask(model, { do: "speed", value: SPEEDS[place] });
  return speedInWords(SPEEDS[place]);
}

/**
 * The next round number of the row 1, 2, 5, 10 …: how one walks through learning rates.
 * @param {number} value above 0
 * @param {1|-1} way
 */
export function round(value, way) {
  const power = Math.floor(Math.log10(value));
  const row = [power - 1, power, power + 1].flatMap((p) => [1, 2, 5].map((n) => Number(`${n}e${p}`)));
  const next = way > 0 ? row.find((each) => each > value * 1.0001) : row.reverse().find((each) => each < value / 1.0001);
  return next ?? value;
}
