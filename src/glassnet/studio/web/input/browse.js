// Any image of the data: by number, by class, by what the network says of it, one after the other, or at random.

import { h, select, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { count } from "../core/format.js";
import { keys } from "../core/keys.js";
import { find, look } from "../core/looks.js";
import { className, imageLabel } from "../core/names.js";
import { stored } from "../core/storage.js";
import { thumbs } from "../core/thumbs.js";
import { t } from "../core/words.js";

/** @typedef {import("../core/types.js").Run} Run */

const PAGE = 24;
/** While it learns, answers are asked for again at most so often, in milliseconds. */
const PATIENCE = 1000;

/**
 * @typedef {object} Browse What is browsed: it outlives the panel, and a reload.
 * @property {string} source
 * @property {number|null} label
 * @property {number|null} answer
 * @property {boolean} wrong
 * @property {"row"|"cost"|"confidence"|"random"} order
 * @property {number} seed of the random order
 * @property {number} offset of the page that is shown
 * @property {number|null} at the place in the list of what is looked at
 * @property {string} tab
 * @property {number} noise the last seed of noise
 */

/** @param {Run} run The sources that have something. */
const sourcesOf = (run) => /** @type {const} */ (["test", "validation", "train"]).filter((source) => run.data[source] > 0);

/**
 * @param {import("../core/model.js").Model} model
 * @param {Run} run
 * @returns {Browse}
 */
export function browseOf(model, run) {
  const plain = { source: "", label: null, answer: null, wrong: false, order: "row", seed: 1, offset: 0, at: null, tab: "", noise: 0 };
  const state = model.get("browse") ?? { ...plain, ...stored("browse") };
  // Another network may have other data.
  const sources = sourcesOf(run);
  if (!sources.some((source) => source === state.source)) Object.assign(state, { source: sources[0] ?? "", offset: 0, at: null });
  const classes = run.classes?.length ?? 0;
  if (!(state.label < classes)) state.label = null;
  if (!(state.answer < classes)) state.answer = null;
  if (!classes) state.wrong = false;
  if (!["row", "cost", "random", classes && "confidence"].includes(state.order)) state.order = "row";
  if (!Number.isInteger(state.offset)) state.offset = 0;
  model.set("browse", state);
  return state;
}

/** @param {Browse} state */
export const keepBrowse = (state) => void stored("browse", state);

/**
 * @param {import("../core/model.js").Model} model
 * @param {Run} run
 * @param {() => boolean} open whether it is seen
 */
export function browse(model, run, open) {
  const state = browseOf(model, run);
  const sources = sourcesOf(run);
  /** @param {typeof sources[number]} name */
  const offered = (name) => t(run.side === null ? `input.rows.${name}` : `input.source.${name}`, { count: count(run.data[name]) });
  const last = () => run.data[/** @type {"test"} */ (state.source)] - 1;

  const source = select(t("input.source"), sources.map((name) => [name, offered(name)]), state.source, (value) => filter({ source: value }));
  const index = h("input", { type: "number", min: 0, step: 1, inputmode: "numeric", autocomplete: "off", class: "figures", "aria-label": t(run.side === null ? "input.index.row" : "input.index") });
  const previous = h("button", { class: "symbol", "aria-label": t("input.previous"), title: `${t("input.previous")} [`, onclick: () => void go(-1) }, "‹");
  const next = h("button", { class: "symbol", "aria-label": t("input.next"), title: `${t("input.next")} ]`, onclick: () => void go(1) }, "›");
  const random = h("button", { title: `${t("input.random")} r`, onclick: () => void go(0) }, t("input.random"));
  const wrongIndex = h("p", { class: "sentence wrong small", role: "status" });

  const classes = run.classes?.map((_, i) => [String(i), className(run, i)]) ?? [];
  const any = ["", t("input.any")];
  const labels = select("", [any, ...classes], text(state.label), (value) => filter({ label: chosen(value) }));
  const answers = select("", [any, ...classes], text(state.answer), (value) => filter({ answer: chosen(value) }));
  const wrong = h("input", { type: "checkbox", onchange: () => filter({ wrong: wrong.checked }) });
  wrong.checked = state.wrong;
  const orders = run.classes ? ["row", "random", "cost", "confidence"] : ["row", "random", "cost"];
  const order = select("", orders.map((name) => [name, t(`input.order.${name}`)]), state.order, (value) =>
    filter({ order: /** @type {Browse["order"]} */ (value), ...(value === "random" && { seed: 1 + Math.floor(Math.random() * 1e6) }) }),
  );

  const gallery = thumbs({
    label: t("input.gallery"),
    name: (item) => imageLabel(run, item),
    number: (item) => String(item.row),
    pick: (item) => {
      state.at = state.offset + listed.indexOf(item);
      see(item.row);
    },
  });
  /** @type {import("../core/looks.js").Item[]} */
  let listed = [];
  let total = 0;
  const range = h("p", { class: "range figures small muted" });
  const earlier = h("button", { class: "quiet symbol", "aria-label": t("input.earlier"), title: t("input.earlier"), onclick: () => turn(-PAGE) }, "‹");
  const later = h("button", { class: "quiet symbol", "aria-label": t("input.later"), title: t("input.later"), onclick: () => turn(PAGE) }, "›");
  const said = h("p", { class: "sentence small", role: "status" });

  const element = sources.length
    ? h(
        "div",
        { class: "browse" },
        source,
        h("div", { class: "steps" }, previous, index, next, random),
        wrongIndex,
        h(
          "div",
          { class: "filters" },
          run.classes && field(t("input.class"), labels),
          run.classes && field(t("input.answer"), answers),
          field(t("input.order"), order),
          run.classes && h("label", { class: "small" }, wrong, t("input.wrong")),
        ),
        gallery.element,
        said,
        h("div", { class: "turns" }, earlier, range, later),
      )
    : h("p", { class: "sentence" }, t("input.no.data"));

  // ── What is asked for ──

  const question = () => ({
    source: state.source,
    label: state.label,
    answer: state.answer,
    wrong: state.wrong || null,
    order: state.order,
    seed: state.seed,
  });
  /** Whether the list is the data as it lies: then a place in it is a row. */
  const plain = () => state.label === null && state.answer === null && !state.wrong && state.order === "row";
  /** Whether learning changes which images are listed, and where. */
  const unsteady = () => state.answer !== null || state.wrong || state.order === "cost" || state.order === "confidence";

  let asking = 0;
  let waiting = false;
  let asked = -1; // the parameters at which the answers were asked for
  let time = -Infinity;

  async function list() {
    if (!open() || !sources.length) return;
    const mine = ++asking;
    waiting = true;
    asked = model.get("parameters")?.version ?? -1;
    time = performance.now();
    try {
      const found = await find(model, { ...question(), offset: state.offset, count: PAGE });
      if (mine !== asking) return; // something else was asked for meanwhile
      total = found.total;
      listed = found.items;
      if (!found.items.length && total && state.offset) {
        // While it learned, the list became shorter than the page that was open.
        state.offset = Math.floor((total - 1) / PAGE) * PAGE;
        return void list();
      }
      gallery.show(found.items, run.side);
      write(range, total ? t("input.range", { first: count(state.offset + 1), last: count(state.offset + found.items.length), total: count(total) }) : "");
      earlier.disabled = state.offset === 0;
      later.disabled = state.offset + PAGE >= total;
      said.classList.remove("wrong");
      write(said, total ? "" : t("input.none"));
      mark();
    } catch (error) {
      if (mine !== asking || /** @type {any} */ (error).code === "lost") return; // the page's own notice says so
      said.classList.add("wrong");
      write(said, sentence(error));
    } finally {
      if (mine === asking) waiting = false;
    }
  }

  /** @param {Partial<Browse>} change */
  function filter(change) {
    Object.assign(state, change, { offset: 0, at: null });
    keepBrowse(state);
    limit();
    void list();
  }

  /** @param {number} by */
  function turn(by) {
    state.offset = Math.max(0, state.offset + by);
    keepBrowse(state);
    void list();
  }

  /** @param {number} row */
  function see(row) {
    keepBrowse(state);
    const { number, done } = look(model, { source: state.source, row });
    sent = number;
    ours.add(number);
    done.catch((error) => {
      if (error.code !== "lost") write(said, sentence(error));
    });
    const page = state.at === null ? state.offset : Math.floor(state.at / PAGE) * PAGE;
    if (page !== state.offset) {
      state.offset = page;
      void list();
    }
  }

  let sent = 0; // the number of our last look: until its frame has come, `at` knows better where we are
  /** @type {Set<number>} the numbers of our looks that may still come back */
  const ours = new Set();
  let going = false;
  /**
   * To the next image of the list, the one before, or (0) any.
   * @param {number} by
   */
  async function go(by) {
    if (going || !sources.length) return;
    going = true;
    try {
      const now = model.get("look");
      if (plain() && now?.source === state.source && now.look >= sent) state.at = now.row;
      const known = plain() ? last() + 1 : total || last() + 1;
      const at = by ? ((state.at === null ? (by > 0 ? state.offset : state.offset - 1) : state.at + by) + known) % known : Math.floor(Math.random() * known);
      if (plain()) {
        state.at = at;
        see(at);
        return;
      }
      let found = await find(model, { ...question(), offset: at, count: 1 });
      if (!found.items.length && found.total) {
        const inside = by ? at % found.total : Math.floor(Math.random() * found.total);
        found = await find(model, { ...question(), offset: inside, count: 1 });
        state.at = inside;
      } else {
        state.at = at;
      }
      total = found.total;
      if (found.items.length) see(found.items[0].row);
    } catch (error) {
      if (/** @type {any} */ (error).code !== "lost") write(said, sentence(error));
    } finally {
      going = false;
    }
  }

  function enter() {
    const row = Number(index.value);
    const right = index.value.trim() !== "" && Number.isInteger(row) && row >= 0 && row <= last();
    write(wrongIndex, right || index.value.trim() === "" ? "" : t("input.index.wrong", { value: index.value, last: count(last()) }));
    index.setAttribute("aria-invalid", String(!right && index.value.trim() !== ""));
    if (!right) return;
    const there = listed.findIndex((item) => item.row === row);
    state.at = plain() ? row : there < 0 ? null : state.offset + there;
    see(row);
  }
  index.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) enter();
  });
  index.addEventListener("change", enter);

  function limit() {
    index.max = String(last());
    index.placeholder = `0–${last()}`;
  }

  /** What is looked at, in the field and among the images. */
  function mark() {
    const now = model.get("look");
    const here = now?.source === state.source ? now.row : null;
    gallery.mark(now?.source ?? null, now?.row ?? null);
    if (document.activeElement !== index && index.getAttribute("aria-invalid") !== "true") index.value = here === null ? "" : String(here);
  }

  /**
   * An image chosen elsewhere, among the mistakes or in a minibatch: the list goes there, so that one can go on from it.
   * @param {import("../core/types.js").Look} now
   */
  function adopt({ source: from, row }) {
    if (row === null || !sources.some((name) => name === from)) return;
    if (from !== state.source) {
      Object.assign(state, { source: from, label: null, answer: null, wrong: false, order: "row" });
      source.value = from;
      order.value = "row";
      labels.value = answers.value = "";
      wrong.checked = false;
      limit();
    } else if (!plain()) {
      return;
    }
    const page = Math.floor(row / PAGE) * PAGE;
    Object.assign(state, { at: row, offset: page });
    keepBrowse(state);
    void list();
  }

  let marked = "";
  function follow() {
    const now = model.get("look");
    const place = `${now?.source} ${now?.row}`;
    if (place !== marked) {
      marked = place;
      if (now && !ours.has(now.look)) adopt(now);
      for (const each of ours) if (each < (now?.look ?? 0)) ours.delete(each);
      index.removeAttribute("aria-invalid");
      write(wrongIndex, "");
      mark();
    }
    const status = model.get("status");
    if (!status || !open() || waiting || model.get("parameters")?.version === asked || document.hidden) return;
    const playing = status.mode === "playing";
    if (playing && performance.now() - time < PATIENCE) return;
    // A list that learning reorders holds still while someone is about to choose from it.
    if (playing && unsteady() && gallery.busy()) return;
    void list();
  }

  limit();
  const offs = [
    model.on("frame", follow),
    model.on("change:connection", () => void (model.get("connection") === "open" && list())),
    keys("keys.input", [
      { key: "[", words: "keys.input.previous", run: () => void go(-1) },
      { key: "]", words: "keys.input.next", run: () => void go(1) },
      { key: "r", words: "keys.input.random", run: () => void go(0) },
    ]),
  ];
  follow();
  return {
    element,
    /** Asks for the images: when the tab is opened. */
    open: () => void list(),
    close: () => {
      asking++;
      for (const off of offs) off();
    },
  };
}

// ── Small things ──

/** @param {number|null} value */
const text = (value) => (value === null ? "" : String(value));
/** @param {string} value */
const chosen = (value) => (value === "" ? null : Number(value));

/**
 * @param {string} label
 * @param {HTMLElement} control
 */
const field = (label, control) => h("label", { class: "field" }, h("span", {}, label), control);
