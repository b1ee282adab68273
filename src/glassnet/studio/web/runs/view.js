// All runs, of the studio and of the command line: to find, open, compare, name, send, receive and throw away; and to watch one
// that another program trains.

import { h, select, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { count } from "../core/format.js";
import { t } from "../core/words.js";
import { compare, MOST } from "./compare.js";
import { isolated, nameOf, searched } from "./names.js";
import { pretrained } from "./pretrained.js";
import { row } from "./row.js";
import { thrownName, trash } from "./trash.js";
import { upload } from "./upload.js";

/** @typedef {import("./names.js").Entry} Entry */

/** Milliseconds between two looks at the list: training elsewhere goes on. */
const AGAIN = 2500;

const SORTS = /** @type {const} */ (["time", "accuracy", "name"]);

/** What is looked at: it outlives the page. */
const kept = {
  place: /** @type {"list"|"compare"|"trash"} */ ("list"),
  chosen: /** @type {Set<string>} */ (new Set()),
  search: "",
  sort: /** @type {typeof SORTS[number]} */ ("time"),
};

/** @type {Record<typeof SORTS[number], (a: Entry, b: Entry) => number>} */
const ORDERS = {
  time: (a, b) => Number(b.live) - Number(a.live) || b.changed - a.changed,
  accuracy: (a, b) => worth(b) - worth(a) || b.changed - a.changed,
  name: (a, b) => nameOf(a).localeCompare(nameOf(b), undefined, { numeric: true }),
};

/** By what it is put in order: those that were judged by images they learned from come last. @param {Entry} entry */
const worth = ({ accuracy, judged_on: on }) => (accuracy ?? -1) - (on === "train" ? 2 : 0);

/** @type {import("../app.js").View} */
export function render({ model, el }) {
  el.setAttribute("aria-label", t("runs.title"));
  const mine = () => model.get("role") !== "pupil";
  /** @type {{runs: Entry[], trash: import("./trash.js").Thrown[], watching: {run: string, name: string, finished: boolean}|null, pretrained: import("./pretrained.js").Pretrained[]}|null} */
  let known = null;

  // ── What is said ──
  const said = h("p", { class: "sentence", role: "status" });
  const act = h("span", { class: "row" });
  const dismiss = h("button", { type: "button", class: "quiet symbol", "aria-label": t("learning.dismiss"), onclick: () => {
    say("");
    heading.focus();
  } }, "✕");
  const message = h("div", { class: "message", hidden: true }, said, act, dismiss);
  /** @param {string} text @param {boolean} [wrong] @param {HTMLElement[]} [buttons] */
  function say(text, wrong = false, buttons = []) {
    message.hidden = !text;
    said.classList.toggle("wrong", wrong);
    write(said, text);
    act.replaceChildren(...buttons);
  }

  /**
   * Has something done, and then looks again; what cannot be done is said.
   * @param {Record<string, any>} command
   * @param {(reply: any) => void} [then]
   */
  async function ask(command, then = () => {}) {
    try {
      const reply = await model.send(command);
      if (gone) return;
      say("");
      await refresh();
      if (!gone) then(reply);
    } catch (error) {
      if (!gone) say(sentence(error), true);
    }
  }

  // ── What is watched ──
  const watchedName = h("p", {});
  const stop = h("button", { type: "button", class: "primary", "data-act": "unwatch", onclick: () => void ask({ do: "unwatch" }, () => heading.focus()) }, t("runs.unwatch"));
  const watched = h(
    "div",
    { class: "watched", hidden: true },
    watchedName,
    h("span", { class: "row" }, h("a", { href: "#network" }, t("app.page.network")), h("a", { href: "#learning" }, t("app.page.learning")), stop),
  );

  // ── The list ──
  const heading = h("h2", { tabindex: "-1" }, t("runs.title"));
  const sum = h("p", { class: "small muted" });
  const search = h("input", { type: "search", class: "search", "aria-label": t("runs.search"), placeholder: t("runs.search"), oninput: () => {
    kept.search = search.value;
    draw();
  } });
  search.value = kept.search;
  const sort = select(t("runs.sort"), SORTS.map((each) => [each, t(`runs.sort.${each}`)]), kept.sort, (value) => {
    kept.sort = /** @type {typeof SORTS[number]} */ (value);
    draw();
  });
  const incoming = upload(model, el, {
    say: (text, wrong) => say(text, wrong),
    done: (run, name) => {
      kept.place = "list";
      const called = nameOf({ own: true, title: name === run ? null : name, name, run });
      const open = h("button", { type: "button", "data-act": "open-uploaded", onclick: () => start({ do: "open", run }) }, t("runs.open"));
      say(t("runs.upload.done", { name: called }), false, [open]);
      void refresh();
    },
  });
  const bin = h("button", { type: "button", "data-act": "trash", onclick: () => go("trash") });
  const tools = h("div", { class: "tools-of-runs" }, h("div", { class: "row" }, search, sort), h("div", { class: "row given" }, ...incoming.elements, bin));
  const body = h("tbody", { role: "rowgroup" });
  const columns = ["pick", "name", "network", "method", "epochs", "accuracy", "when", "acts"];
  const table = h(
    "table",
    { class: "list", role: "table", "aria-label": t("runs.title") },
    h(
      "thead",
      { role: "rowgroup" },
      h("tr", { role: "row" }, columns.map((name) => h("th", { scope: "col", role: "columnheader", class: name }, h("span", { class: name === "pick" || name === "acts" ? "aside" : null }, t(`runs.column.${name}`))))),
    ),
    body,
  );
  const none = h("p", { class: "muted none" });
  const comes = pretrained((name) => start({ do: "pretrained", name }));
  const chosenText = h("span", { class: "figures" });
  const comparing = h("button", { type: "button", class: "primary", "data-act": "compare", onclick: () => go("compare") }, t("runs.compare"));
  const clear = h("button", { type: "button", class: "quiet", onclick: () => {
    kept.chosen.clear();
    for (const { pick } of rows.values()) pick.checked = false;
    choice();
    heading.focus();
  } }, t("runs.choose.none"));
  const chosen = h("div", { class: "chosen", role: "group", "aria-label": t("runs.compare") }, chosenText, comparing, clear);
  const list = h("div", { class: "of-list" }, h("div", { class: "head" }, h("div", {}, heading, sum), tools), table, none, comes.element);
  // Above the dock, so that no row moves under the hand when they come.
  const float = h("div", { class: "float" }, message, chosen);
  const place = h("div", { class: "place" });
  el.replaceChildren(watched, place, float, h("p", { class: "drop-hint", "aria-hidden": "true" }, t("runs.drop")));

  // ── The places of this page ──
  const bins = trash({
    back: () => go("list"),
    restore: (thrown) => void ask({ do: "restore", run: thrown.run }, ({ run }) => {
      say(t("runs.restored", { name: thrownName(thrown) }), false, [h("button", { type: "button", onclick: () => start({ do: "open", run }) }, t("runs.open"))]);
      bins.focus();
    }),
    empty: () => void ask({ do: "empty" }, () => bins.focus()),
  });
  /** @type {ReturnType<typeof compare>|null} */
  let compared = null;
  /** @param {typeof kept.place} to @param {boolean} [focus] */
  function go(to, focus = true) {
    compared?.close();
    compared = null;
    kept.place = to;
    if (focus) say("");
    el.dataset.place = to;
    if (to === "compare") {
      compared = compare(model, [...kept.chosen], () => go("list"));
      place.replaceChildren(compared.element);
    } else place.replaceChildren(to === "trash" ? bins.element : list);
    if (to === "trash") bins.show(known?.trash ?? []);
    choice();
    if (focus) to === "compare" ? compared?.focus() : to === "trash" ? bins.focus() : heading.focus();
  }

  // ── Rows ──
  /** @type {Map<string, ReturnType<typeof row> & {key: string}>} */
  const rows = new Map();
  /** @type {import("./row.js").Acts} */
  const acts = {
    choose: (entry, yes) => {
      if (yes) kept.chosen.add(entry.run);
      else kept.chosen.delete(entry.run);
      choice();
    },
    open: (entry) => start({ do: "open", run: entry.run }),
    watch: (entry) => void ask({ do: "watch_run", run: entry.run }, () => stop.focus()),
    rename: async (entry, name) => {
      await model.send({ do: "rename", run: entry.run, name });
      await refresh(true);
    },
    remove: (entry) => void ask({ do: "delete", run: entry.run }, ({ trash: thrown }) => {
      kept.chosen.delete(entry.run);
      const undo = h("button", { type: "button", "data-act": "undo", onclick: () => void ask({ do: "restore", run: thrown }, () => heading.focus()) }, t("runs.undo"));
      say(t("runs.deleted", { name: nameOf(entry) }), false, [undo]);
      undo.focus();
    }),
  };

  /** Goes on with a run, or begins one, and shows its network. @param {Record<string, any>} command */
  function start(command) {
    model.send(command).then(
      () => (location.hash = "network"),
      (error) => !gone && say(sentence(error), true),
    );
  }

  function choice() {
    const many = kept.chosen.size;
    chosen.hidden = many === 0 || kept.place !== "list";
    write(chosenText, many === 1 ? t("runs.chosen.one") : t("runs.chosen", { count: many }));
    comparing.disabled = many < 2;
    for (const [run, { pick, element }] of rows) {
      pick.disabled = element.classList.contains("broken") || (many >= MOST && !kept.chosen.has(run));
    }
  }

  function draw() {
    if (!known) return;
    const { runs, trash: thrown, watching } = known;
    const wanted = kept.search.trim().toLowerCase();
    const shown = runs.filter((entry) => !wanted || searched(entry).includes(wanted)).sort(ORDERS[kept.sort]);
    const teacher = mine();
    for (const run of [...kept.chosen]) if (!runs.some((entry) => entry.run === run && !entry.damaged)) kept.chosen.delete(run);
    for (const [run] of [...rows]) if (!shown.some((entry) => entry.run === run)) rows.delete(run);
    const focused = /** @type {HTMLElement|null} */ (document.activeElement);
    const elements = shown.map((entry) => {
      const seen = watching?.run === entry.run;
      const key = JSON.stringify([entry, teacher, seen]);
      const before = rows.get(entry.run);
      if (before && (before.key === key || before.busy())) {
        before.tick();
        return before.element;
      }
      const made = { ...row(entry, { chosen: kept.chosen.has(entry.run), mine: teacher, watched: seen }, acts), key };
      rows.set(entry.run, made);
      if (before && focused && before.element.contains(focused)) refocus.push([made, focused.dataset.act ?? (focused === before.menu ? "menu" : "")]);
      return made.element;
    });
    order(elements);
    for (const [made, what] of refocus.splice(0)) {
      const found = what === "menu" ? made.menu : /** @type {HTMLElement|null} */ (made.element.querySelector(`[data-act="${what}"]`));
      (found ?? made.pick).focus();
    }
    comes.show(known.pretrained, teacher);
    table.hidden = !shown.length;
    none.hidden = shown.length > 0;
    write(none, wanted ? t("runs.none.found", { what: kept.search.trim() }) : "");
    const foreign = runs.filter(({ own }) => !own).length;
    const counted = runs.length === 1 ? t("runs.sum.one") : t("runs.sum", { count: count(runs.length) });
    write(sum, runs.length === 1 ? t("runs.sum.first") : foreign ? t("runs.sum.both", { sum: counted, foreign: count(foreign) }) : counted);
    incoming.elements[0].hidden = !teacher;
    bin.hidden = !teacher || !thrown.length;
    write(bin, t("runs.trash", { count: count(thrown.length) }));
    if (kept.place === "trash" && JSON.stringify(thrown) !== shownTrash) bins.show(thrown);
    shownTrash = JSON.stringify(thrown);
    watched.hidden = !watching;
    stop.hidden = !teacher;
    if (watching) write(watchedName, t(watching.finished ? "runs.watching.finished" : "runs.watching", { name: isolated(watching.name) }));
    el.dataset.runs = String(runs.length);
    choice();
  }
  let shownTrash = "";
  /** @type {[ReturnType<typeof row>, string][]} rows that were made anew under somebody's hand */
  const refocus = [];

  /** Puts rows in order without taking those away that stay: a menu that is open stays open. @param {HTMLElement[]} elements */
  function order(elements) {
    const there = new Set(elements);
    for (const each of [...body.children]) if (!there.has(/** @type {HTMLElement} */ (each))) each.remove();
    elements.forEach((each, i) => {
      if (body.children[i] !== each) body.insertBefore(each, body.children[i] ?? null);
    });
  }

  // ── Looking again ──
  let gone = false;
  /** Questions are numbered: an answer that a newer one has overtaken is old. */
  let asked = 0;
  let shown = 0;
  let timer = 0;
  /** @param {boolean} [renamed] whether a name was given, so that the row it was typed into is done with */
  async function refresh(renamed = false) {
    clearTimeout(timer);
    const mineNow = ++asked;
    try {
      const reply = await model.send({ do: "runs" });
      if (gone || mineNow < shown) return;
      shown = mineNow;
      if (renamed) for (const each of rows.values()) each.key = "";
      known = /** @type {any} */ (reply);
      draw();
      if (compared && !document.hidden) void compared.ask();
    } catch (error) {
      if (!gone && /** @type {any} */ (error).code !== "lost") say(sentence(error), true);
    } finally {
      if (!gone && mineNow === asked) timer = setTimeout(() => void look(), AGAIN);
    }
  }
  async function look() {
    if (document.hidden) timer = setTimeout(() => void look(), AGAIN);
    else await refresh();
  }

  // The dock is of another height in each window, and in each language; what it says stands above it.
  const dock = document.querySelector(".dock");
  const notice = /** @type {HTMLElement|null} */ (dock?.querySelector(".message") ?? null);
  const above = new ResizeObserver(() => {
    const said = notice?.offsetHeight ?? 0;
    float.style.bottom = `${(dock?.clientHeight ?? 0) + (said && said + 10) + 12}px`;
  });
  for (const each of [dock, notice]) if (each) above.observe(each);

  const offs = [
    () => above.disconnect(),
    model.on("change:run", () => void refresh()),
    model.on("change:role", draw),
    model.on("change:connection", () => model.get("connection") === "open" && void refresh()),
  ];
  table.hidden = none.hidden = true;
  if (kept.place === "compare" && kept.chosen.size < 2) kept.place = "list";
  go(kept.place, false);
  void refresh();
  return () => {
    gone = true;
    clearTimeout(timer);
    for (const off of offs) off();
    incoming.close();
    compared?.close();
    el.replaceChildren();
  };
}
