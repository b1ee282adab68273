// What the edits do to the network, large and always in sight; the way back, and the way on.

import { h, write } from "../core/dom.js";
import { count, number, percent } from "../core/format.js";
import { t } from "../core/words.js";
import { icons } from "../learning/fields.js";
import { moving, worth } from "../learning/transport.js";

/** Milliseconds of rest after which those who listen hear what the edits did. */
const QUIET = 900;

/**
 * @param {import("../core/model.js").Model} model
 * @param {import("./hands.js").Hands} hands
 */
export function effectPart(model, hands) {
  const what = h("p", { class: "what small muted" });
  const numbers = ["before", "byHand", "now"].map((name) => {
    const value = h("b", { class: "figures" });
    const label = h("span", { class: "small muted figures" }, t(`hands.effect.${name}`));
    return { name, value, label, element: h("span", { class: `number ${name}` }, value, label) };
  });
  const arrows = [0, 1].map(() => h("span", { class: "arrow muted", "aria-hidden": "true" }, "→"));
  const change = h("b", { class: "change figures" });
  const edits = h("span", { class: "small muted edits figures" });
  const undo = h("button", { type: "button", class: "quiet symbol", "data-hands": "undo", "aria-label": t("hands.undo"), title: `${t("hands.undo")} (Ctrl+Z)`, onclick: () => hands.undo() }, "↶");
  const redo = h("button", { type: "button", class: "quiet symbol", "data-hands": "redo", "aria-label": t("hands.redo"), title: `${t("hands.redo")} (Ctrl+Shift+Z)`, onclick: () => hands.redo() }, "↷");
  const all = h("button", { type: "button", class: "quiet", "data-hands": "undo-all", onclick: () => hands.undo(true) }, t("hands.undo.all"));
  const back = h("button", { type: "button", class: "primary", "data-hands": "play", onclick: () => hands.play() }, icons.play(), h("span", {}, t("hands.play")));
  const done = h("button", { type: "button", class: "quiet small done", "data-hands": "done", onclick: () => hands.forget() }, t("hands.done"));
  const ways = h("div", { class: "ways" }, undo, redo, all, back);
  const words = h("p", { class: "small muted words" });
  const heard = h("p", { class: "aside", role: "status" });
  const element = h(
    "section",
    { class: "effect", "aria-label": t("hands.effect"), hidden: true },
    h("div", { class: "about" }, what, edits, done),
    h("p", { class: "numbers-line" }, numbers[0].element, arrows[0], numbers[1].element, arrows[1], numbers[2].element, change),
    ways,
    words,
    heard,
  );
  let quiet = 0;

  /** @param {import("../core/types.js").Judged|null|undefined} judged */
  const written = (judged) => (!judged ? "–" : judged.accuracy === null ? number(judged.cost, 3) : percent(judged.accuracy, 1));

  /** @param {boolean} editing whether a neuron's editor is open */
  function update(editing) {
    const status = model.get("status");
    const run = model.get("run");
    const effect = hands.effect();
    const made = status?.edits?.count ?? 0;
    const since = effect !== null && effect.since >= 0;
    element.hidden = !status || !run || !hands.allowed() || !(editing || made > 0 || since);
    if (element.hidden || !status) return;
    const learning = status.mode === "playing" || status.mode === "stepping";
    // At rest, the number of another network is not this one's; while it learns, it is of the step that is told beside it.
    const judged = status.judged?.now || moving(status) ? worth(status) : null;
    const touched = made > 0 || (effect !== null && effect.edits > 0);
    const before = effect ? effect.before : touched ? null : judged;
    const byHand = touched && effect ? effect.byHand : null;
    const now = since && (status.judged?.step ?? 0) > effect.step ? judged : null;
    write(numbers[0].value, written(before));
    write(numbers[1].value, written(byHand));
    write(numbers[2].value, written(now));
    write(numbers[2].label, t("hands.effect.now", { step: now ? count(status.judged?.step ?? 0) : "…" }));
    numbers[1].element.hidden = arrows[0].hidden = !touched;
    numbers[2].element.hidden = arrows[1].hidden = !since;
    element.classList.toggle("three", since);
    element.classList.toggle("untouched", !touched);
    const about = before ?? byHand ?? judged;
    const unit = run?.classes ? "accuracy" : "cost";
    const part = run?.data.validation ? "validation" : "train";
    write(what, t(`hands.effect.${unit}.${part}${unit === "accuracy" && run?.side === null ? ".row" : ""}`, { examples: count(about?.examples ?? run?.data[part] ?? 0) }));
    const last = since ? (now ?? null) : byHand;
    const value = (/** @type {import("../core/types.js").Judged} */ each) => (each.accuracy === null ? each.cost : each.accuracy);
    const by = before && last ? value(last) - value(before) : null;
    const text = by === null || !touched ? "" : unit === "cost" ? number(by, 3, true) : number(100 * by, 1, true).replace(/^[−+]0\.0$/, "±0.0");
    // As in the numbers beside it: less than is shown is no change.
    write(change, /10[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]/.test(text) ? "±0.0" : text);
    change.className = `change figures ${by === null || by === 0 ? "" : by < 0 === (unit === "accuracy") ? "worse" : "better"}`;
    write(edits, made > 0 ? t(made === 1 ? "hands.edits.one" : "hands.edits", { count: count(made) }) : "");
    undo.disabled = all.disabled = made === 0;
    redo.disabled = !status.edits?.redo;
    ways.hidden = since;
    done.hidden = !since;
    back.hidden = learning || made === 0;
    write(
      words,
      since
        ? t(learning ? "hands.since.playing" : "hands.since", { count: count(status.step - effect.step) })
        : learning
          ? t("hands.first.playing")
          : made > 0
            ? t("hands.play.words")
            : status.past
              ? t("hands.first.past")
              : t("hands.first"),
    );
    Object.assign(element.dataset, {
      before: (before && value(before)) ?? "",
      byHand: (byHand && value(byHand)) ?? "",
      now: (now && value(now)) ?? "",
      edits: made,
      redo: status.edits?.redo ?? 0,
      about: unit,
      busy: hands.busy(),
      milliseconds: effect?.milliseconds.toFixed(1) ?? "",
      roundTrip: effect?.roundTrip.toFixed(1) ?? "",
    });
    clearTimeout(quiet);
    const told = byHand && before && !since ? t("hands.effect.said", { before: written(before), now: written(byHand) }) : "";
    if (told) quiet = window.setTimeout(() => write(heard, told), QUIET);
  }

  return { element, update, close: () => clearTimeout(quiet) };
}
