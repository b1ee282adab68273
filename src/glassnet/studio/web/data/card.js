// What was understood of a data set: a sentence, its classes with samples of each, how its pictures become inputs; and the
// button that trains on it.

import { gray, h, select, write } from "../core/dom.js";
import { count, number } from "../core/format.js";
import { unpack } from "../core/frames.js";
import { latest } from "../core/latest.js";
import { className } from "../core/names.js";
import { joined, t } from "../core/words.js";
import { asSaid, make, query } from "./upload.js";

/** @typedef {import("../core/types.js").Reply} Reply */

/**
 * @typedef {object} Data What the server says of a data set.
 * @property {string} id
 * @property {string} name
 * @property {string} kind
 * @property {number} train
 * @property {number} validation
 * @property {boolean} held_out
 * @property {number} test
 * @property {number} inputs
 * @property {number} outputs
 * @property {number|null} side
 * @property {{name: string, count: number}[]|null} classes
 * @property {number|null} class_count
 * @property {number|null} fewest
 * @property {number|null} most
 * @property {[number, number]} range
 * @property {{side: number, center: boolean}|null} how
 * @property {boolean} changeable
 * @property {{least: [number, number], most: [number, number]}|null} sizes
 * @property {{name: string, code: string, why: string}[]} skipped
 * @property {number} skipped_count
 * @property {string[]} sources
 * @property {number} bytes
 * @property {string[]} used
 */

const SAMPLES = 4;
const SIDES = [8, 12, 16, 20, 24, 28, 32, 40, 48, 64];
/** Classes that are shown with samples; the others by name and count. */
const SAMPLED = 20;
/** The hidden layers of the network that is proposed. */
const HIDDEN = [16, 16];
/** Minibatches in which a small network learns what there is to learn, about. */
const ENOUGH = 3000;
const BATCH = 10;
/** A class is rare if another has so many times as many examples. */
const UNEVEN = 5;
const FEW = 10;
/** Numbers beyond are hard to learn from. */
const FAR = 10;

/** @param {string} name any text, from a folder's name */
const clean = (name) => className(/** @type {import("../core/types.js").Run} */ ({ classes: [name] }), 0);

/** @param {Data} data */
export const total = ({ train, validation, test }) => train + validation + test;

/** @param {Data} data */
export const titleOf = (data) => (data.id === "mnist" ? "MNIST" : clean(data.name));

/**
 * The new run that is proposed: a small network that learns quickly, whatever the data.
 * @param {Data} data
 */
function proposal(data) {
  const batch = Math.min(BATCH, data.train);
  const epochs = Math.min(300, Math.max(10, Math.ceil((ENOUGH * batch) / data.train)));
  return {
    do: "restart",
    recipe: "modern",
    data: data.sources,
    sizes: [null, ...HIDDEN, null],
    hidden: "relu",
    optimizer: "adam",
    learning_rate: 0.003,
    schedule: "cosine",
    batch_size: batch,
    epochs,
    ...(data.classes ? {} : { output: "identity", cost: "squared_error" }),
    ...(data.validation ? {} : { validation: 0 }),
  };
}

/**
 * @param {import("../core/model.js").Model} model
 * @param {Data} first
 * @param {{teacher: boolean, changed: (data: Data) => void, forgotten: () => void}} place what to tell when it is another, or gone
 */
