// The share dialog: the link to this moment, what it hides, and the class.

import { h, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { count } from "../core/format.js";
import { spoken, t } from "../core/words.js";
import { linkOf } from "./follow.js";
import { HIDABLE } from "./link.js";
import { qr } from "./qr.js";

/** @typedef {{open: boolean, shared: boolean, link?: string, until?: number, qr?: string[]}} Class */

/** @param {import("../core/model.js").Model} model */
export function share(model) {
  /** @type {string[]} what the link hides: chosen anew each time */
  let hide = [];
  /** @type {Class|null} */
  let lesson = null;
  let turn = 0;

  // ── The link ────────────────────────────────────────────────────────────────────────────────────────────────────────
  const link = copied("share.link", "link");
  const notes = h("ul", { class: "notes small" });
  const boxes = HIDABLE.map((name) => {
    const box = h("input", { type: "checkbox", "data-hides": name, onchange: () => {
      hide = HIDABLE.filter((each, i) => /** @type {HTMLInputElement} */ (boxes[i].querySelector("input")).checked);
      void tell();
    } });
    return h("label", {}, box, t(`share.hide.${name}`));
  });

  async function tell() {
    const mine = ++turn;
    const { hash, image } = await linkOf(model, hide);
    if (mine !== turn) return;
    link.show(`${location.origin}/${hash}`);
    const { run, status } = model.values;
    const made = run?.made;
    const at = status?.at ?? [0, 0];
    const edited = made?.edits.some(([epochs, example]) => epochs < at[0] || (epochs === at[0] && example <= at[1]));
    const said = [
      made && !made.fresh && t("share.note.other"),
      made?.fresh && edited && t("share.note.edits"),
      image.text === null && t("share.note.picture"),
      image.text !== null && !image.exact && t("share.note.seen"),
      made?.fresh && run && !run.data.sources.includes("mnist") && t("share.note.data"),
    ];
    notes.replaceChildren(...said.flatMap((text) => (text ? [h("li", {}, text)] : [])));
    notes.hidden = !notes.childElementCount;
  }

  // ── The class ───────────────────────────────────────────────────────────────────────────────────────────────────────
  const room = h("div", { class: "room" });
  const watching = h("p", { class: "small muted figures" });
  const said = h("p", { class: "sentence small wrong", role: "status" });
  const entry = copied("share.class.link", "class");

  /** @param {"GET"|"POST"|"DELETE"} method */
  async function ask(method) {
    write(said, "");
    try {
      const reply = await fetch("/api/class", { method, headers: { "X-Glassnet-CSRF": model.get("csrf") ?? "" } });
      const body = await reply.json();
      if (!reply.ok) throw new Error(body.error);
      lesson = body;
      classes();
    } catch (error) {
      write(said, sentence(error));
    }
  }

  function classes() {
    if (!lesson) return;
    const away = lesson.shared
      ? null
      : h("p", { class: "small muted" }, t("share.class.alone"), " ", h("code", {}, "glassnet studio --host 0.0.0.0"));
    if (!lesson.open || !lesson.link || !lesson.qr || !lesson.until) {
      room.replaceChildren(h("p", { class: "small muted" }, t("share.class.what")), ...(away ? [away] : []), h("button", { class: "open", onclick: () => void ask("POST") }, t("share.class.open")));
      return;
    }
    entry.show(lesson.link);
    const ends = new Date(1000 * lesson.until).toLocaleTimeString(spoken() === "zh" ? "zh-CN" : "en", { hour: "2-digit", minute: "2-digit" });
    room.replaceChildren(
      h(
        "div",
        { class: "open-class" },
        qr(lesson.qr, t("share.class.qr")),
        h(
          "div",
          { class: "about" },
          entry.element,
          h("p", { class: "small muted" }, t("share.class.until", { time: ends })),
          watching,
          ...(away ? [away] : []),
          h("button", { class: "end", onclick: () => void ask("DELETE") }, t("share.class.close")),
        ),
      ),
    );
  }
  const tabs = () => {
    const all = model.get("status")?.tabs ?? 1;
    write(watching, all > 1 ? t("share.class.tabs", { count: count(all) }) : t("share.class.none"));
  };

  const element = h(
    "dialog",
    { class: "share", "aria-label": t("share.title") },
    h("form", { method: "dialog" }, h("h2", {}, t("share.title")), h("button", { class: "quiet symbol", "aria-label": t("app.close") }, "✕")),
    link.element,
    h("p", { class: "small muted" }, t("share.what")),
    notes,
    h("details", {}, h("summary", {}, t("share.hide")), h("p", { class: "small muted" }, t("share.hide.courtesy")), h("div", { class: "boxes" }, boxes)),
    h("section", { "aria-label": t("share.class") }, h("h3", {}, t("share.class")), room, said),
  );
  element.addEventListener("click", (event) => event.target === element && element.close());
  const off = model.on("change:status", () => element.open && tabs());
  return {
    element,
    open() {
      if (element.open) return;
      tabs();
      void tell();
      void ask("GET");
      element.showModal();
      link.input.select();
    },
    close: off,
  };
}

/**
 * A link to be copied.
 * @param {string} words
 * @param {string} name
 */
function copied(words, name) {
  const input = h("input", { type: "text", readonly: true, "aria-label": t(words), "data-link": name, onfocus: () => input.select() });
  const button = h("button", { class: "primary copy", type: "button", onclick: copy }, t("share.copy"));
  const heard = h("span", { class: "aside", role: "status" });
  async function copy() {
    input.select();
    // On an address of the network, browsers keep their clipboard from pages; the old way works there.
    const done = await (navigator.clipboard?.writeText(input.value).then(() => true, () => false) ?? false);
    if (done || document.execCommand("copy")) {
      write(button, t("share.copied"));
      write(heard, t("share.copied"));
      setTimeout(() => (write(button, t("share.copy")), write(heard, "")), 1500);
    }
  }
  return {
    input,
    element: h("div", { class: "copied" }, input, button, heard),
    /** @param {string} text */
    show(text) {
      input.value = text;
    },
  };
}
