// The learning page: the curves, then and now, the minibatch and what it changed, the cost of one image; and the settings, and a new network.

import { h, write } from "../core/dom.js";
import { count, number, percent } from "../core/format.js";
import { onPaper } from "../core/theme.js";
import { t } from "../core/words.js";
import { change } from "../time/change.js";
import { thenAndNow } from "../time/then.js";
import { watching } from "../time/watching.js";
import { chart } from "./charts.js";
import { accuracies, costs } from "./curves.js";
import { minibatch } from "./minibatch.js";
import { restart } from "./restart.js";
import { settings } from "./settings.js";
import { terms } from "./terms.js";

/** @type {import("../app.js").View} */
export function render({ model, el }) {
  const cost = chart({
    title: t("learning.charts.cost"),
    empty: t("learning.charts.cost.empty"),
    format: (value) => number(value, value < 0.1 ? 4 : 3),
    tick: (value) => String(value),
    range: [0, 0],
    other: { label: t("learning.charts.log"), log: true },
    best: "lowest",
  });
  const accuracy = chart({
    title: t("learning.charts.accuracy"),
    empty: t("learning.charts.accuracy.empty"),
    format: (value) => percent(value, 2),
    tick: (value, all) => percent(value, all.some((each) => !Number.isInteger(Math.round(each * 1e6) / 1e4)) ? 1 : 0),
    range: [Infinity, 1],
    other: { label: t("learning.charts.top"), range: [0.9, 1] },
    best: "highest",
  });
  const then = thenAndNow(model);
  const batch = minibatch(model);
  const moved = change(model);
  const sum = terms(model);
  const fresh = h("p", { class: "fresh" });

  // The settings offer what the server says there is: they are built when it has said so.
  const hands = h("div", { class: "hands" });
  /** @type {{close: () => void}[]} */
  let parts = [];
  const build = () => {
    if (parts.length || !model.get("run")) return;
    const [how, made] = [settings(model), restart(model)];
    hands.replaceChildren(how.element, made.element);
    parts = [how, made];
  };

  el.replaceChildren(
    h("h2", { class: "aside" }, t("learning.title")),
    h("div", { class: "story" }, fresh, h("div", { class: "charts" }, cost.element, accuracy.element), then.element, batch.element, moved.element, sum.element),
    hands,
  );

  const draw = () => {
    const charts = model.get("charts");
    const step = model.get("status")?.step ?? 0;
    cost.show(costs(charts), charts?.change_steps ?? [], step);
    accuracy.show(accuracies(charts), charts?.change_steps ?? [], step);
    // Where nothing is right or wrong (no classes), there is no share of right answers.
    accuracy.element.hidden = !model.get("run")?.classes;
  };
  const greet = () => {
    const { run, status } = model.values;
    fresh.hidden = !run || !status || status.step > 0 || !!run.from;
    if (run) write(fresh, t("learning.random", { count: count(run.count) }));
  };

  const stop = watching(model, "minibatch");
  const leaves = [
    model.on("change:charts", draw),
    model.on("change:theme", draw),
    model.on("change:run", build),
    model.on("change:run", greet),
    model.on("change:status", greet),
    onPaper(draw),
  ];
  build();
  greet();
  draw();
  return () => {
    for (const leave of leaves) leave();
    for (const part of [cost, accuracy, then, batch, moved, sum, ...parts]) part.close();
    stop();
  };
}
