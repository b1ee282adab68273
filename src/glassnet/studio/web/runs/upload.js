// Runs from elsewhere: chosen, or dropped on the page; sent with its progress in words.

import { h } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { percent } from "../core/format.js";
import { t } from "../core/words.js";
import { isolated } from "./names.js";

/** What the server takes, in bytes. */
const MOST = 256 * 2 ** 20;

/**
 * @param {import("../core/model.js").Model} model
 * @param {HTMLElement} el what files are dropped on
 * @param {object} told
 * @param {(text: string, wrong?: boolean) => void} told.say
 * @param {(run: string, name: string) => void} told.done
 */
export function upload(model, el, { say, done }) {
  const stop = new AbortController();
  const options = { signal: stop.signal };
  /** @type {XMLHttpRequest|null} */
  let sending = null;
  const file = h("input", { type: "file", accept: ".zip,.safetensors,.json", class: "aside", tabindex: "-1", "aria-hidden": "true", onchange: () => {
    const [chosen] = file.files ?? [];
    if (chosen) send(chosen);
    file.value = "";
  } });
  const button = h("button", { type: "button", "data-act": "upload", onclick: () => file.click() }, t("runs.upload"));

  /** @param {File} chosen */
  function send(chosen) {
    const name = isolated(chosen.name);
    if (sending) return say(t("runs.upload.busy"), true);
    if (chosen.size > MOST) return say(t("runs.upload.large", { name }), true);
    const request = new XMLHttpRequest();
    sending = request;
    let shown = -1;
    const progress = (/** @type {ProgressEvent} */ { loaded, total }) => {
      const share = total ? Math.floor((20 * loaded) / total) / 20 : 0;
      if (share === shown || sending !== request) return; // for ears: in steps
      shown = share;
      say(share < 1 ? t("runs.upload.sending", { name, share: percent(share, 0) }) : t("runs.upload.checking", { name }));
    };
    say(t("runs.upload.sending", { name, share: percent(0, 0) }));
    request.upload.addEventListener("progress", progress);
    request.addEventListener("loadend", () => {
      sending = null;
      if (stop.signal.aborted) return;
      const answer = read(request.responseText);
      if (request.status === 200 && answer?.run) return done(answer.run, String(answer.name));
      if (request.status === 413) return say(t("runs.upload.large", { name }), true);
      say(typeof answer?.error === "string" ? sentence({ message: answer.error }) : t("runs.upload.lost", { name }), true);
    });
    request.open("POST", `/api/runs?name=${encodeURIComponent(chosen.name)}`);
    request.setRequestHeader("X-Glassnet-CSRF", model.get("csrf") ?? "");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.send(chosen);
  }

  const holds = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  el.addEventListener("dragover", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    el.classList.add("dropping");
  }, options);
  el.addEventListener("dragleave", (event) => {
    if (!el.contains(/** @type {Node|null} */ (event.relatedTarget))) el.classList.remove("dropping");
  }, options);
  el.addEventListener("drop", (event) => {
    if (!holds(event)) return;
    event.preventDefault();
    el.classList.remove("dropping");
    const [dropped] = event.dataTransfer?.files ?? [];
    if (dropped) send(dropped);
  }, options);
  // Beside the list, the browser would leave the page and show the file.
  for (const name of ["dragover", "drop"]) addEventListener(name, (event) => holds(/** @type {DragEvent} */ (event)) && event.preventDefault(), options);

  return {
    elements: [button, file],
    close: () => {
      stop.abort();
      sending?.abort();
      el.classList.remove("dropping");
    },
  };
}

/** @param {string} text @returns {any} */
function read(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
