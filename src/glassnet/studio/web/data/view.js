// Data of one's own: dropped here, looked at before anything is trained on it; and what was given before.

import { calm, h, write } from "../core/dom.js";
import { count } from "../core/format.js";
import { t } from "../core/words.js";
import { card, titleOf, total } from "./card.js";
import { chosen, dropped } from "./collect.js";
import { asSaid, follow, going, notify, send } from "./upload.js";

/** @typedef {import("./card.js").Data} Data */

/** Pixels wide and high that pictures are made into at first, as MNIST's. */
const SIDE = 28;

/** @type {string|null} the data that is shown: it outlives the page */
let shown = null;
/** Whether it has just come: whoever waited for it is taken to it. */
let fresh = false;
/** @type {{text: string, wrong: boolean}} what came of the last upload */
let outcome = { text: "", wrong: false };

/** @type {import("../app.js").View} */
export function render({ model, el }) {
  el.setAttribute("aria-label", t("data.title"));
  const stop = new AbortController();
  const teacher = model.get("role") !== "pupil";
  /** @type {Data[]} */
  let known = [];
  /** @type {ReturnType<typeof card>|null} */
  let open = null;
  /** What the card was built from. */
  let built = "";

  const files = h("input", { type: "file", multiple: true, class: "aside", tabindex: "-1", "aria-hidden": "true", "data-input": "files", onchange: () => void pick(files) });
  const folder = h("input", { type: "file", webkitdirectory: true, class: "aside", tabindex: "-1", "aria-hidden": "true", "data-input": "folder", onchange: () => void pick(folder) });
  const zone = h("button", { class: "zone", onclick: () => files.click() }, h("span", { class: "big" }, t("data.drop")), h("span", { class: "small muted" }, t("data.drop.what")));
  const said = h("p", { class: "sentence", role: "status" });
  const bar = h("progress", { "aria-label": t("data.progress") });
  const cancel = h("button", { class: "quiet", onclick: () => going()?.stop.abort() }, t("data.cancel"));
  const busy = h("div", { class: "busy row" }, bar, cancel);
  const list = h("div", { class: "list", role: "group", "aria-label": t("data.list") });
  const place = h("div", { class: "place" });

  el.replaceChildren(
    h("div", { class: "head" }, h("h2", {}, t("data.title")), h("p", { class: "muted" }, t(teacher ? "data.about" : "data.about.pupil"))),
    ...(teacher
      ? [
          h("div", { class: "drop" }, zone, h("div", { class: "row" }, h("button", { onclick: () => files.click() }, t("data.choose.files")), h("button", { onclick: () => folder.click() }, t("data.choose.folder"))), files, folder),
        ]
      : []),
    h("div", { class: "going" }, said, busy),
    h("div", { class: "both" }, h("section", {}, h("h3", {}, t("data.list")), list), place),
  );

  // ── Giving data ──

  /** @param {HTMLInputElement} input */
  function pick(input) {
    const items = chosen(input.files);
    input.value = "";
    return give(items);
  }

  /** @param {import("./zip.js").Item[]} items */
  async function give(items) {
    outcome = { text: "", wrong: false };
    try {
      const data = await send(model, items, SIDE);
      if (data) shown = data.id;
      fresh = data !== null;
      outcome = { text: t(data ? "data.done" : "data.canceled"), wrong: false };
    } catch (error) {
      outcome = { text: asSaid(error), wrong: true };
    }
    // Another page may have been open meanwhile: the view that is there now is told, not this one.
    notify(true);
  }

  function tell() {
    const job = going();
    el.dataset.busy = job ? "yes" : "";
    busy.hidden = !job;
    zone.disabled = job !== null;
    said.classList.toggle("wrong", !job && outcome.wrong);
    write(said, job ? job.text : outcome.text);
    if (job?.share == null) bar.removeAttribute("value");
    else bar.value = job.share;
  }

  // ── What there is ──

  async function ask() {
    try {
      known = (await model.send({ do: "datasets" })).datasets;
    } catch (error) {
      if (/** @type {any} */ (error).code !== "lost") {
        outcome = { text: asSaid(error), wrong: true };
        tell();
      }
      return;
    }
    if (!stop.signal.aborted) show();
  }

  function show() {
    const run = model.get("run");
    const now = known.find(({ sources }) => JSON.stringify(sources) === JSON.stringify(run?.data.sources));
    const data = known.find(({ id }) => id === shown) ?? now ?? known[0];
    shown = data?.id ?? null;
    const focused = list.contains(document.activeElement);
    list.replaceChildren(
      ...known.map((each) =>
        h(
          "button",
          { "aria-pressed": String(each === data), "data-id": each.id, onclick: () => ((shown = each.id), show()) },
          h("bdi", { class: "name" }, titleOf(each)),
          h("span", { class: "small muted figures" }, t("data.item", { count: count(total(each)), what: each.classes ? t("data.item.classes", { count: count(each.class_count ?? 0) }) : t("data.item.numbers") })),
          each === now && h("span", { class: "small now" }, t("data.item.now")),
        ),
      ),
    );
    if (focused) /** @type {HTMLElement|null} */ (list.querySelector("[aria-pressed=true]"))?.focus();
    // What is looked at stays as it is, with what was chosen in it, unless it is other data.
    const wanted = JSON.stringify(data);
    if (wanted !== built) {
      open?.close();
      open = null;
    }
    built = wanted;
    open ??= data
      ? card(model, data, {
          teacher,
          changed: (other) => {
            known = known.map((each) => (each.id === other.id ? other : each));
            built = JSON.stringify(other);
          },
          forgotten: () => {
            shown = null;
            outcome = { text: t("data.forgotten"), wrong: false };
            tell();
            void ask();
          },
        })
      : null;
    if (place.firstChild !== open?.element) place.replaceChildren(...(open ? [open.element] : []));
    if (fresh) {
      const heading = /** @type {HTMLElement|null} */ (place.querySelector("h3"));
      heading?.focus({ preventScroll: true });
      heading?.scrollIntoView({ behavior: calm() ? "auto" : "smooth" });
    }
    fresh = false;
  }

  // ── Dropping: anywhere on the page ──

  const holds = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  const options = { signal: stop.signal };
  addEventListener(
    "dragover",
    (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      el.classList.toggle("dropping", teacher);
    },
    options,
  );
  addEventListener("dragleave", (event) => event.relatedTarget === null && el.classList.remove("dropping"), options);
  addEventListener(
    "drop",
    (event) => {
      el.classList.remove("dropping");
      if (!holds(event)) return;
      event.preventDefault();
      if (teacher) {
        dropped(event.dataTransfer).then(give, () => {
          outcome = { text: t("data.unreadable", { name: t("data.unnamed") }), wrong: true };
          tell();
        });
      }
    },
    options,
  );

  let told = model.get("run")?.run;
  const offs = [
    follow((came) => {
      tell();
      if (came) void ask();
    }),
    model.on("change:connection", () => void (model.get("connection") === "open" && ask())),
    model.on("change:run", () => {
      // Another run: other data is used.
      if (model.get("run")?.run !== told) void ask();
      told = model.get("run")?.run;
    }),
  ];
  tell();
  void ask();
  return () => {
    stop.abort();
    open?.close();
    for (const off of offs) off();
    el.replaceChildren();
  };
}
