// A race that is on: its transport, its curves, its lanes.

import { h, once, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { count, number, percent } from "../core/format.js";
import { keys } from "../core/keys.js";
import { latest } from "../core/latest.js";
import { onPaper } from "../core/theme.js";
import { joined, t } from "../core/words.js";
import { chart } from "../learning/charts.js";
import { icons } from "../learning/fields.js";
import { placeOf, SPEEDS, speedInWords } from "../learning/transport.js";
import { accuracies, costs, highest } from "./curves.js";
import { range } from "./gradients.js";
import { laneColumn } from "./lane.js";

/** @typedef {import("../core/types.js").Race & Record<string, any>} Race */

/** @param {import("../core/model.js").Model} model */
export function stand(model) {
  const first = /** @type {Race} */ (model.get("race"));
  /** @param {string} what @param {Record<string, any>} [more] */
  const ask = async (what, more = {}) => {
    try {
      const reply = await model.send({ do: "race", what, ...more });
      write(answer, "");
      return reply;
    } catch (error) {
      write(answer, sentence(error));
      return null;
    }
  };

  // ── Its transport ─────────────────────────────────────────────────────────────────────────────────────────────────
  const moving = () => ["playing", "stepping"].includes(/** @type {Race|null} */ (model.get("race"))?.mode);
  const press = () => ask(moving() ? "pause" : "play");
  const main = h("button", { class: "primary", type: "button", onclick: press, "data-race": "play" });
  const steppers = /** @type {const} */ (["minibatch", "epoch"]).map((what) =>
    h("button", { class: "one", type: "button", "data-race": what, title: t(`race.${what}`), onclick: () => ask(what) }, icons[what](), h("span", {}, t(`learning.one.${what}`))),
  );
  const slider = h("input", { type: "range", min: 0, max: SPEEDS.length - 1, step: 1, "aria-label": t("race.speed"), "data-race": "speed" });
  const pace = h("span", { class: "small figures pace-words" });
  const hurry = latest((/** @type {number|null} */ value) => ask("speed", { value }));
  let sliding = -Infinity;
  slider.addEventListener("input", () => {
    sliding = performance.now();
    const value = SPEEDS[slider.valueAsNumber];
    tellSpeed(value);
    void hurry(value);
  });
  /** @param {number|null} value */
  const tellSpeed = (value) => {
    write(pace, speedInWords(value));
    if (slider.getAttribute("aria-valuetext") !== speedInWords(value)) slider.setAttribute("aria-valuetext", speedInWords(value));
  };
  const speed = h("div", { class: "race-pace" }, slider, pace);
  const end = h("button", { class: "quiet end", type: "button", "data-race": "end", onclick: () => ask("end") }, t("race.end"));
  const where = h("p", { class: "small figures where-now" });
  const waits = h("p", { class: "muted small waits" });
  const line = h("span", {});
  const progress = h("div", { class: "progress", role: "progressbar", "aria-label": t("race.progress"), "aria-valuemin": 0, "aria-valuemax": 100 }, line);
  const buttons = h("div", { class: "buttons" }, main, steppers);
  const controls = h("div", { class: "race-transport" }, buttons, speed, end);
  const answer = h("p", { class: "sentence wrong", role: "alert" });
  const ahead = h("p", { class: "ahead" });

  // ── Its curves ────────────────────────────────────────────────────────────────────────────────────────────────────
  const cost = chart({
    title: t("learning.charts.cost"),
    empty: t("race.cost.empty"),
    format: (value) => number(value, value < 0.1 ? 4 : 3),
    tick: (value) => String(value),
    range: [0, 0],
    other: { label: t("learning.charts.log"), log: true },
    best: "lowest",
  });
  const accuracy = chart({
    title: t("learning.charts.accuracy"),
    empty: t("race.accuracy.empty"),
    format: (value) => percent(value, 1),
    tick: (value) => percent(value, 0),
    range: [0, 1],
    other: { label: t("learning.charts.top"), range: [0.9, 1] },
    best: "highest",
  });

  // ── Its lanes ─────────────────────────────────────────────────────────────────────────────────────────────────────
  const taken = h("p", { class: "sentence taken", role: "status" });
  const lanes = first.lanes.map((lane, k) => laneColumn(model, lane, k, take));
  /** @param {number} k */
  async function take(k) {
    const reply = await ask("take", { lane: k });
    if (!reply) return;
    const name = model.get("race")?.lanes[k].name ?? "";
    taken.replaceChildren(t("race.taken", { name, run: reply.run }), " ", h("a", { href: "#network" }, t("race.taken.look")));
    taken.scrollIntoView({ block: "nearest" });
  }

  const element = h(
    "div",
    { class: "on" },
    controls,
    h("div", { class: "race-way" }, h("div", { class: "said-of-both" }, where, waits), progress),
    answer,
    ahead,
    h("div", { class: "charts" }, cost.element, accuracy.element),
    h("p", { class: "muted small" }, joined([t("race.faint"), t(first.judged_on === "validation" ? "race.faint.validation" : "race.faint.train"), new Set(first.lanes.map((lane) => lane.cost)).size > 1 ? t("race.costs") : ""].filter(Boolean))),
    taken,
    h("div", { class: "lanes", "data-lanes": lanes.length }, lanes.map(({ element }) => element)),
    h("p", { class: "muted small" }, joined([t("race.gradient.about", { count: first.probe }), t("race.kept")])),
  );

  /** Which lane answers best, in words. @param {Race} race */
  function leading(race) {
    const left = race.lanes.filter((lane) => lane.mode !== "diverged");
    const known = left.filter((lane) => lane.accuracy !== null);
    if (race.step === 0) return t("race.random");
    if (left.length === 1 && known.length === 1) return t("race.ahead.alone", { steps: count(known[0].judged_step), name: known[0].name, share: percent(known[0].accuracy, 1) });
    if (known.length < 2 || known.some((lane) => lane.judged_step === 0)) return "";
    const sorted = [...known].sort((a, b) => b.accuracy - a.accuracy);
    const [best, second] = sorted;
    const steps = count(Math.min(...known.map((lane) => lane.judged_step)));
    if (best.accuracy - second.accuracy < 0.005) return t("race.ahead.even", { steps, name: best.name, other: second.name, share: percent(best.accuracy, 1) });
    return t("race.ahead", { steps, name: best.name, share: percent(best.accuracy, 1), other: second.name, otherShare: percent(second.accuracy, 1) });
  }

  let shown = "";
  let drawn = /** @type {any[]} */ ([]);
  const update = once(() => {
    const race = /** @type {Race|null} */ (model.get("race"));
    if (!race || race.race !== first.race) return;
    const what = moving() ? "pause" : "play";
    if (shown !== what) {
      shown = what;
      main.replaceChildren(icons[what](), h("span", {}, t(`learning.primary.${what}`)));
    }
    const over = race.mode === "finished";
    buttons.hidden = speed.hidden = over;
    write(end, t(over ? "race.another" : "race.end"));
    end.className = over ? "primary end" : "quiet end";
    controls.hidden = model.get("role") === "pupil";
    if (performance.now() - sliding > 600) {
      slider.value = String(placeOf(race.speed));
      tellSpeed(race.speed);
    }
    const batches = Math.ceil(race.examples / race.batch_size);
    const batch = Math.ceil(race.example / race.batch_size);
    write(
      where,
      over
        ? t("learning.where.finished", { epochs: count(race.epochs), steps: count(race.step) })
        : [t("learning.where.epoch", { epoch: count(race.epoch), epochs: count(race.epochs) }), t("learning.where.minibatch", { batch: count(batch), batches: count(batches) }), t("race.same", { seed: race.seed, size: count(race.batch_size) })].join(" · "),
    );
    const share = race.steps ? race.step / race.steps : 0;
    line.style.transform = `scaleX(${share})`;
    progress.setAttribute("aria-valuenow", String(Math.floor(100 * share)));
    Object.assign(element.dataset, { mode: race.mode, step: race.step });
    write(ahead, leading(race));
    const status = model.get("status");
    const going = status?.mode === "playing" || status?.mode === "stepping";
    write(waits, status ? t(going ? "race.both" : "race.waits", { step: count(status.step) }) : "");

    // What was not sent again is the same array as before: then there is nothing to draw.
    const series = Object.entries(race.arrays).filter(([name]) => !name.endsWith("_a") && !name.endsWith("_weight")).map(([, each]) => each);
    if (series.some((each, i) => each !== drawn[i]) || series.length !== drawn.length) {
      drawn = series;
      draw();
    }
    accuracy.element.hidden = race.lanes.every((lane) => lane.judged_step !== null && lane.accuracy === null);
    const scale = range(race.lanes.map((lane) => lane.gradients ?? []));
    lanes.forEach((lane, k) => lane.show(race.lanes[k], race, scale));
  });
  const draw = () => {
    const race = /** @type {Race|null} */ (model.get("race"));
    if (!race || race.race !== first.race) return;
    cost.show(costs(race), [], race.step, highest(race));
    accuracy.show(accuracies(race), [], race.step);
  };

  const leaves = [
    model.on("change:race", update),
    model.on("change:status", update),
    model.on("change:forward", update),
    model.on("change:role", update),
    model.on("change:theme", draw),
    onPaper(draw),
    keys("keys.race", [
      { key: "r", words: "keys.race.play", run: () => void (model.get("role") !== "pupil" && press()) },
      { key: "R", words: "keys.race.minibatch", run: () => void (model.get("role") !== "pupil" && ask("minibatch")) },
    ]),
  ];
  update();
  draw();
  return {
    element,
    close() {
      for (const leave of leaves) leave();
      update.cancel();
      for (const each of [cost, accuracy, ...lanes]) each.close();
    },
  };
}
