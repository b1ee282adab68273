// Then and now: the same few images, asked of the network as it was at step 0, and as it is.

import { gray, h, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { count, short } from "../core/format.js";
import { latest } from "../core/latest.js";
import { items, look } from "../core/looks.js";
import { className, imageName, kindOf, quoted } from "../core/names.js";
import { t } from "../core/words.js";

/** @typedef {import("../core/looks.js").Item} Item */

const IMAGES = 12;

/** @param {import("../core/model.js").Model} model */
export function thenAndNow(model) {
  const which = h("p", { class: "muted small" });
  const what = h("p", {});
  const sum = h("p", { class: "figures sum", "data-then": "", "data-now": "" });
  const cards = h("ul", { class: "cards then-cards" });
  const other = h("button", { type: "button", class: "other", onclick: () => void others() }, t("time.then.other"));
  const element = h("section", { class: "then", hidden: true }, h("div", { class: "headed" }, h("h2", {}, t("time.then")), which), what, sum, cards, other);

  /** What is asked of, and the answers: `of` is the run they belong to. */
  let of = -1;
  let source = "";
  /** @type {number[]} */
  let rows = [];
  /** @type {Item[]|null} */
  let then = null;
  /** @type {Item[]|null} */
  let now = null;
  /** The parameters that `now` was asked of. */
  let version = -1;
  let closed = false;

  /** @param {number|null} step */
  const answers = async (step) => items(await model.send({ do: "answers", source, rows, step }), source);

  /** Images are chosen anew: the first ones, or any. @param {boolean} any */
  function choose(any) {
    const run = model.get("run");
    if (!run) return;
    source = ["test", "validation", "train"].find((part) => /** @type {any} */ (run.data)[part] > 0) ?? "";
    const size = source ? /** @type {any} */ (run.data)[source] : 0;
    const few = Math.min(IMAGES, size);
    if (any) {
      const drawn = new Set();
      while (drawn.size < few) drawn.add(Math.floor(Math.random() * size));
      rows = [...drawn].sort((a, b) => a - b);
    } else {
      rows = Array.from({ length: few }, (_, i) => i);
    }
    then = now = null;
    version = -1;
  }

  async function others() {
    choose(true);
    await refresh("any");
  }

  const refresh = latest(async (/** @type {string} */ _) => {
    const { run, parameters } = model.values;
    if (closed || !run || !run.classes || !rows.length) return;
    const asked = { rows, run: run.run, version: parameters?.version ?? -1 };
    try {
      const first = then ?? (await answers(0));
      const last = await answers(null);
      // Meanwhile other images may have been chosen, or another run.
      if (closed || asked.rows !== rows || asked.run !== model.get("run")?.run) return;
      [then, now] = [first, last];
      version = asked.version;
      draw();
    } catch {
      // A run that began from a trained network may have no random one to ask: then there is no strip. Newer weights are tried again.
      version = asked.version;
    }
  });

  function follow() {
    const { run, parameters } = model.values;
    if (!run) return;
    if (of !== run.run) {
      of = run.run;
      choose(false);
      element.hidden = true;
    }
    if (parameters && parameters.version !== version) void refresh("newest");
    tell();
  }

  /** @param {Item[]} all */
  const right = (all) => all.filter(({ label, answer }) => label === answer).length;

  function tell() {
    const { run, status } = model.values;
    if (!run || !status || !then || !now) return;
    const numbers = { then: count(right(then)), now: count(right(now)), all: count(rows.length), classes: count(run.classes?.length ?? 0), chance: short(Math.round((10 * rows.length) / (run.classes?.length || 1)) / 10) };
    // A run that goes on from another may be good at its step 0, and so may one that a hand has changed.
    const fresh = status.step === 0 && status.mode === "paused" && !run.from && !status.edits.count;
    write(what, fresh ? t(kindOf(run.initializer) === "zeros" ? "time.then.fresh.zeros" : "time.then.fresh", { seed: run.seed }) : t("time.then.what"));
    write(sum, t(fresh ? "time.then.sum.fresh" : "time.then.sum", numbers));
    Object.assign(sum.dataset, { then: right(then), now: right(now) });
    write(which, t(`time.then.source.${source}`));
  }

  /** @type {ReturnType<typeof card>[]} */
  const made = [];
  function draw() {
    const run = model.get("run");
    if (!run || !then || !now) return;
    while (made.length < now.length) made.push(card(model));
    if (cards.children.length !== now.length) cards.replaceChildren(...made.slice(0, now.length).map(({ item }) => item));
    cards.style.setProperty("--columns", String(now.length));
    now.forEach((item, i) => made[i].show(/** @type {Item[]} */ (then)[i], item));
    element.hidden = false;
    tell();
  }

  const leaves = [model.on("change:run", follow), model.on("change:parameters", follow), model.on("change:status", tell)];
  follow();
  return {
    element,
    close() {
      closed = true;
      for (const leave of leaves) leave();
    },
  };
}

/** One image, as a button that shows it in the network. @param {import("../core/model.js").Model} model */
function card(model) {
  const canvas = h("canvas", { class: "pixels", "aria-hidden": "true" });
  const [before, after] = [h("b"), h("b")];
  /** @param {string} name @param {HTMLElement} said */
  const line = (name, said) => h("span", { class: `answer said-${name}` }, h("span", {}, t(`time.then.${name}`)), h("i", { class: "mark-of", "aria-hidden": "true" }, "✗"), said);
  const lines = [line("then", before), line("now", after)];
  /** @type {Item|null} */
  let shown = null;
  const button = h(
    "button",
    {
      type: "button",
      onclick: async () => {
        if (!shown) return;
        try {
          await look(model, { source: shown.source, row: shown.row }).done;
          location.hash = "#network";
        } catch (error) {
          model.set("said", sentence(error));
        }
      },
    },
    canvas,
    lines,
  );
  return {
    item: h("li", {}, button),
    /** @param {Item} then @param {Item} now */
    show(then, now) {
      const run = model.get("run");
      if (!run) return;
      shown = now;
      gray(canvas, now.input, run.side ?? now.input.length, 255);
      canvas.classList.toggle("row", !run.side);
      for (const [item, place, line] of /** @type {const} */ ([[then, before, lines[0]], [now, after, lines[1]]])) {
        write(place, className(run, item.answer));
        line.classList.toggle("wrong", item.answer !== item.label);
      }
      const words = t("time.then.image", { image: imageName(run, now.source, now.row), truth: quoted(run, now.label), then: quoted(run, then.answer), now: quoted(run, now.answer) });
      if (button.title !== words) {
        button.title = words;
        button.setAttribute("aria-label", words);
      }
      Object.assign(button.dataset, { row: now.row, label: now.label, then: then.answer, now: now.answer });
    },
  };
}
