// The places of a run that have a name: bookmarks, to be made, named, visited and taken away; and where something was changed.

import { h, write } from "../core/dom.js";
import { count } from "../core/format.js";
import { keys } from "../core/keys.js";
import { t } from "../core/words.js";
import { ask } from "../learning/transport.js";
import { deed, glyph } from "./marks.js";

/** @typedef {import("../core/types.js").Mark} Mark */
/** @typedef {ReturnType<typeof import("./hand.js").hand>} Hand */

/** The longest name that the server takes. */
const LONGEST = 100;

/**
 * @param {import("../core/model.js").Model} model
 * @param {Hand} hand
 */
export function places(model, hand) {
  const button = h(
    "button",
    { class: "quiet symbol places-open", type: "button", "aria-haspopup": "dialog", "aria-expanded": "false", "aria-label": t("time.places.open"), title: t("time.places.open"), onclick: () => panel.togglePopover() },
    glyph("bookmark"),
  );
  const addText = h("span", {});
  const add = h("button", { class: "add", type: "button", onclick: () => void keep() }, glyph("bookmark"), addText);
  const empty = h("p", { class: "muted small" }, t("time.places.empty"));
  const list = h("ul", { class: "bookmarks" });
  const changesTitle = h("h3", {}, t("time.places.changes"));
  const changes = h("ul", { class: "changes" });
  const panel = h(
    "div",
    { class: "places", popover: "auto", role: "dialog", "aria-label": t("time.places"), tabindex: -1, onkeydown: escape },
    h("div", { class: "headed" }, h("h2", {}, t("time.places")), h("button", { class: "quiet symbol", type: "button", "aria-label": t("time.places.close"), onclick: () => panel.hidePopover() }, "✕")),
    add,
    empty,
    list,
    changesTitle,
    changes,
  );

  /** @param {KeyboardEvent} event */
  function escape(event) {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    event.stopPropagation();
    panel.hidePopover();
    button.focus();
  }

  // The focus is still on the button when somebody is quick.
  const elsewhere = (/** @type {KeyboardEvent} */ event) => panel.contains(/** @type {Node} */ (event.target)) || escape(event);

  panel.addEventListener("beforetoggle", (event) => {
    const opens = /** @type {any} */ (event).newState === "open";
    button.setAttribute("aria-expanded", String(opens));
    open = opens;
    if (opens) addEventListener("keydown", elsewhere, true);
    else removeEventListener("keydown", elsewhere, true);
    if (!opens) return;
    update();
    // Above the dock, and within the window.
    const { right } = button.getBoundingClientRect();
    const { top } = (button.closest(".dock") ?? button).getBoundingClientRect();
    panel.style.bottom = `${Math.max(8, innerHeight - top + 8)}px`;
    panel.style.right = `${Math.max(8, document.documentElement.clientWidth - right)}px`;
    panel.style.maxHeight = `${Math.max(160, top - 24)}px`;
  });
  panel.addEventListener("toggle", (event) => {
    // A bookmark that was just made has the focus already.
    if (/** @type {any} */ (event).newState === "open" && !panel.contains(document.activeElement)) add.focus();
  });

  /** Puts a bookmark here, with a name that can be changed at once. */
  async function keep() {
    const status = model.get("status");
    if (!status || add.disabled) return;
    const reply = await ask(model, { do: "bookmark", name: t("time.bookmark.name", { step: count(hand.step()) }) });
    if (!reply) return;
    fresh = reply.bookmark;
    if (open) update();
    else panel.showPopover();
  }
  let open = false;
  /** The bookmark just made: its name is selected as soon as it is here. @type {number|null} */
  let fresh = null;

  /** @type {Map<number, ReturnType<typeof row>>} */
  let rows = new Map();

  /** @param {Mark} mark */
  function row(mark) {
    const id = mark.bookmark;
    let now = mark;
    const step = h("span", { class: "figures" });
    const go = h("button", { class: "quiet go", type: "button", onclick: () => hand.go(now) }, glyph("bookmark"), step);
    const name = h("input", { type: "text", maxlength: LONGEST, autocomplete: "off", spellcheck: "false" });
    const remove = h("button", { class: "quiet symbol", type: "button", onclick: () => void forget() }, "✕");
    const back = () => (name.value = now.text);
    async function rename() {
      const text = name.value.trim();
      if (!text || text === now.text || !(await ask(model, { do: "bookmark", bookmark: id, name: text }))) back();
    }
    async function forget() {
      const items = [...list.querySelectorAll("li")];
      const place = items.indexOf(item);
      if (!(await ask(model, { do: "unbookmark", bookmark: id }))) return;
      // The keyboard stays where it was in the list.
      const next = items[place + 1] ?? items[place - 1];
      (next?.querySelector("input") ?? add).focus();
    }
    name.addEventListener("change", () => void rename());
    name.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        event.preventDefault();
        name.blur();
        go.focus();
      } else if (event.key === "Escape" && name.value !== now.text) {
        event.preventDefault();
        event.stopPropagation();
        back();
        name.select();
      }
    });
    const item = h("li", { "data-bookmark": id }, go, name, remove);
    return {
      item,
      name,
      /** @param {Mark} mark */
      show(mark) {
        now = mark;
        const words = { step: count(mark.step), name: mark.text };
        write(step, t("time.step", words));
        label(go, t("time.bookmark.go", words));
        label(name, t("time.bookmark.rename", words));
        label(remove, t("time.bookmark.remove", words));
        if (document.activeElement !== name) back();
      },
    };
  }

  let drawn = "";
  function update() {
    const { status, run, role } = model.values;
    write(addText, t("time.bookmark.add", { step: count(hand.step()) }));
    add.disabled = button.disabled = !status || status.mode === "watching" || role === "pupil";
    if (!open) return;
    const marks = run?.marks ?? [];
    const key = JSON.stringify(marks);
    if (key !== drawn) {
      drawn = key;
      const kept = marks.filter((mark) => mark.kind === "bookmark").sort((a, b) => a.step - b.step);
      rows = new Map(kept.map((mark) => [Number(mark.bookmark), rows.get(Number(mark.bookmark)) ?? row(mark)]));
      kept.forEach((mark) => rows.get(Number(mark.bookmark))?.show(mark));
      const items = [...rows.values()].map(({ item }) => item);
      if (items.length !== list.children.length || items.some((item, i) => item !== list.children[i])) list.replaceChildren(...items);
      empty.hidden = kept.length > 0;
      const others = marks.filter((mark) => mark.kind !== "bookmark");
      changesTitle.hidden = !others.length;
      changes.replaceChildren(
        ...others.map((mark) =>
          h("li", {}, h("button", { class: "quiet go", type: "button", onclick: () => hand.go(mark) }, glyph(mark.kind), h("span", { class: "figures" }, t("time.step", { step: count(mark.step) })), h("span", { class: "what" }, deed(mark)))),
        ),
      );
    }
    const name = fresh === null ? null : rows.get(fresh)?.name;
    if (name) {
      fresh = null;
      name.focus();
      name.select();
    }
  }

  const leaves = [
    model.on("change:run", update),
    model.on("change:status", update),
    keys("keys.time", [{ key: "k", words: "keys.time.keep", run: () => void keep() }]),
  ];
  update();
  return {
    button,
    panel,
    close() {
      for (const leave of leaves) leave();
      removeEventListener("keydown", elsewhere, true);
    },
  };
}

/** @param {Element} element @param {string} text */
function label(element, text) {
  if (element.getAttribute("aria-label") !== text) element.setAttribute("aria-label", text);
}
