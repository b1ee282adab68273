// One lane of a race: what it is, what it says, how it does, where its gradient goes.

import { h, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { count, number, percent, short } from "../core/format.js";
import { activationName, called, confidence, quoted, surenessNamed } from "../core/names.js";
import { named, spoken, t } from "../core/words.js";
import { swatch } from "../learning/charts.js";
import { LOOKS, values } from "./curves.js";
import { bars } from "./gradients.js";
import { networkPicture } from "./picture.js";

/** Milliseconds between two descriptions for those who do not see the picture. */
const SPOKEN = 1000;

/**
 * @param {import("../core/model.js").Model} model
 * @param {any} lane as the server describes it
 * @param {number} k
 * @param {(k: number) => void} take
 */
export function laneColumn(model, lane, k, take) {
  const run = model.get("run");
  const side = run && run.sizes[0] === lane.sizes[0] ? run.side : null;
  const picture = networkPicture({ sizes: lane.sizes, activations: lane.activations, side, drawn: lane.drawn });
  const says = h("p", { class: "says" });
  const state = h("p", { class: "state sentence small", role: "status", hidden: true });
  /** @param {string} words */
  const figure = (words) => {
    const value = h("b", { class: "figures" }, "–");
    const label = h("span", { class: "muted small" }, t(words));
    return { value, label, element: h("div", {}, value, label) };
  };
  const about = h("p", { class: "about muted small figures" });
  const accuracy = figure("race.accuracy");
  const cost = figure("race.cost");
  const seconds = figure("race.seconds");
  const gradients = bars(lane.sizes.length - 1);
  const go = h("button", { type: "button", class: "take", "data-take": k, "aria-label": t("race.take.long", { name: lane.name }), onclick: () => take(k) }, t("race.take"));
  const hidden = lane.activations.slice(0, -1);
  const kinds = [...new Set(hidden)].map((each) => activationName(/** @type {string} */ (each)));
  const facts = [
    lane.sizes.join("–"),
    kinds.join(", "),
    lane.initializer ? called(lane.initializer) : "",
    `${activationName(lane.activations[lane.activations.length - 1])} · ${called(lane.cost)}`,
    `${called(lane.optimizer)}\u00a0${short(lane.learning_rate)}`,
  ];
  const element = h(
    "section",
    { class: "lane", "data-lane": k, "aria-label": lane.name },
    h("h3", {}, swatch(LOOKS[k].style, LOOKS[k].color), h("span", {}, lane.name)),
    h("p", { class: "facts muted small figures" }, facts.filter(Boolean).join(" · ")),
    picture.element,
    says,
    about,
    h("div", { class: "figures-row" }, accuracy.element, cost.element, seconds.element),
    state,
    gradients.element,
    go,
  );
  element.style.setProperty("--lane", `var(${LOOKS[k].color})`);
  let weighed = /** @type {any} */ (null);
  let told = -Infinity;
  let label = "";

  return {
    element,
    /** @param {any} now @param {import("../core/types.js").Race & Record<string, any>} race @param {[number, number]} scale */
    show(now, race, scale) {
      const { run, look, forward } = model.values;
      const weights = race.arrays[`${k}_weight`]?.values;
      if (weights && weights !== weighed) {
        weighed = weights;
        picture.weigh(weights);
      }
      if (run && forward) {
        const fits = run.sizes[0] === now.sizes[0] && race.arrays[`${k}_a`];
        const as = fits ? values(race.arrays, `${k}_a`) : null;
        const outputs = as ? Array.prototype.slice.call(as, -now.sizes[now.sizes.length - 1]) : [];
        const answer = fits && run.classes ? now.answer : null;
        const sure = answer === null ? "" : surenessNamed(now, confidence(outputs, answer), answer);
        const truth = look?.label ?? null;
        says.hidden = answer === null;
        write(says, answer === null ? "" : t(truth === null ? "race.says" : truth === answer ? "race.says.right" : "race.says.wrong", { name: quoted(run, answer), sure, truth: quoted(run, truth) }));
        says.classList.toggle("wrong", truth !== null && answer !== null && truth !== answer);
        if (performance.now() - told > SPOKEN || race.mode !== "playing") {
          told = performance.now();
          label = t("race.picture", { name: now.name, sizes: now.sizes.join("–"), says: says.textContent ?? "" });
        }
        picture.show(forward.input, as, answer, run, label);
      }
      // At rest, the numbers of another step do not stand as if they were of this one.
      const settled = now.judged_step === now.step || (now.judged_step !== null && ["playing", "stepping"].includes(race.mode));
      write(about, settled ? t(`race.judged.${race.judged_on}`, { step: count(now.judged_step) }) : t("race.judged.computing"));
      write(accuracy.value, settled ? percent(now.accuracy, 1) : "…");
      accuracy.element.hidden = now.accuracy === null && now.judged_step !== null;
      write(cost.value, settled ? number(now.validation_cost, 3) : "…");
      write(seconds.value, number(now.seconds, 2));
      Object.assign(element.dataset, { accuracy: now.accuracy ?? "", cost: now.validation_cost ?? "", step: now.step, mode: now.mode });
      const plain = now.notice ? sentence({ message: now.notice.text }) : "";
      const text = spoken() === "en" ? plain : named(`learning.notice.${now.notice?.code}`, plain);
      write(state, text);
      state.hidden = !text;
      state.classList.toggle("wrong", now.mode === "diverged");
      gradients.show(now.gradients, scale);
      const pupil = model.get("role") === "pupil";
      go.hidden = pupil;
    },
    count: count(lane.count),
    close: () => picture.close(),
  };
}