export function card(model, first, { teacher, changed, forgotten }) {
  let data = first;
  /** How its pictures are shown: not yet how they are. */
  const how = data.how ? { ...data.how } : { side: 28, center: true };
  let gone = false;

  const said = h("p", { class: "sentence", role: "status" });
  const facts = h("p", { class: "facts" });
  const parts = h("p", { class: "muted" });
  const warnings = h("ul", { class: "warnings" });
  const skipped = h("div", {});
  const classes = h("ol", { class: "classes" });
  const rest = h("div", {});
  const centered = h("input", { type: "checkbox", role: "switch", onchange: () => ((how.center = centered.checked), again()) });
  const sides = select("", SIDES.map((side) => [String(side), `${side} × ${side}`]), String(how.side), (value) => ((how.side = Number(value)), again()));
  const why = h("p", { class: "small muted" });
  const making = h(
    "fieldset",
    { class: "making" },
    h("legend", {}, t("data.how")),
    h("div", { class: "row" }, h("label", { class: "field" }, h("span", {}, t("data.side")), sides), h("label", { class: "switch" }, centered, t("data.center"))),
    why,
  );
  const train = h("button", { class: "primary train", onclick: () => void begin() }, t("data.train"));
  const proposed = h("p", { class: "small muted figures" });
  const used = h("p", { class: "small muted" });
  const forget = h("button", { class: "quiet", onclick: () => ((sure.hidden = false), (forget.hidden = true), yes.focus()) }, t("data.forget"));
  const yes = h("button", { onclick: () => void away() }, t("data.forget.yes"));
  const no = h("button", { class: "quiet", onclick: () => ((sure.hidden = true), (forget.hidden = false), forget.focus()) }, t("data.forget.no"));
  const sure = h("span", { class: "row sure", hidden: true }, h("span", {}, t("data.forget.sure")), yes, no);
  const element = h(
    "article",
    { class: "card", "aria-label": titleOf(data), "data-id": data.id },
    h("h3", { class: "name", tabindex: "-1" }, h("bdi", {}, titleOf(data))),
    facts,
    parts,
    warnings,
    skipped,
    teacher && data.changeable && making,
    classes,
    rest,
    teacher && h("div", { class: "go" }, train, proposed),
    said,
    h("div", { class: "under row" }, used, teacher && data.id !== "mnist" && forget, sure),
  );

  /** @param {string} text @param {boolean} [wrong] */
  function say(text, wrong = false) {
    said.classList.toggle("wrong", wrong);
    write(said, text);
  }

  function describe() {
    centered.checked = how.center;
    sides.value = String(how.side);
    const { class_count: many, how: made, sizes } = data;
    const images = data.changeable || data.id === "mnist";
    const all = count(total(data));
    const some = data.classes && data.classes.length <= 6;
    const names = some ? (data.classes ?? []).map((each) => `${isolated(clean(each.name))} ${count(each.count)}`).join(t("data.comma")) : "";
    const what = many
      ? t(`data.facts.${images ? "pictures" : "examples"}${names && ".named"}`, { count: all, classes: count(many), names })
      : t("data.facts.numbers", { count: all, outputs: count(data.outputs) });
    const form = data.side ? t(made ? "data.facts.made" : "data.facts.square", { side: made && data.changeable ? how.side : data.side }) : t("data.facts.inputs", { inputs: count(data.inputs) });
    const came = sizes ? t(same(sizes) ? "data.facts.size" : "data.facts.sizes", { least: sizes.least.join(" × "), most: sizes.most.join(" × ") }) : "";
    write(facts, joined([what, form, came].filter(Boolean)));
    write(
      parts,
      t(data.held_out ? "data.parts.held" : data.validation ? "data.parts" : "data.parts.few", { train: count(data.train), validation: count(data.validation), test: data.test ? count(data.test) : t("data.none") }),
    );
    warnings.replaceChildren(...warned(data).map((text) => h("li", {}, text)));
    skipped.replaceChildren(...(data.skipped_count ? [left(data)] : []));
    write(why, t(how.center ? "data.center.on" : "data.center.off"));
    const sizesOf = [data.changeable ? how.side ** 2 : data.inputs, ...HIDDEN, data.outputs].map(count).join(" – ");
    const { epochs, batch_size } = proposal(data);
    write(proposed, t("data.proposed", { sizes: sizesOf, epochs: count(epochs), batch: count(batch_size) }));
    write(used, data.used.length ? t(data.used.length === 1 ? "data.used.one" : "data.used", { runs: data.used.slice(0, 12).join(t("data.comma")) }) : "");
    forget.disabled = data.used.length > 0;
    forget.title = data.used.length ? t("data.forget.used") : "";
  }

  // ── Samples ──

  /** @returns {Promise<Reply>} */
  async function samples() {
    if (!teacher || !data.changeable) return model.send({ do: "dataset", data: data.id, count: SAMPLES });
    const reply = await fetch(`/api/data/preview?${new URLSearchParams({ data: data.id, count: String(SAMPLES), ...query(how) })}`);
    if (!reply.ok) throw new Error((await reply.json().catch(() => null))?.error ?? t("data.failed"));
    const { header, arrays } = unpack(await reply.arrayBuffer());
    return { ...header, arrays };
  }

  const show = latest(async () => {
    element.setAttribute("aria-busy", "true");
    try {
      const reply = await samples();
      if (!gone) rows(reply);
    } catch (error) {
      if (!gone) say(/** @type {any} */ (error).code === "lost" ? t("data.lost") : asSaid(error), true);
    } finally {
      element.removeAttribute("aria-busy");
    }
  });

  /** Shows them made in another way. */
  function again() {
    say("");
    describe();
    void show(undefined);
  }

  /** @param {Reply} reply */
  function rows(reply) {
    const arrays = reply.arrays ?? {};
    const labels = arrays.labels?.values ?? [];
    const inputs = arrays.inputs?.values ?? new Uint8Array();
    const size = labels.length ? inputs.length / labels.length : 0;
    let at = 0;
    /** @type {Map<number, HTMLElement[]>} */
    const shown = new Map();
    for (let i = 0; i < labels.length; i++) {
      /** @type {HTMLElement[]} */
      const made = [];
      const [width, height] = reply.thumbs?.[i] ?? [0, 0];
      if (width) {
        made.push(original(/** @type {Uint8Array} */ (arrays.originals.values).subarray(at, at + 3 * width * height), width, height), h("span", { class: "to", "aria-hidden": "true" }, "→"));
        at += 3 * width * height;
      }
      if (reply.side && reply.pictures?.[i]?.blank) made.push(h("span", { class: "blank small muted" }, t("data.blank")));
      else if (reply.side) made.push(input(/** @type {Uint8Array} */ (inputs.slice(i * size, (i + 1) * size)), reply.side, labels[i]));
      else made.push(h("span", { class: "numbers figures small" }, figures(arrays.values, i, data.inputs)));
      if (labels[i] < 0) made.push(h("span", { class: "to", "aria-hidden": "true" }, "→"), h("span", { class: "numbers figures small" }, figures(arrays.targets, i, data.outputs)));
      const pair = h("span", { class: "pair", title: reply.pictures?.[i]?.name ?? null }, made);
      shown.set(labels[i], [...(shown.get(labels[i]) ?? []), pair]);
    }
    const most = data.most ?? 1;
    /** @param {{name: string, count: number}} each @param {number} label */
    const row = ({ name, count: many }, label) => {
      const bar = h("span", { class: "bar", "aria-hidden": "true" });
      bar.style.setProperty("--share", String(many / most));
      return h(
        "li",
        { class: shown.has(label) ? null : "plain", "data-class": name },
        h("span", { class: "who" }, h("bdi", { title: name.length > 24 ? clean(name) : null }, clean(name)), h("span", { class: "figures muted" }, count(many)), bar),
        h("span", { class: "samples" }, shown.get(label) ?? []),
      );
    };
    classes.replaceChildren(...(data.classes ? data.classes.slice(0, SAMPLED).map(row) : [h("li", { class: "rows" }, h("span", { class: "samples" }, shown.get(-1) ?? []))]));
    const others = (data.classes ?? []).slice(SAMPLED);
    const beyond = (data.class_count ?? 0) - SAMPLED - others.length;
    rest.replaceChildren(
      ...(others.length
        ? [h("details", {}, h("summary", {}, t("data.others", { count: count((data.class_count ?? 0) - SAMPLED) })), h("ol", { class: "classes others" }, others.map((each, i) => row(each, SAMPLED + i))), beyond > 0 && h("p", { class: "small muted" }, t("data.beyond", { count: count(beyond) })))]
        : []),
    );
    element.dataset.shown = `${reply.side ?? 0} ${reply.how?.center ?? ""}`;
  }

  // ── What can be done ──

  async function begin() {
    train.disabled = true;
    say("");
    try {
      if (data.changeable && (data.how?.side !== how.side || data.how.center !== how.center)) {
        const made = await make(model, data.id, how);
        if (!made) return;
        data = made;
        changed(data);
        describe();
      }
      await model.send(proposal(data));
      location.hash = "network";
    } catch (error) {
      say(/** @type {any} */ (error).code === "lost" ? t("data.lost") : asSaid(error), true);
    } finally {
      train.disabled = false;
      // Disabled, it lost the focus.
      if (!gone && document.activeElement === document.body) train.focus({ preventScroll: true });
    }
  }

  async function away() {
    try {
      await model.send({ do: "forget_data", data: data.id });
      forgotten();
    } catch (error) {
      sure.hidden = true;
      forget.hidden = false;
      say(asSaid(error), true);
    }
  }

  describe();
  void show(undefined);
  return { element, close: () => void (gone = true) };
}

