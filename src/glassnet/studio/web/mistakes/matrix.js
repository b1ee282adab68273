// The confusion matrix: a table of truths (rows) and answers (columns). What is right stays quiet; the more often something
// was taken for something else, the redder.

import { h, write } from "../core/dom.js";
import { count } from "../core/format.js";
import { className, quoted } from "../core/names.js";
import { t } from "../core/words.js";

/** With more classes than this, a table would be too large to read: the most frequent pairs are listed instead. */
const MOST = 40;
const PAIRS = 40;

/** @typedef {{truth: number, answer: number}} Pair */

/**
 * @param {import("../core/types.js").Run} run
 * @param {(pair: Pair) => void} pick
 */
export function matrix(run, pick) {
  const classes = run.classes?.length ?? 0;
  return classes <= MOST ? table(run, classes, pick) : list(run, classes, pick);
}

/**
 * @param {import("../core/types.js").Run} run
 * @param {number} classes
 * @param {(pair: Pair) => void} pick
 */
function table(run, classes, pick) {
  const every = Array.from({ length: classes }, (_, i) => i);
  const name = (/** @type {number} */ i) => h("bdi", { title: className(run, i) }, className(run, i));
  /** @type {{cell: HTMLTableCellElement, button: HTMLButtonElement, truth: number, answer: number}[]} */
  const places = [];
  const rows = every.map((truth) =>
    h(
      "tr",
      {},
      truth === 0 && h("th", { class: "axis down", rowspan: classes, scope: "rowgroup" }, h("span", {}, t("mistakes.truth"))),
      h("th", { scope: "row" }, name(truth)),
      every.map((answer) => {
        const button = h("button", { class: "cell", tabindex: "-1", "data-truth": truth, "data-answer": answer, onclick: () => pick({ truth, answer }) });
        button.addEventListener("focus", () => rove(truth * classes + answer));
        const cell = h("td", { class: truth === answer ? "right" : "" }, button);
        places.push({ cell, button, truth, answer });
        return cell;
      }),
    ),
  );
  const shape = [classes > 16 && "small-cells", run.classes?.some((_, i) => className(run, i).length > 3) && "long"].filter(Boolean).join(" ");
  const element = h(
    "div",
    { class: "confusion" },
    h(
      "table",
      { class: shape, "aria-label": t("mistakes.matrix"), onkeydown: move },
      h("colgroup", {}, h("col", { class: "axis" }), h("col", { class: "names" }), h("col", { span: classes })),
      h(
        "thead",
        {},
        h("tr", {}, h("td", { colspan: 2 }), h("th", { class: "axis", colspan: classes, scope: "colgroup" }, t("mistakes.answer"))),
        h("tr", {}, h("td", { colspan: 2 }), every.map((i) => h("th", { scope: "col" }, name(i)))),
      ),
      h("tbody", {}, rows),
    ),
  );

  /** @param {number} index the one that the Tab key stops at */
  function rove(index) {
    places.forEach(({ button }, i) => (button.tabIndex = i === index ? 0 : -1));
  }

  /** @param {KeyboardEvent} event */
  function move(event) {
    const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    const at = places.findIndex(({ button }) => button === document.activeElement);
    if (!step || at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    let { truth, answer } = places[at];
    // Cells that count nothing are no buttons: on to the next one that is.
    for (;;) {
      truth += step[0];
      answer += step[1];
      if (truth < 0 || answer < 0 || truth >= classes || answer >= classes) return;
      const { button } = places[truth * classes + answer];
      if (!button.disabled) return button.focus();
    }
  }

  /** @param {ArrayLike<number>} counts row by row */
  function show(counts) {
    let most = 1;
    for (const { truth, answer } of places) if (truth !== answer) most = Math.max(most, counts[truth * classes + answer]);
    places.forEach(({ cell, button, truth, answer }, i) => {
      const number = counts[i];
      if (button.dataset.count === String(number)) {
        if (truth !== answer) cell.style.setProperty("--share", share(number, most));
        return;
      }
      button.dataset.count = String(number);
      write(button, number ? String(number) : "");
      button.disabled = number === 0;
      const values = { truth: quoted(run, truth), answer: quoted(run, answer), count: count(number) };
      button.setAttribute("aria-label", t(truth === answer ? "mistakes.cell.right" : "mistakes.cell", values));
      button.title = button.getAttribute("aria-label") ?? "";
      if (truth !== answer) cell.style.setProperty("--share", share(number, most));
    });
    const stop = places.find(({ button }) => button.tabIndex === 0);
    if (!stop || stop.button.disabled) rove(Math.max(0, places.findIndex(({ button }) => !button.disabled)));
  }

  /** @param {Pair|null} pair */
  function mark(pair) {
    for (const { button, truth, answer } of places) {
      button.setAttribute("aria-pressed", String(pair?.truth === truth && pair.answer === answer));
    }
  }

  return { element, show, mark, how: t("mistakes.matrix.how") };
}

/** The square root: a pair confused a few times is seen beside one confused often. @param {number} number @param {number} most */
const share = (number, most) => (number ? `${(10 + 50 * Math.sqrt(number / most)).toFixed(1)}%` : "0%");

/**
 * The pairs confused most often.
 * @param {import("../core/types.js").Run} run
 * @param {number} classes
 * @param {(pair: Pair) => void} pick
 */
function list(run, classes, pick) {
  const items = h("ol", { class: "pairs" });
  /** @type {Pair|null} */
  let marked = null;

  /** @param {ArrayLike<number>} counts */
  function show(counts) {
    /** @type {(Pair & {count: number})[]} */
    const pairs = [];
    for (let i = 0; i < counts.length; i++) {
      const [truth, answer] = [Math.floor(i / classes), i % classes];
      if (truth !== answer && counts[i]) pairs.push({ truth, answer, count: counts[i] });
    }
    pairs.sort((one, other) => other.count - one.count);
    const focused = items.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement).dataset : null;
    items.replaceChildren(
      ...pairs.slice(0, PAIRS).map(({ truth, answer, count: number }) =>
        h(
          "li",
          {},
          h(
            "button",
            { class: "cell", "data-truth": truth, "data-answer": answer, "data-count": number, onclick: () => pick({ truth, answer }) },
            t("mistakes.pair", { truth: quoted(run, truth), answer: quoted(run, answer) }),
            h("span", { class: "figures muted" }, " ", count(number)),
          ),
        ),
      ),
    );
    if (focused) /** @type {HTMLElement|null} */ (items.querySelector(`[data-truth="${focused.truth}"][data-answer="${focused.answer}"]`))?.focus();
    mark(marked);
  }

  /** @param {Pair|null} pair */
  function mark(pair) {
    marked = pair;
    for (const button of items.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.truth === String(pair?.truth) && button.dataset.answer === String(pair?.answer)));
    }
  }

  return { element: items, show, mark, how: t("mistakes.pairs") };
}
