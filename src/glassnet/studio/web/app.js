// The frame around the views: which page is open, the language, the theme, the keys. All else is in the views.

import { connect } from "./core/connection.js";
import { h, svg, write } from "./core/dom.js";
import { count } from "./core/format.js";
import { hiddenOf, hide } from "./core/hiding.js";
import { keys, listed } from "./core/keys.js";
import { kept } from "./core/storage.js";
import { other, wear } from "./core/theme.js";
import { learn, speak, t } from "./core/words.js";
import { render as input } from "./input/view.js";
import inputWords from "./input/words.js";
import { render as dock } from "./learning/dock.js";
import { render as learning } from "./learning/view.js";
import learningWords from "./learning/words.js";
import { render as mistakes } from "./mistakes/view.js";
import mistakesWords from "./mistakes/words.js";
import { render as data } from "./data/view.js";
import dataWords from "./data/words.js";
import handsWords from "./hands/words.js";
import { render as inspector } from "./network/inspector.js";
import { render as stage } from "./network/view.js";
import networkWords from "./network/words.js";
import { render as race } from "./race/view.js";
import raceWords from "./race/words.js";
import { render as runs } from "./runs/view.js";
import runsWords from "./runs/words.js";
import { bar } from "./share/bar.js";
import { follow as followed, isOurs } from "./share/follow.js";
import { read } from "./share/link.js";
import { openLink } from "./share/open.js";
import { share as shareDialog } from "./share/view.js";
import shareWords from "./share/words.js";
import timeWords from "./time/words.js";
import { tour } from "./tour/tour.js";
import tourWords from "./tour/words.js";
import words from "./words.js";

/** @typedef {(place: {model: import("./core/model.js").Model, el: HTMLElement}) => () => void} View */

for (const each of [words, networkWords, inputWords, learningWords, mistakesWords, timeWords, handsWords, raceWords, runsWords, dataWords, shareWords, tourWords]) learn(each);

const VIEWS = /** @type {const} */ (["network", "learning", "mistakes", "race", "runs", "data"]);

/** @type {Record<string, {name: string, render: View}[]>} the parts of each page, in the order of reading */
const PAGES = {
  network: [
    { name: "stage", render: stage },
    { name: "input", render: input },
    { name: "inspector", render: inspector },
  ],
  learning: [{ name: "learning", render: learning }],
  mistakes: [{ name: "mistakes", render: mistakes }],
  race: [{ name: "race", render: race }],
  runs: [{ name: "runs", render: runs }],
  data: [{ name: "data", render: data }],
};

const model = connect();
// For whoever opens the browser's console: every number is in it.
/** @type {any} */ (window).glassnet = { model };
const root = /** @type {HTMLElement} */ (document.getElementById("app"));

/** @type {(() => void)[]} what takes the present page away */
let leaving = [];
/** @type {(() => void)[]} what takes everything away, when the language changes */
let closing = [];

/** What went wrong in this page itself; "" as long as nothing did. */
let failure = "";
let warn = () => {};

/** @param {string|null} chosen */
const asLanguage = (chosen) => (chosen === "zh" || chosen === "en" ? chosen : navigator.language.startsWith("zh") ? "zh" : "en");

