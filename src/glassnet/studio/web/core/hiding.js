// What is hidden from whoever looks: by the link that the page was opened with, or because they watch a class. A courtesy where a
// link says so; what pupils may not do, the server refuses.

import { mute } from "./keys.js";

/** @typedef {import("./model.js").Model} Model */

const PUPIL = ["transport", "settings", "new", "hands", "runs", "data", "share", "racing"];

/** The keys that go with what is hidden, by the beginning of their words. @type {Record<string, string[]>} */
const KEYS = {
  transport: ["keys.learning.", "keys.time.", "time."],
  hands: ["keys.hands.", "hands."],
  browse: ["keys.input."],
  racing: ["keys.race.", "race."],
  share: ["keys.share"],
  mistakes: ["keys.open.mistakes"],
  race: ["keys.open.race", "keys.race.", "race."],
  runs: ["keys.open.runs", "keys.runs.", "runs."],
  data: ["keys.open.data", "keys.data.", "data."],
};

/** @param {Model} model @returns {string[]} */
export const hiddenOf = (model) => [...new Set([...model.get("hidden"), ...(model.get("role") === "pupil" ? PUPIL : [])])];

/**
 * Says on the page's body what is hidden, for css/share.css, and keeps the keys of it quiet.
 * @param {Model} model
 * @param {() => void} changed called when it is something else
 */
export function hide(model, changed) {
  const update = () => {
    const hidden = hiddenOf(model);
    document.body.dataset.hide = hidden.join(" ");
    document.body.dataset.role = model.get("role");
    const quiet = hidden.flatMap((name) => KEYS[name] ?? []);
    mute((words) => quiet.some((start) => words.startsWith(start)));
    changed();
  };
  const off = [model.on("change:hidden", update), model.on("change:role", update)];
  update();
  return () => off.forEach((each) => each());
}
