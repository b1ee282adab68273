// One run in the list: what is known of it, and what can be done with it.

import { h, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { number, percent } from "../core/format.js";
import { t } from "../core/words.js";
import { menuButton } from "./menu.js";
import { activationsOf, ago, epochsOf, exactly, methodOf, nameOf, originOf, restOf, sizeOf, sizesOf } from "./names.js";

/** @typedef {import("./names.js").Entry} Entry */

/**
 * @typedef {object} Acts What can be done with a run.
 * @property {(entry: Entry, chosen: boolean) => void} choose
 * @property {(entry: Entry) => void} open
 * @property {(entry: Entry) => void} watch
 * @property {(entry: Entry, name: string) => Promise<void>} rename
 * @property {(entry: Entry) => void} remove
 */

const FILES = /** @type {const} */ (["all", "network", "checkpoint", "settings"]);

/**
 * @param {Entry} entry
 * @param {object} how
 * @param {boolean} how.chosen to be compared
 * @param {boolean} how.mine whether something may be done with it: not by those who were let in to look
 * @param {boolean} how.watched whether it is the one that is watched
 * @param {Acts} acts
 */
export function row(entry, { chosen, mine, watched }, acts) {
  const name = nameOf(entry);
  const pick = h("input", { type: "checkbox", "aria-label": t("runs.choose", { name }), "data-act": "choose", onchange: () => acts.choose(entry, pick.checked) });
  pick.checked = chosen;
  pick.disabled = entry.damaged !== null;
  const when = h("time", { datetime: new Date(1000 * entry.changed).toISOString(), title: exactly(entry.changed) });
  const title = h("span", { class: "title" }, name);
  const badge = watched ? t("runs.watched") : entry.current ? t("runs.current") : entry.live ? t("runs.live") : "";
  const origin = originOf(entry);
  const head = h(
    "th",
    { scope: "row", role: "rowheader", class: "name" },
    h("div", { class: "called" }, title, badge && h("span", { class: entry.live ? "badge live" : "badge" }, badge)),
    origin && h("span", { class: "small muted" }, origin),
  );
  /** @type {ReturnType<typeof menuButton>|null} */
  const menu = mine && (entry.own || !entry.damaged) ? menuButton(t("runs.more", { name }), items) : null;
  const main = mine && !entry.damaged && !watched && (entry.live
    ? h("button", { type: "button", "data-act": "watch", "aria-label": t("runs.watch.name", { name }), onclick: () => acts.watch(entry) }, t("runs.watch"))
    : !entry.current && h("button", { type: "button", "data-act": "open", "aria-label": t("runs.open.name", { name }), onclick: () => acts.open(entry) }, t("runs.open")));
  // Where no data is held out, a run is judged by what it learned from.
  const seen = entry.judged_on === "train";
  /** @param {string} kind @param {string} words @param {string} main @param {string} [more] */
  const cell = (kind, words, main, more = "") =>
    h("td", { role: "cell", class: kind }, h("span", { class: "what small muted", "aria-hidden": "true" }, t(words)), h("span", {}, h("span", { class: "main" }, main), more && h("span", { class: "small muted" }, more)));
  const element = h(
    "tr",
    { role: "row", "data-run": entry.run, "aria-current": entry.current ? "true" : null, class: entry.damaged ? "broken" : null },
    h("td", { role: "cell", class: "pick" }, pick),
    head,
    entry.damaged
      ? h("td", { role: "cell", class: "damaged sentence wrong", colspan: 4 }, t("runs.damaged", { why: sentence({ message: entry.damaged }) }))
      : [
          cell("network", "runs.column.network", sizesOf(entry.sizes), activationsOf(entry.activations)),
          cell("method", "runs.column.method", methodOf(entry), restOf(entry)),
          cell("epochs figures", "runs.column.epochs", epochsOf(entry)),
          cell("accuracy figures", seen ? "runs.column.accuracy.train" : "runs.column.accuracy", entry.accuracy !== null ? percent(entry.accuracy) : "–", entry.cost === null ? "" : t(seen ? "runs.cost.train" : "runs.cost", { cost: number(entry.cost, 4) })),
        ],
    h("td", { role: "cell", class: "when" }, h("span", { class: "what small muted", "aria-hidden": "true" }, t("runs.column.when")), when),
    h("td", { role: "cell", class: "acts" }, main, menu?.element),
  );

  /** @returns {import("./menu.js").Item[]} */
  function items() {
    const download = /** @type {import("./menu.js").Item[]} */ (FILES.map((what) => ({
      name: what,
      text: t(`runs.download.${what}`),
      href: `/api/runs/file?${new URLSearchParams({ run: entry.run, what })}`,
    })));
    const open = entry.live && !entry.damaged ? [{ name: "open", text: t("runs.open.copy"), run: () => acts.open(entry) }] : [];
    return [
      ...open,
      ...(entry.own && !entry.damaged ? [{ name: "rename", text: t("runs.rename"), run: rename }] : []),
      ...(entry.damaged ? [] : [{ heading: t("runs.download", { size: sizeOf(entry.bytes) }) }, ...download]),
      ...(entry.own && !entry.current ? [{ name: "delete", text: t("runs.delete"), run: () => acts.remove(entry), danger: true }] : []),
    ];
  }

  let editing = false;
  function rename() {
    const field = h("input", { type: "text", maxlength: 100, value: entry.title ?? "", "aria-label": t("runs.rename.label", { name }), placeholder: t("runs.rename.hint"), "data-act": "name" });
    const wrong = h("p", { class: "sentence wrong small", role: "alert" });
    const end = () => {
      editing = false;
      form.replaceWith(title);
      menu?.button.focus();
    };
    const form = h(
      "form",
      { class: "rename", onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        if (!field.value.trim()) return write(wrong, t("runs.rename.empty"));
        acts.rename(entry, field.value.trim()).then(end, (error) => write(wrong, sentence(error)));
      } },
      field,
      h("button", { class: "primary" }, t("runs.rename.save")),
      h("button", { type: "button", class: "quiet", onclick: end }, t("runs.cancel")),
      wrong,
    );
    form.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      end();
    });
    editing = true;
    title.replaceWith(form);
    field.focus();
    field.select();
  }

  const tick = () => write(when, ago(entry.changed));
  tick();
  return {
    element,
    tick,
    /** Whether somebody is about to do something here, so that it must stay as it is. */
    busy: () => editing || element.querySelector(":popover-open") !== null,
    pick,
    menu: menu?.button ?? null,
  };
}
