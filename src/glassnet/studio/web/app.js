// The frame around the views: which page is open, the language, the theme, the keys. All else is in the views.

import { connect } from "./core/connection.js";
import { h, write } from "./core/dom.js";
import { count } from "./core/format.js";
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
import { render as inspector } from "./network/inspector.js";
import { render as stage } from "./network/view.js";
import networkWords from "./network/words.js";
import words from "./words.js";

/** @typedef {(place: {model: import("./core/model.js").Model, el: HTMLElement}) => () => void} View */

for (const each of [words, networkWords, inputWords, learningWords, mistakesWords]) learn(each);

const VIEWS = /** @type {const} */ (["network", "learning", "mistakes"]);

/** @type {Record<string, {name: string, render: View}[]>} the parts of each page, in the order of reading */
const PAGES = {
  network: [
    { name: "stage", render: stage },
    { name: "input", render: input },
    { name: "inspector", render: inspector },
  ],
  learning: [{ name: "learning", render: learning }],
  mistakes: [{ name: "mistakes", render: mistakes }],
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
  const notice = h("p", { class: "notice", role: "status", hidden: true });
  const main = h("main", { id: "main", tabindex: "-1" });
  const dockPlace = h("section", { class: "dock", "aria-label": t("app.page.learning") });
  const nav = h(
    "nav",
    { class: "pages", "aria-label": t("app.views") },
    VIEWS.map((name) => h("a", { href: `#${name}`, "data-view": name }, t(`app.page.${name}`))),
  );
  const help = dialog();

  root.replaceChildren(
    h("a", { class: "skip", href: "#main", onclick: (/** @type {Event} */ event) => (event.preventDefault(), main.focus()) }, t("app.skip")),
    h(
      "header",
      { class: "top" },
      h("h1", {}, "glassnet"),
      facts,
      nav,
      h(
        "div",
        { class: "tools" },
        h("button", { class: "quiet", lang: language === "zh" ? "en" : "zh-Hans", "aria-label": t("app.language.label"), onclick: switchLanguage }, t("app.language")),
        h("button", { class: "quiet symbol", "aria-label": t("app.theme"), title: t("app.theme"), onclick: switchTheme }, "◐"),
        h("button", { class: "quiet symbol", "aria-label": t("app.help"), title: t("app.help"), onclick: () => help.open() }, "?"),
      ),
    ),
    notice,
    main,
    dockPlace,
    help.element,
  );

  const describe = () => {
    const run = model.get("run");
    facts.replaceChildren(run ? run.sizes.join("–") : "", h("span", {}, run ? t("app.facts", { count: count(run.count) }) : ""));
  };
  warn = () => {
    const connection = model.get("connection");
    notice.hidden = connection === "open" && !failure;
    write(notice, connection !== "open" ? t(`app.connection.${connection}`) : failure ? t("app.failed", { what: failure }) : "");
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

  closing = [
    model.on("change:run", describe),
    model.on("change:connection", warn),
    model.on("change:view", turn),
    dock({ model, el: dockPlace }),
    keys("keys.app", [
      { key: "1", words: "keys.open.network", run: () => open("network") },
      { key: "2", words: "keys.open.learning", run: () => open("learning") },
      { key: "3", words: "keys.open.mistakes", run: () => open("mistakes") },
      { key: "l", words: "keys.language", run: switchLanguage },
      { key: "t", words: "keys.theme", run: switchTheme },
      { key: "Escape", words: "keys.escape", shown: "Esc", run: () => model.set("picked", null) },
      { key: "?", words: "keys.help", run: () => help.open() },
    ]),
  ];
  describe();
  warn();
  turn();
}

/** The list of all keys. */
function dialog() {
  const list = h("div", { class: "keys" });
  const element = h(
    "dialog",
    { class: "help", "aria-label": t("app.help") },
    h("form", { method: "dialog" }, h("h2", {}, t("app.help")), h("button", { class: "quiet", "aria-label": t("app.close") }, "✕")),
    list,
    h("p", { class: "muted" }, t("keys.tab")),
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
  if (location.hash !== `#${view}`) location.hash = view;
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

function follow() {
  const wanted = location.hash.slice(1);
  const view = VIEWS.find((each) => each === wanted) ?? "network";
  if (view !== model.get("view") || !leaving.length) model.set("view", view);
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
model.values.view = VIEWS.find((each) => each === location.hash.slice(1)) ?? "network";
addEventListener("hashchange", follow);
addEventListener("error", ({ error }) => error && failed(error));
addEventListener("unhandledrejection", ({ reason }) => failed(reason));
build();
