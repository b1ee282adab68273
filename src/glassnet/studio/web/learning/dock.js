// The dock, at the bottom of every page: the whole run as a line to move on; play, pause, steps forward and back, how fast, the learning
// rate, and how it goes.

import { h, once, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { about, count, number, percent, short } from "../core/format.js";
import { hiddenOf } from "../core/hiding.js";
import { keys } from "../core/keys.js";
import { latest } from "../core/latest.js";
import { called } from "../core/names.js";
import { onPaper } from "../core/theme.js";
import { named, spoken, t } from "../core/words.js";
import { hand } from "../time/hand.js";
import { places } from "../time/places.js";
import { scrub } from "../time/scrub.js";
import { sparkline } from "./charts.js";
import { gauged } from "./curves.js";
import { icons, numberField } from "./fields.js";
import { ask, back, faster, MORE, moving, placeOf, press, primary, SPEEDS, speedInWords, step, worth } from "./transport.js";

/** @type {import("../app.js").View} */
export function render({ model, el }) {
  // ── Play, one minibatch, one epoch, forward and back ──────────────────────────────────────────────────────────────
  const main = h("button", { class: "primary", type: "button", onclick: () => press(model) });
  /** @param {"minibatch"|"epoch"} what */
  const stepper = (what) =>
    h(
      "button",
      { class: "one forward", type: "button", "data-step-one": what, title: t(`keys.learning.${what}`), onclick: () => step(model, what) },
      h("span", {}, t(`learning.one.${what}`)),
      icons[what](),
    );
  /** @param {"minibatch"|"epoch"} what */
  const backer = (what) =>
    h(
      "button",
      { class: "one back", type: "button", "data-step-back": what, title: t(`keys.time.${what}`), "aria-label": t(`time.back.${what}`), onclick: () => back(model, what) },
      what === "epoch" ? icons.epochBack() : icons.minibatchBack(),
    );
  const kinds = /** @type {const} */ (["minibatch", "epoch"]);
  const [steppers, backers] = [kinds.map(stepper), kinds.map(backer)];
  const pairs = kinds.map((_, i) => h("div", { class: "pair" }, backers[i], steppers[i]));

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
  const place = hand(model, () => {
    timeline.draw();
    draw();
  });
  const timeline = scrub(model, place);
  const kept = places(model, place);
  const toEnd = h("button", { class: "quiet to-end", type: "button", hidden: true, onclick: () => leap() }, h("span", {}, t("time.end")), icons.epoch());
  const leap = () => {
    const end = model.get("status")?.end;
    if (end) place.go(end);
    main.focus();
  };
  /** For a first visit: what has not learned answers nonsense. */
  const learned = h("button", { class: "quiet learned", type: "button", hidden: true, onclick: () => {
    main.focus();
    learned.disabled = true;
    void ask(model, { do: "pretrained", name: model.get("run")?.choices.pretrained[0] }).finally(() => (learned.disabled = false));
  } }, t("learning.where.trained"));
  const rate = numberField({
    label: t("learning.setting.learning_rate"),
    steps: true,
    name: "learning_rate",
    apply: (learning_rate) => model.send({ do: "change", learning_rate }),
    complain: (text) => text && model.set("said", text),
  });
  const rateNow = h("span", { class: "small muted figures" });

  // ── How it goes ───────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {"cost"|"accuracy"} what @param {(value: number, range: number) => string} written an end of the curve's scale */
  const gauge = (what, written) => {
    const value = h("b", { class: "figures" }, "–");
    const canvas = h("canvas");
    const ends = [h("span"), h("span")];
    const curve = h("span", { class: "curve", "aria-hidden": "true" }, canvas, h("span", { class: "ends figures" }, ends));
    const number = h("span", { class: "number" }, value, h("span", { class: "small muted" }, t(`learning.${what}`)));
    const draw = () => {
      const status = model.get("status");
      const range = sparkline(canvas, gauged(model.get("charts"), what), status?.past ? status.step : null);
      // The higher end stands at the top; of a curve that is level there is one.
      write(ends[0], range && range[1] > range[0] ? written(range[1], range[1] - range[0]) : "");
      write(ends[1], range ? written(range[0], range[1] - range[0]) : "");
    };
    return { value, canvas, draw, element: h("a", { class: "gauge", href: "#learning", title: t("learning.charts.open") }, number, curve) };
  };
  const cost = gauge("cost", (value) => short(Number(value.toPrecision(2))));
  const accuracy = gauge("accuracy", (value, range) => percent(value, range < 0.05 ? 1 : 0));
  /** What the two numbers are of: which images, and the network of which step. */
  const onWhat = both("on-what", "span");
  const ofWhich = h("span", { class: "figures" });
  const caption = h("p", { class: "about small muted" }, onWhat.element, ofWhich);

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

  const gauges = h("div", { class: "gauges" }, caption, cost.element, accuracy.element);
  el.replaceChildren(
    message,
    heard,
    h("div", { class: "way" }, where.element, learned, toEnd, rateNow),
    h("div", { class: "timeline" }, timeline.line, timeline.scale, kept.button),
    h(
      "div",
      { class: "transport" },
      h("div", { class: "buttons" }, main, ...pairs),
      h("div", { class: "pace", title: t("learning.speed") }, slider, speed.element),
      h("div", { class: "rate" }, rate.element),
    ),
    gauges,
    kept.panel,
  );

  let shown = "";
  let wasPast = false;
  const update = () => {
    const { status, run } = model.values;
    for (const button of [main, ...steppers, ...backers]) button.disabled = !status;
    slider.disabled = rate.input.disabled = !status;
    const what = primary(status);
    if (shown !== what) {
      shown = what;
      main.replaceChildren(what === "pause" || what === "unwatch" ? icons.pause() : icons.play(), h("span", {}, t(`learning.primary.${what}`, { count: MORE })));
      main.dataset.does = what;
      el.classList.toggle("ended", what === "more" || what === "lower");
      // Another program trains it: here it can only be looked at.
      el.classList.toggle("watched", what === "unwatch");
    }
    if (!status || !run) return;
    Object.assign(el.dataset, {
      step: status.step,
      mode: status.mode,
      epoch: status.epoch,
      end: status.end.step,
      past: status.past,
    });
    for (const button of steppers) button.disabled = what === "more" || what === "lower" || what === "unwatch";
    for (const button of backers) button.disabled = status.step === 0 && what !== "pause";
    // What the hand does goes before what the server said a moment ago.
    if (performance.now() - sliding > 600) {
      slider.value = String(placeOf(status.speed));
      tellSpeed(status.speed);
    }
    const size = run.settings.batch_size;
    const [batch, batches] = [Math.ceil(status.example / size), Math.ceil(status.examples / size)];
    const parts = [
      ...(what === "unwatch" ? [t("learning.where.watching")] : []),
      t("learning.where.epoch", { epoch: count(status.epoch), epochs: count(status.epochs) }),
      t("learning.where.minibatch", { batch: count(batch), batches: count(batches) }),
    ];
    if (status.rate !== null && what === "pause") parts.push(t("learning.where.rate", { rate: about(status.rate) }));
    const over = status.mode === "finished";
    const random = status.step === 0 && status.mode === "paused" && !run.from;
    // Who has no button to press is not told to.
    const fresh = hiddenOf(model).includes("transport") ? "watched" : "new";
    // Only in the first run of a home: whoever begins another network wants that one.
    const digits = run.data.sources.join() === "mnist";
    learned.hidden = !random || run.run !== 1 || !digits || !run.choices.pretrained.length || fresh === "watched" || model.get("role") === "pupil";
    const moment = { step: count(place.step()), end: count(status.end.step) };
    el.classList.toggle("past", status.past);
    // A button that has the focus and goes would leave the keyboard nowhere.
    if (toEnd.hidden !== !status.past && document.activeElement !== toEnd) toEnd.hidden = !status.past;
    if (status.past) where.write(t("time.past", moment), t("time.past.short", moment));
    else where.write(
      random ? t(`learning.where.${fresh}`) : over ? t("learning.where.finished", { epochs: count(status.epochs), steps: count(status.step) }) : parts.join(" · "),
      random ? t(`learning.where.${fresh}.short`) : over ? t("learning.where.finished.short") : t("learning.where.short", { epoch: count(status.epoch), epochs: count(status.epochs), batch: count(batch), batches: count(batches) }),
    );
    rate.show(run.settings.learning_rate);
    const { schedule } = run.settings;
    write(rateNow, schedule === "constant" || over || status.past ? "" : t("learning.rate.now", { rate: short(Number(status.learning_rate.toPrecision(3))), schedule: called(schedule) }));

    // At rest, the number of another network is not shown as if it were this one's. While it learns, numbers are some steps old.
    const settled = !!status.judged && (status.judged.now || moving(status)) && place.step() === status.step;
    const judged = settled ? worth(status) : null;
    gauges.classList.toggle("computing", !settled);
    gauges.setAttribute("aria-busy", String(!settled));
    accuracy.element.hidden = !run.classes;
    write(cost.value, settled ? number(judged?.cost, judged && judged.cost < 0.1 ? 3 : 2) : "…");
    write(accuracy.value, settled ? percent(judged?.accuracy, 1) : "…");
    const part = run.data.validation ? "validation" : "train";
    const examples = worth(status)?.examples;
    const of = (/** @type {string} */ kind) => (examples ? t(`learning.judged.${part}${kind}`, { count: count(examples) }) : "");
    onWhat.write(of(run.side === null ? ".row" : ""), of(".short"));
    write(ofWhich, settled ? t("learning.judged.step", { step: count(status.judged?.step ?? 0) }) : t("learning.judged.computing"));
    Object.assign(el.dataset, { cost: judged?.cost ?? "", accuracy: judged?.accuracy ?? "", judged: settled ? status.judged?.step : "" });
    if (status.past || wasPast) drawCharts();
    wasPast = status.past;

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
      // What is over is not shown any more; a reason that stands there stays as long as it holds.
      if (!known || code === "finished") {
        dismissed = "";
        if (refused === null) tell("");
      }
      // That it is finished is seen in the dock already.
      if (known && known !== dismissed) tell(known, code !== "finished");
    }
  };
  const drawCharts = once(() => {
    for (const each of [cost, accuracy]) each.draw();
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
    model.on("change:role", draw),
    model.on("change:hidden", draw),
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
    keys("keys.time", [
      { key: "b", words: "keys.time.minibatch", run: () => back(model, "minibatch") },
      { key: "B", words: "keys.time.epoch", run: () => back(model, "epoch") },
    ]),
  ];
  update();
  drawCharts();
  return () => {
    for (const leave of leaves) leave();
    for (const part of [timeline, kept, place]) part.close();
    sizes.disconnect();
    draw.cancel();
    drawCharts.cancel();
  };
}

/**
 * A text in two lengths; which is seen is for the width of the page to say.
 * @param {string} name
 * @param {"p"|"span"} [tag]
 */
function both(name, tag = "p") {
  const [long, short] = [h("span", { class: "long" }), h("span", { class: "short" })];
  return {
    element: h(tag, { class: name }, long, short),
    /** @param {string} all @param {string} few */
    write(all, few) {
      write(long, all);
      write(short, few);
    },
  };
}
