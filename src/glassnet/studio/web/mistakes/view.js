// What the network gets wrong: how often what is taken for what, and the wrong answers that it is surest of.

import { calm, h, select, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { count, percent } from "../core/format.js";
import { find, items, look } from "../core/looks.js";
import { className, imageLabel, quoted, sureness } from "../core/names.js";
import { thumbs } from "../core/thumbs.js";
import { t } from "../core/words.js";
import { matrix } from "./matrix.js";

const PAGE = 40;
const MOST = 200;
/** While it learns, it is asked again at most so often, in milliseconds. */
const PATIENCE = 1000;

/**
 * @typedef {object} Shown What is shown: it outlives the page.
 * @property {string} source
 * @property {import("./matrix.js").Pair|null} pair
 * @property {number} count
 */

/** @type {import("../app.js").View} */
export function render({ model, el }) {
  el.setAttribute("aria-label", t("mistakes.title"));
  /** @type {() => void} */
  let close = () => {};
  let built = "";

  function build() {
    const run = model.get("run");
    const wanted = run ? JSON.stringify([run.run, run.side, run.classes, run.data, run.activations]) : "";
    if (wanted === built && el.firstChild) return;
    close();
    built = wanted;
    close = () => {};
    if (!run) el.replaceChildren(h("p", { class: "sentence" }, t("mistakes.waiting")));
    else if (!run.classes) el.replaceChildren(h("h2", {}, t("mistakes.title")), h("p", { class: "sentence" }, t("mistakes.no.classes")));
    else close = page(model, run, el);
  }

  const off = model.on("change:run", build);
  build();
  return () => {
    off();
    close();
    el.replaceChildren();
  };
}

/**
 * @param {import("../core/model.js").Model} model
 * @param {import("../core/types.js").Run} run
 * @param {HTMLElement} el
 * @returns {() => void}
 */
function page(model, run, el) {
  const sources = /** @type {const} */ (["validation", "test", "train"]).filter((name) => run.data[name] > 0);
  if (!sources.length) {
    el.replaceChildren(h("p", { class: "sentence" }, t("mistakes.no.data")));
    return () => {};
  }
  /** @type {Shown} */
  const state = model.get("mistakes") ?? { source: "", pair: null, count: PAGE };
  const classes = run.classes?.length ?? 0;
  if (!sources.some((name) => name === state.source)) state.source = sources[0];
  if (state.pair && Math.max(state.pair.truth, state.pair.answer) >= classes) state.pair = null;
  model.set("mistakes", state);

  const sum = h("p", { class: "sum" });
  const step = h("p", { class: "small muted figures" });
  const source = select(t("mistakes.source"), sources.map((name) => [name, t(`mistakes.source.${name}`)]), state.source, (value) => {
    Object.assign(state, { source: value, count: PAGE });
    ask();
  });
  const confusion = matrix(run, (pair) => {
    const again = state.pair?.truth === pair.truth && state.pair.answer === pair.answer;
    Object.assign(state, { pair: again ? null : pair, count: PAGE });
    ask();
    // On a phone the images are below the table.
    if (heading.getBoundingClientRect().top > 0.7 * innerHeight) heading.scrollIntoView({ block: "center", behavior: calm() ? "auto" : "smooth" });
  });
  const gallery = thumbs({
    label: t("mistakes.gallery"),
    name: (item) => imageLabel(run, item),
    number: (item) => String(item.row),
    pick: see,
    caption: (item, place) => {
      if (!place.firstChild) place.append(h("bdi"), h("span", { class: "to" }, "→ ", h("bdi")), h("span", { class: "muted figures" }));
      const [truth, to, sure] = place.children;
      write(truth, className(run, item.label));
      write(to.children[0], className(run, item.answer));
      write(sure, sureness(run, item.confidence, item.answer, 1));
    },
  });
  const heading = h("h2", {});
  const how = h("p", { class: "small muted" });
  const all = h("button", { onclick: () => (Object.assign(state, { pair: null, count: PAGE }), ask()) }, t("mistakes.all"));
  const more = h("button", { class: "more", onclick: () => ((state.count += PAGE), ask()) }, t("mistakes.more"));
  const said = h("p", { class: "sentence wrong small", role: "status" });
  const taken = h("section", { class: "taken" }, h("h2", {}, t("mistakes.matrix")), h("p", { class: "small muted" }, confusion.how), confusion.element);
  const both = h(
    "div",
    { class: "both" },
    taken,
    h("section", { class: "surest" }, h("div", { class: "head" }, h("div", {}, heading, how), all), gallery.element, more),
  );
  el.replaceChildren(h("div", { class: "summary" }, h("div", {}, sum, step), source), said, both);
  both.hidden = true;

  /** @param {import("../core/looks.js").Item} item */
  function see(item) {
    look(model, { source: item.source, row: item.row }).done.then(
      () => (location.hash = "network"),
      (error) => error.code !== "lost" && write(said, sentence(error)),
    );
  }

  // ── Asking ──

  /** The number of the parameters that are shown. */
  const version = () => model.get("parameters")?.version ?? -1;

  let asking = false;
  let again = false;
  let asked = -1; // the parameters whose mistakes are shown, or asked for
  let of = { step: -1, version: -1 }; // the network of what is shown
  let time = -Infinity;
  let gone = false;
  /** what the gallery shows: it may hold still only while that stays the same */
  let shown = "";

  /** Asks now, or as soon as what is being asked has been answered. */
  function ask() {
    again = true;
    if (!asking) void pursue();
  }

  async function pursue() {
    asking = true;
    while (again && !gone) {
      again = false;
      asked = version();
      time = performance.now();
      const { source: from, pair, count: many } = state;
      const mine = asked;
      try {
        const reply = await model.send({ do: "mistakes", source: from, count: pair ? 0 : many });
        const some = pair ? await find(model, { source: from, label: pair.truth, answer: pair.answer, wrong: null, order: "confidence", seed: 0, offset: 0, count: many }) : null;
        if (gone) break;
        if (again && (from !== state.source || pair !== state.pair)) continue;
        write(said, "");
        of = { step: reply.step, version: mine };
        draw(reply, some ?? { total: reply.wrong, items: items(reply, from) });
      } catch (error) {
        if (!gone && /** @type {any} */ (error).code !== "lost") write(said, sentence(error));
      }
    }
    asking = false;
  }

  /**
   * @param {import("../core/types.js").Reply} reply
   * @param {import("../core/looks.js").Found} found
   */
  function draw(reply, found) {
    const { examples, wrong } = reply;
    const values = { wrong: count(wrong), examples: count(examples), right: percent(1 - wrong / examples) };
    write(sum, t(wrong === 0 ? "mistakes.sum.none" : wrong === 1 ? "mistakes.sum.one" : "mistakes.sum", values));
    tell();
    el.dataset.wrong = String(wrong);
    el.dataset.step = String(reply.step);
    both.hidden = false;
    const counts = reply.arrays?.confusion?.values;
    taken.hidden = !counts?.length; // of very many classes there is none
    if (counts?.length) confusion.show(counts);
    confusion.mark(state.pair);

    const pair = state.pair;
    const right = pair?.truth === pair?.answer;
    all.hidden = !pair;
    write(
      heading,
      pair
        ? t(right ? "mistakes.gallery.right" : "mistakes.gallery.pair", { truth: quoted(run, pair.truth), answer: quoted(run, pair.answer) })
        : t("mistakes.gallery"),
    );
    write(
      how,
      !pair
        ? t(wrong ? "mistakes.gallery.how" : "mistakes.gallery.gone")
        : found.total === 0
          ? t("mistakes.gallery.gone")
          : t(found.total === 1 ? "mistakes.gallery.pair.one" : "mistakes.gallery.pair.how", { count: count(found.total) }),
    );
    // While it learns the order changes; not under the hand of someone who is about to choose.
    const now = JSON.stringify([state.source, pair, state.count]);
    if (now !== shown || model.get("status")?.mode !== "playing" || !gallery.busy()) {
      gallery.show(found.items, run.side);
      mark();
      shown = now;
    }
    more.hidden = found.items.length < state.count || found.total <= state.count || state.count >= MOST;
  }

  /** Of which step the numbers are: while it learns, and until those of another place have come, of an earlier one. */
  function tell() {
    const status = model.get("status");
    if (of.step < 0 || !status) return;
    const now = status.step === of.step && version() === of.version;
    write(step, t(now ? "mistakes.step" : "mistakes.step.before", { step: count(of.step) }));
    el.classList.toggle("before", !now);
  }

  function mark() {
    const now = model.get("look");
    gallery.mark(now?.source ?? null, now?.row ?? null);
  }

  function follow() {
    const status = model.get("status");
    tell();
    if (!status || version() === asked || document.hidden) return;
    if (status.mode === "playing" && performance.now() - time < PATIENCE) return;
    if (!asking) ask();
  }

  const offs = [
    model.on("frame", follow),
    model.on("change:look", mark),
    model.on("change:connection", () => model.get("connection") === "open" && ask()),
  ];
  ask();
  return () => {
    gone = true;
    for (const off of offs) off();
  };
}