// ── Small things ──

/** @param {string} text kept from turning the sentence around it */
const isolated = (text) => (/^[\w.–-]*$/.test(text) ? text : `\u2068${text}\u2069`);

/** @param {{least: number[], most: number[]}} sizes */
const same = ({ least, most }) => least[0] === most[0] && least[1] === most[1];

/** @param {Data} data */
function warned(data) {
  const { fewest, most, range, classes } = data;
  const said = [];
  if (classes && fewest !== null && most !== null) {
    if (fewest < FEW) said.push(t("data.warn.few", { count: count(fewest) }));
    if (most >= UNEVEN * Math.max(1, fewest)) said.push(t("data.warn.uneven", { least: count(fewest), most: count(most) }));
  }
  if (Math.max(Math.abs(range[0]), Math.abs(range[1])) > FAR) said.push(t("data.warn.far", { least: number(range[0], 1), most: number(range[1], 1) }));
  return said;
}

/** The files that were left out. @param {Data} data */
function left({ skipped, skipped_count: many }) {
  const list = skipped.map(({ name, code }) => h("li", {}, h("bdi", {}, clean(name)), ": ", t(`data.why.${code}`)));
  return h("details", { class: "skipped" }, h("summary", {}, t(many === 1 ? "data.skipped.one" : "data.skipped", { count: count(many) })), h("ul", { class: "small" }, list, many > skipped.length && h("li", {}, "…")));
}

/** @param {Uint8Array} rgb @param {number} width @param {number} height */
function original(rgb, width, height) {
  const canvas = h("canvas", { class: "original", width, height, "aria-hidden": "true" });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    image.data.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/** @param {Uint8Array} values @param {number} side @param {number} label */
function input(values, side, label) {
  const canvas = h("canvas", { class: "pixels made", "aria-hidden": "true", "data-side": side, "data-label": label });
  gray(canvas, values, side, 255);
  return canvas;
}

/**
 * A row of numbers, the first of them.
 * @param {{shape: number[], values: import("../core/types.js").Numbers}|undefined} array
 * @param {number} row
 * @param {number} all
 */
function figures(array, row, all) {
  if (!array) return "";
  const width = array.shape[1];
  const some = Math.min(width, 6);
  return Array.from(array.values.slice(row * width, row * width + some), (value) => number(value, 2)).join("  ") + (all > some ? " …" : "");
}
