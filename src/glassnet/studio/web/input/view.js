// What the network looks at: what it gets and says, above; ways to choose it, below.

import { h, write } from "../core/dom.js";
import { t } from "../core/words.js";
import { browse as images, browseOf, keepBrowse } from "./browse.js";
import { centerOf, keepPad, pad as drawing, padOf, setCenter } from "./pad.js";
import { picture } from "./picture.js";
import { seen } from "./seen.js";

/** @type {import("../app.js").View} */
export function render({ model, el }) {
  el.setAttribute("aria-label", t("input.title"));
  /** @type {() => void} */
  let close = () => {};
  let built = "";

  function build() {
    const run = model.get("run");
    // A run is told anew whenever a setting changes; the panel depends on these alone.
    const wanted = run ? JSON.stringify([run.run, run.sizes, run.side, run.classes, run.data, run.activations, run.pictures]) : "";
    if (wanted === built && el.firstChild) return;
    close();
    close = run ? panel(model, run, el) : waiting(el);
    built = wanted;
  }

  const off = model.on("change:run", build);
  build();
  return () => {
    off();
    close();
    el.replaceChildren();
  };
}

/** @param {HTMLElement} el */
function waiting(el) {
  el.replaceChildren(h("p", { class: "sentence small" }, t("input.waiting")));
  return () => {};
}

/**
 * @param {import("../core/model.js").Model} model
 * @param {import("../core/types.js").Run} run
 * @param {HTMLElement} el
 */
function panel(model, run, el) {
  const state = browseOf(model, run);
  const ink = padOf(model);
  const drawable = run.side !== null && run.side >= 4;
  const names = drawable ? ["draw", "images", "more"] : ["images", "more"];
  if (!names.includes(state.tab)) state.tab = names[0];

  const see = seen(model, run);
  const pad = drawable ? drawing(model, run, el) : null;
  const browse = images(model, run, () => state.tab === "images");
  const others = picture(model, run, state, { panel: el, opened: () => turn("more"), center: () => centerOf(ink, run) });

  const box = Math.max(1, Math.round(((run.side ?? 28) * 20) / 28));
  const center = h("input", { type: "checkbox", role: "switch", onchange: recenter });
  center.checked = centerOf(ink, run);
  const why = h("p", { class: "small muted" });
  const centering = h("div", { class: "centering" }, h("label", {}, center, t("input.center")), why);
  const explain = () => {
    // What it learned from is known of MNIST, and of pictures that were made into inputs here.
    const { pictures } = run;
    const other = run.data.sources.includes("mnist") ? "" : pictures ? (pictures.center ? ".other" : ".photo") : ".other";
    const on = pictures?.center ? "input.center.on" : `input.center.on${other}`;
    const off = state.tab === "more" && other !== ".photo" ? "input.center.whole" : `input.center.off${other}`;
    write(why, t(center.checked ? on : off, { box, side: run.side ?? "" }));
  };

  function recenter() {
    setCenter(ink, run, center.checked);
    keepPad(ink);
    explain();
    const source = model.get("look")?.source;
    if (state.tab === "draw" && ink.strokes.length) pad?.send();
    else if (source === "picture") others.send();
  }

  const contents = { draw: pad?.element, images: browse.element, more: others.element };
  const tabs = names.map((name) =>
    h(
      "button",
      {
        role: "tab",
        id: `input-tab-${name}`,
        "aria-controls": `input-${name}`,
        "data-tab": name,
        onclick: () => {
          turn(name);
          // Whoever goes back to a drawing wants the network to see it.
          if (name === "draw" && ink.strokes.length && model.get("look")?.source !== "drawing") pad?.send();
        },
      },
      t(name === "images" && run.side === null ? "input.tab.rows" : `input.tab.${name}`),
    ),
  );
  const panels = names.map((name) =>
    h("div", { role: "tabpanel", id: `input-${name}`, "aria-labelledby": `input-tab-${name}` }, contents[/** @type {"draw"} */ (name)]),
  );
  const list = h("div", { role: "tablist", class: "tabs", "aria-label": t("input.title"), onkeydown: arrow }, tabs);

  /** @param {string} name */
  function turn(name) {
    const before = state.tab;
    state.tab = name;
    keepBrowse(state);
    names.forEach((each, i) => {
      tabs[i].setAttribute("aria-selected", String(each === name));
      tabs[i].tabIndex = each === name ? 0 : -1;
      panels[i].hidden = each !== name;
    });
    place();
    explain();
    if (name === "images" && before !== name) browse.open();
  }

  /** @param {KeyboardEvent} event */
  function arrow(event) {
    const at = names.indexOf(state.tab);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: names.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const name = names[(to + names.length) % names.length];
    turn(name);
    tabs[names.indexOf(name)].focus();
  }

  /** The switch stands below what it is about: the pad, or a picture. */
  function place() {
    centering.hidden = !drawable || !(state.tab === "draw" || (state.tab === "more" && model.get("look")?.source === "picture"));
  }

  el.replaceChildren(see.element, list, ...panels, centering);
  turn(state.tab);
  if (state.tab === "images") browse.open();
  const off = model.on("change:look", place);
  return () => {
    off();
    for (const part of [see, browse, others]) part.close();
    pad?.close();
  };
}