function build() {
  const language = model.get("language");
  speak(language);
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  document.title = t("app.title");

  const facts = h("p", { class: "facts" });
  const watching = h("p", { class: "watching", hidden: true }, t("share.pupil"));
  const notice = h("p", { class: "notice", role: "status", hidden: true });
  const linked = h("div", { class: "linked", role: "status", hidden: true });
  const main = h("main", { id: "main", tabindex: "-1" });
  const dockPlace = h("section", { class: "dock", "aria-label": t("app.page.learning") });
  const nav = h(
    "nav",
    { class: "pages", "aria-label": t("app.views") },
    VIEWS.map((name) => h("a", { href: `#${name}`, "data-view": name }, t(`app.page.${name}`))),
  );
  const sharing = shareDialog(model);
  const guide = tour(model, open);
  const help = dialog(guide.begin);

  root.replaceChildren(
    h("a", { class: "skip", href: "#main", onclick: (/** @type {Event} */ event) => (event.preventDefault(), main.focus()) }, t("app.skip")),
    h(
      "header",
      { class: "top" },
      h("h1", {}, "glassnet"),
      facts,
      watching,
      nav,
      h(
        "div",
        { class: "tools" },
        h("button", { class: "quiet", lang: language === "zh" ? "en" : "zh-Hans", "aria-label": t("app.language.label"), onclick: switchLanguage }, t("app.language")),
        h("button", { class: "quiet symbol", "aria-label": t("app.theme"), title: t("app.theme"), onclick: switchTheme }, "◐"),
        h("button", { class: "quiet symbol share-this", "aria-label": t("keys.share"), title: t("keys.share"), onclick: () => sharing.open() }, shareIcon()),
        h("button", { class: "quiet symbol help-button", "aria-label": t("app.help"), title: t("app.help"), onclick: () => help.open() }, "?"),
      ),
    ),
    h("div", { class: "notices" }, notice, linked),
    main,
    dockPlace,
    help.element,
    sharing.element,
    guide.element,
  );

  const describe = () => {
    const run = model.get("run");
    facts.replaceChildren(run ? run.sizes.join("–") : "", h("span", {}, run ? t("app.facts", { count: count(run.count) }) : ""));
  };
  warn = () => {
    const connection = model.get("connection");
    notice.hidden = connection === "open" && !failure;
    const over = connection === "refused" && model.get("role") === "pupil";
    write(notice, over ? t("share.over") : connection !== "open" ? t(`app.connection.${connection}`) : failure ? t("app.failed", { what: failure }) : "");
    document.body.dataset.connection = connection;
  };
  const turn = () => {
    for (const leave of leaving) leave();
    const view = model.get("view");
    main.className = `page ${view}`;
    const places = PAGES[view].map(({ name, render }) => {
      const el = h("section", { class: name });
      return { el, render };
    });
    main.replaceChildren(...places.map(({ el }) => el));
    leaving = places.map(({ el, render }) => render({ model, el }));
    for (const link of nav.querySelectorAll("a")) {
      if (link.dataset.view === view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  };

  const places = () => {
    const hidden = hiddenOf(model);
    for (const link of nav.querySelectorAll("a")) link.hidden = hidden.includes(link.dataset.view ?? "");
    watching.hidden = model.get("role") !== "pupil";
    if (hidden.includes(model.get("view"))) model.set("view", VIEWS[0]);
  };

  closing = [
    model.on("change:run", describe),
    hide(model, places),
    bar(model, linked),
    sharing.close,
    guide.close,
    model.on("change:connection", warn),
    model.on("change:view", turn),
    dock({ model, el: dockPlace }),
    keys("keys.app", [
      { key: "1", words: "keys.open.network", run: () => open("network") },
      { key: "2", words: "keys.open.learning", run: () => open("learning") },
      { key: "3", words: "keys.open.mistakes", run: () => open("mistakes") },
      { key: "4", words: "keys.open.race", run: () => open("race") },
      { key: "5", words: "keys.open.runs", run: () => open("runs") },
      { key: "6", words: "keys.open.data", run: () => open("data") },
      { key: "l", words: "keys.language", run: switchLanguage },
      { key: "t", words: "keys.theme", run: switchTheme },
      { key: "s", words: "keys.share", run: () => sharing.open() },
      { key: "Escape", words: "keys.escape", shown: "Esc", run: () => model.set("picked", null) },
      { key: "?", words: "keys.help", run: () => help.open() },
    ]),
  ];
  describe();
  warn();
  turn();
}

/** Three dots that belong together. */
const shareIcon = () =>
  svg(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", "aria-hidden": "true" },
    svg("path", { d: "M4 8 12 3.5M4 8l8 4.5", fill: "none", stroke: "currentColor", "stroke-width": 1.4 }),
    [[4, 8], [12, 3.5], [12, 12.5]].map(([cx, cy]) => svg("circle", { cx, cy, r: 2.1, fill: "currentColor" })),
  );

/**
 * The list of all keys.
 * @param {() => void} guide begins the tour
 */
function dialog(guide) {
  const list = h("div", { class: "keys" });
  const element = h(
    "dialog",
    { class: "help", "aria-label": t("app.help") },
    h("form", { method: "dialog" }, h("h2", {}, t("app.help")), h("button", { class: "quiet", "aria-label": t("app.close") }, "✕")),
    list,
    h("p", { class: "muted" }, t("keys.tab")),
    h("button", { class: "begin-tour", onclick: () => (element.close(), guide()) }, t("tour.again")),
  );
  element.addEventListener("click", (event) => event.target === element && element.close());
  const open = () => {
    list.replaceChildren(
      ...listed().map(({ group, keys }) =>
        h(
          "section",
          {},
          h("h3", {}, t(group)),
          h(
            "dl",
            {},
            keys.map(({ key, words, shown }) => [h("dt", {}, h("kbd", {}, shown ?? (key === " " ? "␣" : key))), h("dd", {}, t(words))]).flat(),
          ),
        ),
      ),
    );
    element.showModal();
  };
  return { element, open };
}

/** @param {string} view */
function open(view) {
  if (view !== model.get("view") && !hiddenOf(model).includes(view)) location.hash = view;
}

function switchLanguage() {
  model.set("language", model.get("language") === "zh" ? "en" : "zh");
  kept("language", model.get("language"));
}

function switchTheme() {
  model.set("theme", other());
  kept("theme", model.get("theme"));
}

/** @param {unknown} error */
function failed(error) {
  failure = error instanceof Error ? error.message : String(error);
  warn();
}

/** The address is another: a page was opened, or gone back to; or a link. */
function follow() {
  const link = read(location.hash, VIEWS);
  const view = hiddenOf(model).includes(link.view) ? VIEWS[0] : link.view;
  if (view !== model.get("view") || !leaving.length) model.set("view", view);
  if (!isOurs()) void openLink(model, link);
}

function rebuild() {
  const scroll = scrollY;
  for (const leave of [...leaving, ...closing]) leave();
  leaving = [];
  build();
  scrollTo(0, scroll);
}

model.values.language = asLanguage(kept("language"));
model.on("change:language", rebuild);
model.on("change:theme", () => wear(model.get("theme")));
const theme = kept("theme");
model.set("theme", theme === "light" || theme === "dark" ? theme : "auto");
const first = read(location.hash, VIEWS);
model.values.hidden = first.hide ?? [];
model.values.view = hiddenOf(model).includes(first.view) ? VIEWS[0] : first.view;
addEventListener("hashchange", follow);
addEventListener("error", ({ error }) => error && failed(error));
addEventListener("unhandledrejection", ({ reason }) => failed(reason));
build();
followed(model);
// An address that this page wrote itself was reloaded: all but what it hides is where it was.
if (!isOurs()) void openLink(model, first);
