// Races that show something, each with learning rates at which its lanes do well (docs/studio/races.md says what was tried).

import { t } from "../core/words.js";

/**
 * @typedef {object} Lane A lane as it is put together.
 * @property {string} name
 * @property {number[]} hidden neurons of the hidden layers; 0 where none could be read
 * @property {string} text the same as they were typed
 * @property {string} activation of the hidden layers; "" leaves those of the present run
 * @property {string} output
 * @property {string} cost
 * @property {string} initializer
 * @property {string} optimizer
 * @property {string} rate the learning rate, as it was typed
 * @property {Record<string, any>} rest settings that have no field here; what is not in it is as in the present run
 *
 * @typedef {object} Draft
 * @property {string} preset
 * @property {Lane[]} lanes
 * @property {string} seed
 * @property {string} batch
 * @property {string} epochs
 */

/** Plain gradient descent: what differs between two lanes is then what is said to differ. */
const PLAIN = { schedule: "constant", momentum: 0, nesterov: false, weight_decay: 0, clip: null, dropout: 0, deform: "none" };

/** @type {Omit<Lane, "name"|"hidden"|"text">} */
const BASE = { activation: "relu", output: "softmax", cost: "cross_entropy", initializer: "glorot", optimizer: "sgd", rate: "0.03", rest: PLAIN };

/** @typedef {"shallow"|"deep"|"rates"|"starts"} Preset */

/** @type {readonly Preset[]} */
export const PRESETS = ["shallow", "deep", "rates", "starts"];

/** @type {Record<Preset, {hidden: number[], epochs: number, lanes: () => Partial<Lane>[]}>} */
const KNOWN = {
  shallow: {
    hidden: [16, 16],
    epochs: 5,
    lanes: () => [
      { name: t("race.lane.sigmoid"), activation: "sigmoid", rate: "0.1" },
      { name: t("race.lane.relu") },
    ],
  },
  deep: {
    hidden: [30, 30, 30, 30, 30, 30],
    epochs: 10,
    lanes: () => [
      { name: t("race.lane.sigmoid"), activation: "sigmoid", rate: "0.3" },
      { name: t("race.lane.sigmoid.large"), activation: "sigmoid", initializer: "standard_normal", rate: "0.3" },
      { name: t("race.lane.relu") },
    ],
  },
  rates: {
    hidden: [16, 16],
    epochs: 5,
    lanes: () =>
      ["0.1", "1", "10"].map((rate) => ({ name: t("race.lane.rate", { rate }), activation: "sigmoid", output: "sigmoid", cost: "squared_error", rate })),
  },
  starts: {
    hidden: [16, 16],
    epochs: 5,
    lanes: () => [
      { name: t("name.standard_normal"), initializer: "standard_normal" },
      { name: t("name.glorot") },
      { name: t("name.he"), initializer: "he" },
    ],
  },
};

/**
 * @param {Preset} preset
 * @param {string} seed
 * @returns {Draft}
 */
export function presetDraft(preset, seed) {
  const { hidden, epochs, lanes } = KNOWN[preset];
  const text = hidden.join(", ");
  return { preset, seed, batch: "10", epochs: String(epochs), lanes: lanes().map((lane) => ({ ...BASE, name: "", hidden, text, ...lane })) };
}

/**
 * Two lanes like the present run, to be made different.
 * @param {import("../core/types.js").Run} run
 * @param {string} seed
 * @returns {Draft}
 */
export function ownDraft(run, seed) {
  const { settings } = run;
  return {
    preset: "own",
    seed,
    batch: String(settings.batch_size),
    epochs: String(Math.min(settings.epochs, 10)),
    lanes: [1, 2].map((number) => laneOf(run, number)),
  };
}

/**
 * A lane like the present run.
 * @param {import("../core/types.js").Run} run
 * @param {number} number
 * @returns {Lane}
 */
export function laneOf(run, number) {
  const hidden = run.sizes.slice(1, -1);
  const kinds = new Set(run.activations.slice(0, -1));
  return {
    name: t("race.lane", { number }),
    hidden,
    text: hidden.join(", "),
    activation: kinds.size === 1 ? [...kinds][0] : "",
    output: run.activations[run.activations.length - 1],
    cost: run.settings.cost,
    initializer: run.initializer ?? run.choices.initializers[0],
    optimizer: run.settings.optimizer,
    rate: String(run.settings.learning_rate),
    rest: {},
  };
}

/**
 * A lane as the server wants it.
 * @param {Lane} lane
 * @param {import("../core/types.js").Run} run
 */
export function asked(lane, run) {
  const { name, hidden, activation, output, cost, initializer, optimizer } = lane;
  const fields = run.choices.optimizers[optimizer] ?? [];
  const rest = Object.entries(lane.rest).filter(([key]) => ["schedule", "dropout", "deform"].includes(key) || fields.includes(key));
  return {
    name,
    sizes: [null, ...hidden, null],
    ...(hidden.length && activation ? { hidden: activation } : {}),
    output,
    cost,
    initializer,
    optimizer,
    learning_rate: Number(lane.rate),
    ...Object.fromEntries(rest),
  };
}
