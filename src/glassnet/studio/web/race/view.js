// The page of the race: two to four networks, one seed, the same minibatches.

import { h, write } from "../core/dom.js";
import { t } from "../core/words.js";
import { setup } from "./setup.js";
import { stand } from "./stand.js";

/** @type {import("../app.js").View} */
export function render({ model, el }) {
  const about = h("p", { class: "muted about" });
  const place = h("div", { class: "place" });
  el.replaceChildren(h("div", { class: "race-head" }, h("h2", {}, t("race.title")), about), place);

  /** What is shown now, and of which race, run and role. @type {{element: HTMLElement, close: () => void}|null} */
  let part = null;
  let shown = "";
  const update = () => {
    const { race, run, role } = model.values;
    const pupil = role === "pupil";
    const now = race ? `race ${race.race}` : pupil ? "pupil" : run ? `setup ${run.run}` : "";
    if (now === shown) return;
    const focused = el.contains(document.activeElement);
    shown = now;
    part?.close();
    part = race ? stand(model) : pupil || !run ? null : setup(model);
    place.replaceChildren(...(part ? [part.element] : []));
    write(about, t(pupil && !race ? "race.none" : race ? "race.about.on" : "race.about"));
    // What begins, begins at its top.
    el.closest("main")?.scrollTo(0, 0);
    // The button that was pressed is gone: its place is taken by the first of what came.
    if (focused) /** @type {HTMLElement|null} */ (place.querySelector("button.primary, input:checked"))?.focus();
  };
  model.set("watch", [...new Set([...model.get("watch"), "race"])]);
  const leaves = [model.on("change:race", update), model.on("change:run", update), model.on("change:role", update)];
  update();
  return () => {
    for (const leave of leaves) leave();
    part?.close();
    model.set("watch", model.get("watch").filter((each) => each !== "race"));
  };
}
