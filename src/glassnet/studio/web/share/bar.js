// What a link that was opened asks, does, or could not do: one line below the header.

import { h } from "../core/dom.js";
import { t } from "../core/words.js";

/** @typedef {{phase: "opening"|"going"|"ask"|"wrong", text?: string, yes?: string, go?: () => void, stop?: () => void, leave?: () => void}} Doing */

/**
 * @param {import("../core/model.js").Model} model
 * @param {HTMLElement} el
 */
export function bar(model, el) {
  const update = () => {
    const now = model.get("link");
    el.hidden = !now?.text;
    if (!now?.text) {
      el.replaceChildren();
      return;
    }
    el.dataset.phase = now.phase;
    const close = () => model.set("link", null);
    el.replaceChildren(
      h("p", {}, now.text),
      ...(now.phase === "ask" ? [h("button", { class: "primary", onclick: now.go }, now.yes), h("button", { onclick: now.leave }, t("share.ask.stay"))] : []),
      ...(now.phase === "going" ? [h("button", { onclick: now.stop }, t("share.stop"))] : []),
      ...(now.phase === "wrong" ? [h("button", { class: "quiet symbol", "aria-label": t("app.close"), onclick: close }, "✕")] : []),
    );
  };
  const off = model.on("change:link", update);
  update();
  return off;
}
