// The trash: runs that were deleted, until it is emptied.

import { h } from "../core/dom.js";
import { percent } from "../core/format.js";
import { t } from "../core/words.js";
import { ago, isolated, sizesOf } from "./names.js";

/**
 * @typedef {object} Thrown A run in the trash.
 * @property {string} run
 * @property {string} number the one that it had
 * @property {string} name
 * @property {number[]|null} sizes
 * @property {number|null} accuracy
 * @property {number|null} epoch
 * @property {number|null} epochs
 * @property {number} deleted in seconds since 1970
 */

/** @param {Thrown} thrown */
export const thrownName = ({ name, number }) => (name === number ? t("runs.unnamed", { number }) : isolated(name));

/**
 * @param {object} acts
 * @param {() => void} acts.back
 * @param {(thrown: Thrown) => void} acts.restore
 * @param {() => void} acts.empty
 */
export function trash({ back, restore, empty }) {
  const heading = h("h2", { tabindex: "-1" }, t("runs.trash.title"));
  const list = h("ul", { class: "thrown" });
  const none = h("p", { class: "muted" }, t("runs.trash.none"));
  const clear = h("div", { class: "row" });
  const element = h(
    "div",
    { class: "trash" },
    h("div", { class: "head" }, h("div", {}, heading, h("p", { class: "small muted" }, t("runs.trash.how"))), h("div", { class: "row" }, clear, h("button", { type: "button", "data-act": "back", onclick: back }, t("runs.back")))),
    none,
    list,
  );
  let count = 0;

  /** Asked twice, since it cannot be undone. @param {boolean} sure */
  function ask(sure) {
    const refocus = clear.contains(document.activeElement);
    if (!sure) clear.replaceChildren(h("button", { type: "button", "data-act": "empty", onclick: () => ask(true) }, t("runs.trash.empty")));
    else {
      const text = count === 1 ? t("runs.trash.sure.one") : t("runs.trash.sure", { count });
      clear.replaceChildren(
        h("button", { type: "button", class: "danger", "data-act": "sure", onclick: () => (ask(false), empty()) }, text),
        h("button", { type: "button", class: "quiet", onclick: () => ask(false) }, t("runs.cancel")),
      );
    }
    // The way back is under the hand, not the way on.
    if (refocus) /** @type {HTMLElement|null} */ (clear.lastElementChild)?.focus();
  }

  return {
    element,
    focus: () => heading.focus(),
    /** @param {Thrown[]} thrown */
    show(thrown) {
      none.hidden = thrown.length > 0;
      if (!thrown.length) clear.replaceChildren();
      else if (count !== thrown.length || !clear.firstChild) {
        count = thrown.length;
        ask(false);
      }
      count = thrown.length;
      list.replaceChildren(
        ...thrown.map((each) => {
          const facts = [sizesOf(each.sizes), each.accuracy === null ? "" : percent(each.accuracy), t("runs.trash.when", { when: ago(each.deleted) })].filter(Boolean);
          return h(
            "li",
            { "data-run": each.run },
            h("span", {}, h("span", { class: "title" }, thrownName(each)), h("span", { class: "small muted figures" }, facts.join(" · "))),
            h("button", { type: "button", "data-act": "restore", "aria-label": t("runs.trash.back.name", { name: thrownName(each) }), onclick: () => restore(each) }, t("runs.trash.back")),
          );
        }),
      );
    },
  };
}
