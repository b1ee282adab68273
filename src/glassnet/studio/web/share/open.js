// Opens what a link says: the same run, if it is the one of now; otherwise a new one, begun at once if nobody is disturbed by it,
// and after a question if somebody is.

import { sentence } from "../core/errors.js";
import { count } from "../core/format.js";
import { look } from "../core/looks.js";
import { joined, t } from "../core/words.js";
import { unpacked } from "./drawing.js";
import { goalOf, isSame, placeOf, restartOf } from "./link.js";

/** @typedef {import("../core/model.js").Model} Model */
/** @typedef {import("./link.js").Link} Link */
/** @typedef {import("./link.js").Goal} Goal */
/** @typedef {import("./link.js").Moment} Moment */

/** Counts what is opened: what a newer link asks for is not overtaken by an older one. */
let opened = 0;

/**
 * Shows what a link says, as far as that can be done.
 * @param {Model} model
 * @param {Link} link
 */
export async function openLink(model, link) {
  const mine = ++opened;
  const says = link.made && Object.keys(link.made).length > 0;
  if (link.language) model.set("language", link.language);
  if (link.hide) model.set("hidden", link.hide);
  if (!says && !link.image && !link.neuron && !link.wrong.length) return;
  model.set("link", { phase: "opening" });
  await until(model, () => mine !== opened || Boolean(model.get("run") && model.get("status") && model.get("forward")));
  if (mine !== opened) return;
  const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
  const { goal, wrong } = goalOf(link, run);
  const bad = [...link.wrong, ...wrong];
  await see(model, link, bad);
  if (mine !== opened) return;
  if (bad.length) model.set("link", { phase: "wrong", text: t("share.wrong", { what: bad.join(", ") }) });
  const pupil = model.get("role") === "pupil";
  if (!goal || pupil) {
    pick(model, link);
    if (!bad.length) model.set("link", null);
    return;
  }
  const there = () => reached(model, goal, link.when);
  if (there()) {
    pick(model, link);
    if (!bad.length) model.set("link", null);
    return;
  }
  const go = () => void begin(model, link, goal, mine);
  const { tabs, mode } = /** @type {import("../core/types.js").Status} */ (model.get("status"));
  const disturbs = tabs > 1 || mode === "playing" || mode === "stepping" || mode === "watching";
  if (!disturbs) {
    go();
    return;
  }
  const same = isSame(run, goal, link.when);
  const step = moment(link.when);
  const words = { network: [run.sizes[0], ...goal.inside, run.sizes[run.sizes.length - 1]].join("–"), seed: goal.seed, step };
  model.set("link", {
    phase: "ask",
    text: same ? t("share.ask.same", { step }) : joined([t("share.ask", words), t("share.ask.kept")]),
    yes: t(same ? "share.ask.go" : "share.ask.begin"),
    go,
    leave: () => {
      opened++;
      model.set("link", null);
    },
  });
}

/** @param {Moment|null} when */
const moment = (when) => (!when ? "0" : "step" in when ? count(when.step) : t("share.place", { epoch: count(when.at[0] + 1), example: count(when.at[1]) }));

/**
 * Whether the run of now is the link's, and stands at its moment.
 * @param {Model} model
 * @param {Goal} goal
 * @param {Moment|null} when
 */
function reached(model, goal, when) {
  const { run, status } = model.values;
  if (!run || !status || !isSame(run, goal, when)) return false;
  return !when || placeOf(when, run.made.settings.batch_size, run.data.train).join() === status.at.join();
}

/**
 * Begins the run of a link, or goes to its place if that is the run of now.
 * @param {Model} model
 * @param {Link} link
 * @param {Goal} goal
 * @param {number} mine
 */
async function begin(model, link, goal, mine) {
  const going = (/** @type {Moment|null} */ when) => {
    if (mine !== opened) throw new Error("another link was opened");
    model.set("link", { phase: "going", text: t("share.going", { step: moment(when) }), stop });
  };
  // What comes next is given up, and what is being trained now is paused.
  const stop = () => {
    opened++;
    model.set("link", null);
    void model.send({ do: "pause" }).catch(() => {});
  };
  try {
    going(link.when);
    const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
    if (!isSame(run, goal, link.when)) {
      const { run: number } = await model.send(restartOf(goal, run));
      // With its first frame: until then, the status is that of the run before.
      await until(model, () => mine !== opened || (model.get("run")?.run === number && model.get("forward") !== null));
      for (const { when, values } of goal.changes) {
        going(when);
        await train(model, when);
        await model.send({ do: "change", ...values });
      }
      going(link.when);
    }
    if (link.when) await train(model, link.when);
    pick(model, link);
    model.set("link", null);
  } catch (error) {
    if (mine !== opened) return;
    model.set("link", /** @type {any} */ (error).code === "stopped" ? null : { phase: "wrong", text: sentence(error) });
  }
}

/**
 * To a place of the run of now: back, or forward by training.
 * @param {Model} model
 * @param {Moment} when
 */
async function train(model, when) {
  const { end } = /** @type {import("../core/types.js").Status} */ (model.get("status"));
  const run = /** @type {import("../core/types.js").Run} */ (model.get("run"));
  const [epochs, example] = placeOf(when, run.settings.batch_size, run.data.train);
  const done = end.at[0] > epochs || (end.at[0] === epochs && end.at[1] >= example);
  await model.send({ do: done ? "seek" : "reach", ...when });
}

/**
 * Shows the image of a link.
 * @param {Model} model
 * @param {Link} link
 * @param {string[]} bad where to add what cannot be shown
 */
async function see(model, { image }, bad) {
  if (!image) return;
  const [source, number = ""] = image.split(":");
  const drawing = source === "drawing" ? await unpacked(image) : null;
  if (source === "drawing" && !drawing) {
    bad.push(t("share.image.drawing"));
    return;
  }
  const what = drawing ? { source, center: drawing.center } : source === "noise" ? { source, seed: Number(number) } : number ? { source, row: Number(number) } : { source };
  await look(model, what, drawing ? { pixels: drawing.pixels } : undefined).done.catch((error) => bad.push(`image=${image.slice(0, 40)} (${error.message})`));
}

/** @param {Model} model @param {Link} link */
function pick(model, { neuron }) {
  const sizes = model.get("run")?.sizes ?? [];
  if (neuron && neuron.layer > 0 && neuron.neuron < (sizes[neuron.layer] ?? 0)) model.set("picked", neuron);
}

/**
 * Until something is so: asked whenever a frame or a description has come.
 * @param {Model} model
 * @param {() => boolean} condition
 * @returns {Promise<void>}
 */
function until(model, condition) {
  return new Promise((resolve) => {
    const ask = () => {
      if (!condition()) return;
      for (const off of offs) off();
      resolve();
    };
    /** @type {(() => void)[]} */
    const offs = [];
    offs.push(model.on("frame", ask), model.on("change:run", ask));
    ask();
  });
}
