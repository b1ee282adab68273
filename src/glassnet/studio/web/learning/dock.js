// The dock, at the bottom of every page: play, pause, step, how fast, how far, the learning rate, and how it goes.

import { h, once, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { about, count, number, percent, short } from "../core/format.js";
import { keys } from "../core/keys.js";
import { latest } from "../core/latest.js";
import { called } from "../core/names.js";
import { onPaper } from "../core/theme.js";
import { named, spoken, t } from "../core/words.js";
import { sparkline } from "./charts.js";
import { accuracies, costs } from "./curves.js";
import { icons, numberField } from "./fields.js";
import { ask, faster, MORE, placeOf, press, primary, SPEEDS, speedInWords, step } from "./transport.js";

/** @type {import("../app.js").View} */
export function render({ model, el }) {
  // ── Play, one minibatch, one epoch ────────────────────────────────────────────────────────────────────────────────
  const main = h("button", { class: "primary", type: "button", onclick: () => press(model) });
  /** @param {"minibatch"|"epoch"} what */
  const stepper = (what) =>
    h(
      "button",
      { class: "one", type: "button", "data-step-one": what, title: t(`keys.learning.${what}`), onclick: () => step(model, what) },
      icons[what](),
      h("span", {}, t(`learning.one.${what}`)),
    );
  const steppers = [stepper("minibatch"), stepper("epoch")];

  const slider = h("input", { type: "range", min: 0, max: SPEEDS.length - 1, step: 1, "aria-label": t("learning.speed"), "data-setting": "speed" });
  const speed = both("speed small");
  const hurry = latest((/** @type {number|null} */ value) => ask(model, { do: "speed", value }));
  let sliding = -Infinity;
  slider.addEventListener("input", () => {
    sliding = performance.now();
    tellSpeed(SPEEDS[slider.valueAsNumber]);
    void hurry(SPEEDS[slider.valueAsNumber]);
  });
  /** @param {number|null} value */
  const tellSpeed = (value) => {
    speed.write(speedInWords(value), value === null ? t("learning.speed.full.short") : t("learning.speed.short", { count: count(value) }));
    if (slider.getAttribute("aria-valuetext") !== speedInWords(value)) slider.setAttribute("aria-valuetext", speedInWords(value));
  };

  // ── Where it is ───────────────────────────────────────────────────────────────────────────────────────────────────
  const where = both("where small figures");
  const line = h("span", {});
  const progress = h("div", { class: "progress", role: "progressbar", "aria-label": t("learning.progress"), "aria-valuemin": 0, "aria-valuemax": 100 }, line);
  const rate = numberField({
    label: t("learning.setting.learning_rate"),
    steps: true,
    name: "learning_rate",
    apply: (learning_rate) => model.send({ do: "change", learning_rate }),
    complain: (text) => text && model.set("said", text),
  });
  const rateNow = h("span", { class: "small muted figures" });

  // ── How it goes ───────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {string} words */
  const gauge = (words) => {
    const value = h("b", { class: "figures" }, "–");
    const label = h("span", { class: "small muted" }, t(words));
    const canvas = h("canvas", { "aria-hidden": "true" });
    return { value, label, canvas, element: h("a", { class: "gauge", href: "#learning", title: t("learning.charts.open") }, h("span", { class: "number" }, value, label), canvas) };
  };
  const cost = gauge("learning.cost");
  const accuracy = gauge("learning.accuracy.validation");

  // ── What happened ─────────────────────────────────────────────────────────────────────────────────────────────────
  const said = h("p", { class: "said" });
  const heard = h("p", { class: "aside", role: "status" });
  const dismiss = h("button", { class: "quiet symbol", type: "button", "aria-label": t("learning.dismiss") }, "✕");
  const message = h("div", { class: "message", hidden: true }, said, dismiss);
  /** What the message says, and what was dismissed; the same is not said twice. */
  let notice = "";
  let dismissed = "";
  /** While it says why something was not done: what was being done then. When that is another, the reason is old. */
  let refused = /** @type {string|null} */ (null);
  const doing = () => `${model.get("status")?.mode} ${model.get("status")?.speed} ${JSON.stringify(model.get("run")?.settings)}`;
  dismiss.addEventListener("click", () => {
    dismissed = notice;
    tell("");
    main.focus();
  });
  /** @param {string} text @param {boolean} [seen] whether it is shown too, or only read out */
  function tell(text, seen = true) {
    write(heard, text);
    if (text && !seen) return;
    write(said, text);
    message.hidden = !text;
  }

  el.replaceChildren(
    message,
    heard,
    h(
      "div",
      { class: "transport" },
      h("div", { class: "buttons" }, main, ...steppers),
      h("div", { class: "pace" }, h("span", { class: "small muted", "aria-hidden": "true" }, t("learning.speed")), slider, speed.element),
    ),
    h("div", { class: "way" }, where.element, progress, h("div", { class: "rate" }, rate.element, rateNow)),
    h("div", { class: "gauges" }, cost.element, accuracy.element),
  );

  let shown = "";
  const update = () => {
    const { status, run } = model.values;
    for (const button of [main, ...steppers]) button.disabled = !status;
    slider.disabled = rate.input.disabled = !status;
    const what = primary(status);
    if (shown !== what) {
      shown = what;
      main.replaceChildren(what === "pause" ? icons.pause() : icons.play(), h("span", {}, t(`learning.primary.${what}`, { count: MORE })));
      main.dataset.does = what;
      el.classList.toggle("ended", what === "more" || what === "lower");
    }
    if (!status || !run) return;
    Object.assign(el.dataset, {
      step: status.step,
      mode: status.mode,
      epoch: status.epoch,
      cost: status.cost ?? "",
      accuracy: status.judged?.validation?.accuracy ?? status.judged?.train.accuracy ?? "",
    });
    for (const button of steppers) button.disabled = what === "more" || what === "lower";
    // What the hand does goes before what the server said a moment ago.
    if (performance.now() - sliding > 600) {
      slider.value = String(placeOf(status.speed));
      tellSpeed(status.speed);
    }
    const size = run.settings.batch_size;
    const [batch, batches] = [Math.ceil(status.example / size), Math.ceil(status.examples / size)];
    const parts = [
      t("learning.where.epoch", { epoch: count(status.epoch), epochs: count(status.epochs) }),
      t("learning.where.minibatch", { batch: count(batch), batches: count(batches) }),
    ];
    if (status.rate !== null && what === "pause") parts.push(t("learning.where.rate", { rate: about(status.rate) }));
    const over = status.mode === "finished";
    const random = status.step === 0 && status.mode === "paused" && !run.from;
    where.write(
      random ? t("learning.where.new") : over ? t("learning.where.finished", { epochs: count(status.epochs), steps: count(status.step) }) : parts.join(" · "),
      random ? t("learning.where.new.short") : over ? t("learning.where.finished.short") : t("learning.where.short", { epoch: count(status.epoch), epochs: count(status.epochs), batch: count(batch), batches: count(batches) }),
    );
    const share = status.steps ? status.step / status.steps : 0;
    line.style.transform = `scaleX(${share})`;
    progress.setAttribute("aria-valuenow", String(Math.floor(100 * share)));
    rate.show(run.settings.learning_rate);
    const { schedule } = run.settings;
    write(rateNow, schedule === "constant" || over ? "" : t("learning.rate.now", { rate: short(Number(status.learning_rate.toPrecision(3))), schedule: called(schedule) }));

    const { validation, train } = status.judged ?? { validation: null, train: null };
    // Before the first minibatch of this sitting there is only what was judged before.
    const newest = status.cost ?? train?.cost ?? null;
    write(cost.value, number(newest, newest !== null && newest < 0.1 ? 3 : 2));
    const judged = validation ?? train;
    accuracy.element.hidden = judged?.accuracy === null;
    write(accuracy.value, percent(judged?.accuracy, 1));
    write(accuracy.label, t(validation || !judged ? "learning.accuracy.validation" : "learning.accuracy.train"));

    const { text, code } = status.notice ?? { text: "", code: "" };
    // The server speaks English, with numbers; other languages have a sentence for each kind of notice.
    const plain = text ? sentence({ message: text }) : "";
    const known = spoken() === "en" ? plain : named(`learning.notice.${code}`, plain);
    if (refused !== null && refused !== doing()) {
      refused = null;
      tell(known !== dismissed && code !== "finished" ? known : "");
    }
    if (known !== notice) {
      notice = known;
      // That it is finished is seen in the dock already.
      if (known !== dismissed) tell(known, code !== "finished");
      if (!known) dismissed = "";
    }
  };
  const drawCharts = once(() => {
    const charts = model.get("charts");
    sparkline(cost.canvas, costs(charts).slice(0, 1));
    sparkline(accuracy.canvas, accuracies(charts));
  });
  const draw = once(update);
  const hear = () => {
    const text = model.get("said");
    if (!text) return;
    tell(text);
    refused = doing();
  };

  const sizes = new ResizeObserver(drawCharts);
  sizes.observe(cost.canvas);
  const leaves = [
    model.on("change:status", draw),
    model.on("change:run", draw),
    model.on("change:charts", drawCharts),
    model.on("change:theme", drawCharts),
    model.on("change:said", hear),
    onPaper(drawCharts),
    keys("keys.learning", [
      { key: " ", words: "keys.learning.play", run: () => press(model) },
      { key: "n", words: "keys.learning.minibatch", run: () => step(model, "minibatch") },
      { key: "e", words: "keys.learning.epoch", run: () => step(model, "epoch") },
      { key: "+", words: "keys.learning.faster", run: () => tell(faster(model, 1), false) },
      { key: "-", words: "keys.learning.slower", run: () => tell(faster(model, -1), false) },
    ]),
  ];
  update();
  drawCharts();
  return () => {
    for (const leave of leaves) leave();
    sizes.disconnect();
    draw.cancel();
    drawCharts.cancel();
  };
}

/**
 * A text in two lengths; which is seen is for the width of the page to say.
 * @param {string} name
 */
function both(name) {
  const [long, short] = [h("span", { class: "long" }), h("span", { class: "short" })];
  return {
    element: h("p", { class: name }, long, short),
    /** @param {string} all @param {string} few */
    write(all, few) {
      write(long, all);
      write(short, few);
    },
  };
}
