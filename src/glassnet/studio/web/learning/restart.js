// A new network: a recipe fills the fields, any of them can be changed, and one button begins it.

import { h, svg, write } from "../core/dom.js";
import { sentence } from "../core/errors.js";
import { count, short } from "../core/format.js";
import { activationName, called, kindOf } from "../core/names.js";
import { named, t } from "../core/words.js";
import { choiceField, typed } from "./fields.js";

/** @typedef {import("../core/types.js").Run} Run */
/** @typedef {{recipe: string, data: string, sizes: number[], hidden: string[], output: string, cost: string, initializer: string, deform: string, seed: string, validation: string}} Draft `data` is the JSON of its sources. */

/** Seeds that are easy to say and to type. */
const SEEDS = 10000;

/**
 * Weights and biases of a network with these sizes.
 * @param {number[]} sizes
 */
export const parameters = (sizes) => sizes.slice(1).reduce((all, size, i) => all + size * (sizes[i] + 1), 0);

/** @param {import("../core/model.js").Model} model */
export function restart(model) {
  /** What is being put together; null until a run is known. @type {Draft|null} */
  let draft = null;
  /** Whether somebody has begun to put one together: then another run does not change it. */
  let touched = false;
  /** The run that was there when this tab asked for another; null when it has come, or was not asked for. */
  let left = /** @type {number|null} */ (null);
  /** Whether it says that the network is new. */
  let fresh = false;
  /** Whether one is being begun. The button stays enabled meanwhile: disabled, it would lose the focus. */
  let busy = false;

  const element = h("section", { class: "restart" });
  const kept = h("p", { class: "muted small" });
  const layers = h("ol", { class: "layers" });
  const total = h("output", { class: "figures" });
  const moved = h("p", { class: "sentence small", role: "status" });
  const training = h("p", { class: "muted small" });
  const summary = h("p", { class: "muted small" });
  const parts = h("p", { class: "muted small figures", role: "status" });
  const answer = h("p", { class: "sentence small", role: "status" });
  const start = h("button", { class: "primary", type: "submit" }, t("learning.new.start"));
  const form = h("form", { onsubmit: begin });
  const elsewhere = h("p", { class: "muted small", hidden: true }, t("learning.new.watching"));

  const touch = () => {
    touched = true;
    write(answer, "");
  };
  /** @param {"recipe"|"data"|"cost"|"output"|"initializer"|"deform"} key @param {string} label @param {(name: string) => string} [words] */
  const choice = (key, label, words = called) =>
    choiceField({
      label,
      choices: [],
      called: words,
      name: `new_${key}`,
      apply: async (value) => {
        if (!draft) return;
        touch();
        draft[key] = value;
        if (key === "recipe") fill(value);
        if (key === "cost") fit();
        if (key === "data") draft.validation = heldOut(draft.recipe);
        show();
      },
    });
  const recipe = choice("recipe", t("learning.new.recipe"), (name) => (name ? called(name) : t("learning.new.recipe.now")));
  const data = choice("data", t("learning.new.data"), (sources) => model.get("run")?.choices.data.find((each) => JSON.stringify(each.sources) === sources)?.name ?? sources);
  const cost = choice("cost", t("learning.new.cost"));
  const initializer = choice("initializer", t("learning.new.initializer"));

  const deform = choice("deform", t("learning.setting.deform"));
  deform.element.classList.add("wide");

  /** @param {"seed"|"validation"} key @param {string} label @param {string} name */
  const text = (key, label, name) => {
    const id = `new-${key}`;
    const input = h("input", { id, type: "text", inputmode: "numeric", autocomplete: "off", "data-setting": name });
    input.addEventListener("input", () => {
      touch();
      if (draft) draft[key] = input.value;
      tellHeldOut();
    });
    return { input, label: h("label", { for: id }, label) };
  };
  const seed = text("seed", t("learning.new.seed"), "new_seed");
  const validation = text("validation", t("learning.new.validation"), "new_validation");
  const validationHint = h("span", { class: "hint" });
  const dice = h(
    "button",
    {
      class: "symbol",
      type: "button",
      "aria-label": t("learning.new.dice"),
      title: t("learning.new.dice"),
      onclick: () => {
        if (!draft) return;
        touch();
        draft.seed = String(Math.floor(Math.random() * SEEDS));
        show();
      },
    },
    die(),
  );

  /** Whether the data is other than the present run's: how wide it is, and how much there is of it, is known once it is read. */
  const foreign = () => draft !== null && draft.data !== JSON.stringify(model.get("run")?.data.sources);

  /** Whether the data may be images; of other data, that is known once it is read. */
  const images = () => foreign() || model.get("run")?.side !== null;

  /**
   * How many examples are held out if nobody says otherwise, as it stands in the field: empty is a share of data not read yet.
   * @param {string} name the recipe's; with none, as in the present run
   */
  function heldOut(name) {
    const run = /** @type {Run} */ (model.get("run"));
    const share = run.choices.recipes.find((each) => each.name === name)?.validation;
    if (foreign()) return share === undefined || (share > 0 && share < 1) ? "" : String(share);
    if (share === undefined) return String(run.data.validation);
    return String(share < 1 ? Math.round(share * (run.data.train + run.data.validation)) : share);
  }

  /** What follows from how many are held out. */
  function tellHeldOut() {
    const run = model.get("run");
    if (!run || !draft) return;
    const { train, validation: held, test, sources } = run.data;
    const all = train + held;
    const asked = typed(draft.validation);
    write(validationHint, asked === 0 ? t("learning.new.validation.none") : foreign() ? t("learning.new.validation.other") : t("learning.new.validation.hint", { all: count(all) }));
    // Other data may have a part to judge by that is its own.
    const now = sources.join() === "mnist" && Number.isInteger(asked) && asked >= 0 && asked < all ? asked : held;
    write(parts, foreign() ? t("learning.new.data.other") : t("learning.new.data.what", { train: count(all - now), validation: count(now), test: count(test) }));
  }

  /** The fields as a recipe says; with none, as the present run is. @param {string} name */
  function fill(name) {
    const run = model.get("run");
    if (!run) return;
    const chosen = run.choices.recipes.find((each) => each.name === name);
    const inside = (chosen?.sizes ?? run.sizes).slice(1, -1);
    draft = {
      recipe: name,
      data: draft?.data ?? JSON.stringify(run.data.sources),
      sizes: [run.sizes[0], ...inside, run.sizes[run.sizes.length - 1]],
      hidden: chosen ? inside.map(() => chosen.hidden) : run.activations.slice(0, -1),
      output: chosen?.output ?? run.activations[run.activations.length - 1],
      cost: chosen?.cost ?? run.settings.cost,
      initializer: chosen?.initializer ?? run.initializer ?? run.choices.initializers[0],
      deform: chosen?.deform ?? run.settings.deform,
      seed: draft?.seed ?? String(run.seed),
      validation: "",
    };
    draft.validation = heldOut(name);
    write(moved, "");
  }

  /** Gives the output an activation that the cost can judge. */
  function fit() {
    const run = model.get("run");
    if (!run || !draft) return;
    const fitting = run.choices.outputs[draft.cost] ?? [];
    const before = draft.output;
    write(moved, "");
    if (fitting.includes(plain(before))) return;
    // Softmax is what cross-entropy is for; otherwise the first that fits.
    draft.output = draft.cost === "cross_entropy" && fitting.includes("softmax") ? "softmax" : fitting[0];
    write(moved, t("learning.new.cost.moved", { output: called(draft.output), cost: called(draft.cost), before: called(before) }));
  }

  /** @param {string[]} offered @param {string} chosen @param {string} label @param {(value: string) => void} choose */
  function activation(offered, chosen, label, choose) {
    const names = offered.includes(chosen) ? offered : [...offered, chosen];
    const select = h("select", { "aria-label": label, onchange: () => choose(select.value) }, names.map((name) => h("option", { value: name, selected: name === chosen }, activationName(name) + name.slice(kindOf(name).length))));
    return select;
  }

  /** What the layers show: they are built anew only when that is something else, never under a hand that types. */
  let built = "";
  const shape = () => JSON.stringify([draft?.sizes, draft?.hidden, draft?.output, draft?.cost, foreign()]);

  function showLayers() {
    const run = model.get("run");
    if (!run || !draft || built === shape()) return;
    built = shape();
    const now = draft;
    const hidden = now.sizes.slice(1, -1).map((size, i) => {
      const input = h("input", { type: "text", inputmode: "numeric", autocomplete: "off", value: size || "", "aria-label": t("learning.new.neurons", { layer: i + 1 }), "data-setting": `new_layer${i + 1}` });
      input.addEventListener("input", () => {
        touch();
        if (draft) draft.sizes[i + 1] = typed(input.value) || 0;
        built = shape();
        tell();
      });
      const values = run.choices.activations.filter((name) => name !== "softmax");
      return h(
        "li",
        {},
        h("span", { class: "name" }, t("learning.new.layer", { layer: i + 1 })),
        input,
        activation(values, now.hidden[i], t("learning.new.activation", { layer: i + 1 }), (value) => {
          touch();
          if (draft) draft.hidden[i] = value;
          built = shape();
        }),
        h(
          "button",
          {
            class: "quiet symbol",
            type: "button",
            "aria-label": t("learning.new.remove", { layer: i + 1 }),
            title: t("learning.new.remove", { layer: i + 1 }),
            onclick: () => {
              if (!draft) return;
              touch();
              draft.sizes.splice(i + 1, 1);
              draft.hidden.splice(i, 1);
              show();
              add.focus();
            },
          },
          "✕",
        ),
      );
    });
    const ends = [now.sizes[0], now.sizes[now.sizes.length - 1]].map((size) => (foreign() ? t("learning.new.data.follows") : count(size)));
    layers.replaceChildren(
      h("li", { class: "end" }, h("span", { class: "name" }, t("learning.new.inputs")), h("span", { class: "figures fixed" }, ends[0])),
      ...hidden,
      h(
        "li",
        { class: "end" },
        h("span", { class: "name" }, t("learning.new.output")),
        h("span", { class: "figures fixed" }, ends[1]),
        activation(run.choices.outputs[now.cost] ?? [], now.output, t("learning.new.activation.output"), (value) => {
          touch();
          if (draft) draft.output = value;
          built = shape();
          write(moved, "");
        }),
      ),
    );
  }

  const add = h(
    "button",
    {
      class: "quiet add",
      type: "button",
      onclick: () => {
        if (!draft) return;
        touch();
        const last = draft.sizes.length - 1;
        draft.sizes.splice(last, 0, last > 1 ? draft.sizes[last - 1] : 16);
        draft.hidden.push(draft.hidden[draft.hidden.length - 1] ?? "sigmoid");
        show();
        /** @type {HTMLInputElement|null} */ (layers.querySelector(`[data-setting="new_layer${last}"]`))?.select();
      },
    },
    t("learning.new.add"),
  );

  /** What follows from the fields. */
  function tell() {
    if (draft) write(total, !foreign() && draft.sizes.every((size) => Number.isInteger(size) && size > 0) ? t("learning.new.count", { count: count(parameters(draft.sizes)) }) : "–");
  }

  function show() {
    const run = model.get("run");
    if (!run || !draft) return;
    const { choices } = run;
    recipe.offer(["", ...choices.recipes.map(({ name }) => name)]);
    data.offer(choices.data.map(({ sources }) => JSON.stringify(sources)));
    cost.offer(choices.costs);
    initializer.offer(choices.initializers.includes(draft.initializer) ? choices.initializers : [...choices.initializers, draft.initializer]);
    deform.offer([...new Set([...choices.deformations, run.settings.deform, draft.deform])]);
    deform.exist(images());
    recipe.show(draft.recipe);
    data.show(draft.data);
    cost.show(draft.cost);
    initializer.show(draft.initializer);
    deform.show(draft.deform);
    if (seed.input.value !== draft.seed) seed.input.value = draft.seed;
    if (validation.input.value !== draft.validation) validation.input.value = draft.validation;
    showLayers();
    tell();
    write(kept, t("learning.new.kept", { path: run.path }));
    validation.input.placeholder = foreign() ? t("learning.new.validation.share") : "";
    tellHeldOut();
    const chosen = choices.recipes.find(({ name }) => name === draft?.recipe);
    const how = chosen ?? run.settings;
    write(summary, chosen ? named(`learning.recipe.${chosen.name}`, chosen.summary) : "");
    write(
      training,
      t("learning.new.training", { optimizer: called(how.optimizer), rate: short(how.learning_rate), schedule: called(how.schedule), size: count(how.batch_size), epochs: count(how.epochs) }),
    );
  }

  /** @param {Event} event */
  async function begin(event) {
    event.preventDefault();
    if (!draft) return;
    const run = /** @type {Run} */ (model.get("run"));
    const { recipe, sizes, hidden, output, cost, initializer } = draft;
    const all = new Set(hidden);
    /** @type {Record<string, any>} */
    const message = { do: "restart", data: JSON.parse(draft.data), sizes: [null, ...sizes.slice(1, -1), null], hidden: all.size === 1 ? hidden[0] : hidden, output, cost, initializer, deform: images() ? draft.deform : "none" };
    if (recipe) message.recipe = recipe;
    if (!hidden.length) delete message.hidden;
    if (draft.validation.trim() !== heldOut(recipe)) message.validation = typed(draft.validation);
    message.seed = typed(draft.seed);
    for (const [key, label] of Object.entries({ seed: t("learning.new.seed"), validation: t("learning.new.validation") })) {
      if (key in message && Number.isNaN(message[key])) {
        wrong(`${label}: ${t("learning.notnumber", { text: draft[/** @type {"seed"|"validation"} */ (key)] })}`);
        return;
      }
    }
    for (const input of layers.querySelectorAll("input")) {
      if (Number.isNaN(typed(input.value))) {
        wrong(`${input.getAttribute("aria-label")}: ${t("learning.notnumber", { text: input.value })}`);
        return;
      }
    }
    if (busy) return;
    busy = true;
    write(start, t("learning.new.starting"));
    try {
      await model.send(message);
      // The description of the new run may come before this answer, or after it.
      left = run.run;
      update();
    } catch (error) {
      wrong(sentence(error));
    } finally {
      busy = false;
      write(start, t("learning.new.start"));
    }
  }

  /** @param {string} text */
  function wrong(text) {
    answer.classList.add("wrong");
    write(answer, text);
  }

  const update = () => {
    const run = model.get("run");
    if (!run) return;
    if (left !== null && left !== run.run) {
      left = null;
      touched = false;
      fresh = true;
      answer.classList.remove("wrong");
      write(answer, t("learning.new.started", { name: run.name, path: run.path }));
    }
    if (!touched) {
      draft = null;
      fill("");
    }
    show();
  };

  element.append(
    h("h2", {}, t("learning.new")),
    kept,
    elsewhere,
    form,
  );
  form.append(
      recipe.element,
      summary,
      data.element,
      parts,
      h("fieldset", {}, h("legend", {}, t("learning.new.layers")), layers, h("div", { class: "under" }, add, total)),
      h("div", { class: "fields" }, cost.element, initializer.element, deform.element),
      moved,
      h(
        "div",
        { class: "fields" },
        h("div", { class: "field" }, seed.label, h("div", { class: "stepped" }, seed.input, dice), h("span", { class: "hint" }, t("learning.new.seed.hint"))),
        h("div", { class: "field" }, validation.label, validation.input, validationHint),
      ),
      training,
      start,
      answer,
  );
  const learned = () => {
    const watching = model.get("status")?.mode === "watching";
    form.hidden = kept.hidden = watching;
    elsewhere.hidden = !watching;
    if (!fresh || !model.get("status")?.step) return;
    fresh = false;
    write(answer, "");
  };
  const leaves = [model.on("change:run", update), model.on("change:status", learned)];
  update();
  learned();
  return { element, close: () => leaves.forEach((leave) => leave()) };
}

/** @param {string} activation `leaky_relu(alpha=0.2)` is one of the leaky_relu */
const plain = (activation) => activation.split("(")[0];

/** A die that shows five. */
const die = () =>
  svg(
    "svg",
    { class: "icon", viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" },
    svg("rect", { x: 1.5, y: 1.5, width: 13, height: 13, rx: 3, fill: "none", stroke: "currentColor", "stroke-width": 1.4 }),
    [[5, 5], [11, 5], [8, 8], [5, 11], [11, 11]].map(([cx, cy]) => svg("circle", { cx, cy, r: 1.25, fill: "currentColor" })),
  );
