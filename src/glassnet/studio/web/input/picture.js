// Pictures from outside: chosen, dropped, pasted or photographed; and inputs that show nothing, on purpose.

import { h, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { unpack } from "../core/frames.js";
import { look } from "../core/looks.js";
import { t } from "../core/words.js";
import { keepBrowse } from "./browse.js";

/** What the server takes, in bytes. */
const MOST = 32 * 2 ** 20;

/** @typedef {{shape: number[], values: Uint8Array}} Pixels */

/**
 * @param {import("../core/model.js").Model} model
 * @param {import("../core/types.js").Run} run
 * @param {import("./browse.js").Browse} browse
 * @param {{panel: HTMLElement, opened: () => void, center: () => boolean}} place the panel that pictures are dropped on, and
 *   what to do when one came
 */
export function picture(model, run, browse, { panel, opened, center }) {
  const stop = new AbortController();
  /** @type {Pixels|null} the last picture, as the server read it */
  let pixels = null;
  const said = h("p", { class: "sentence small", role: "status" });
  // A phone offers its camera for this, a computer its folders.
  const file = h("input", { type: "file", accept: "image/*", class: "aside", tabindex: "-1", "aria-hidden": "true", onchange: () => {
    const [chosen] = file.files ?? [];
    if (chosen) void read(chosen, chosen.name);
    file.value = "";
  } });
  const seed = h("span", { class: "small muted figures" });
  const element = h(
    "div",
    { class: "others" },
    run.side
      ? h(
          "div",
          { class: "upload" },
          h("button", { onclick: () => file.click() }, t("input.upload")),
          file,
          h("p", { class: "small muted" }, t(run.classes?.every((name) => /^\d$/.test(name)) ? "input.upload.how" : "input.upload.how.other")),
          said,
        )
      : h("p", { class: "small muted" }, t("input.numbers", { count: run.sizes[0] })),
    h(
      "div",
      { class: "odd" },
      h("h2", {}, t("input.odd")),
      h("div", { class: "row" }, h("button", { class: "noise", onclick: noise }, t("input.noise")), h("button", { class: "blank", onclick: () => ask({ source: "blank" }) }, t("input.blank")), seed),
      run.classes && h("p", { class: "small muted" }, t("input.odd.why")),
    ),
  );

  /** @param {string} text @param {boolean} [wrong] */
  function say(text, wrong = false) {
    said.classList.toggle("wrong", wrong);
    write(said, text);
  }

  /** @param {Record<string, any>} what @param {Record<string, Pixels>} [arrays] */
  function ask(what, arrays) {
    look(model, what, arrays).done.catch((error) => say(error.code === "lost" ? t("input.upload.lost") : sentence(error), true));
  }

  function noise() {
    ask({ source: "noise", seed: ++browse.noise });
    keepBrowse(browse);
    tell();
  }

  const tell = () => write(seed, browse.noise ? t("input.noise.seed", { seed: browse.noise }) : "");

  let reading = 0;
  /** @param {Blob} body @param {string} name */
  async function read(body, name) {
    opened();
    if (body.size > MOST) return say(t("input.upload.large", { name }), true);
    const mine = ++reading;
    say(t("input.upload.busy", { name }));
    try {
      const reply = await fetch(`/api/picture?center=${center()}`, {
        method: "POST",
        headers: { "X-Glassnet-CSRF": model.get("csrf") ?? "", "Content-Type": body.type || "application/octet-stream" },
        body,
        signal: stop.signal,
      });
      if (mine !== reading) return;
      if (!reply.ok) return say(reply.status === 413 ? t("input.upload.large", { name }) : ((await reason(reply)) ?? t("input.upload.failed", { name })), true);
      const { arrays } = unpack(await reply.arrayBuffer());
      pixels = /** @type {Pixels} */ (arrays.pixels);
      say("");
      send();
    } catch {
      if (mine === reading && !stop.signal.aborted) say(t("input.upload.lost"), true);
    }
  }

  /** Shows the network the last picture, if there is one. */
  function send() {
    if (pixels) ask({ source: "picture", center: center() }, { pixels });
    return pixels !== null;
  }

  // ── Dropped and pasted ──

  /** @param {DataTransfer|null} data */
  function take(data) {
    const found = [...(data?.files ?? [])].find(({ type }) => type.startsWith("image/")) ?? data?.files[0];
    if (found) void read(found, found.name || t("input.upload.pasted"));
    return found !== undefined;
  }
  const holds = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files") ?? false;
  const options = { signal: stop.signal };
  if (run.side) {
    panel.addEventListener("dragover", (event) => {
      if (!holds(event)) return;
      event.preventDefault();
      panel.classList.add("dropping");
    }, options);
    panel.addEventListener("dragleave", (event) => {
      if (!panel.contains(/** @type {Node|null} */ (event.relatedTarget))) panel.classList.remove("dropping");
    }, options);
    panel.addEventListener("drop", (event) => {
      event.preventDefault();
      panel.classList.remove("dropping");
      if (!take(event.dataTransfer)) (opened(), say(t("input.upload.none"), true));
    }, options);
    // Beside the panel, the browser would leave the page and show the picture.
    for (const name of ["dragover", "drop"]) addEventListener(name, (event) => holds(/** @type {DragEvent} */ (event)) && event.preventDefault(), options);
    addEventListener("paste", (event) => {
      const target = /** @type {HTMLElement} */ (event.target);
      if (target.closest?.("input, textarea")) return; // a field takes what is pasted into it
      if (take(event.clipboardData)) event.preventDefault();
    }, options);
  }

  tell();
  return {
    element,
    send,
    close: () => {
      stop.abort();
      panel.classList.remove("dropping");
    },
  };
}

/**
 * Why the server refused, in its own words.
 * @param {Response} reply
 */
async function reason(reply) {
  const body = await reply.json().catch(() => null);
  const said = body?.error;
  return typeof said === "string" && said ? sentence({ message: said }) : null;
}
