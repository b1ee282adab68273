// What the list says of a run, in words: what it is called, what it is made of, when it was.

import { count, short } from "../core/format.js";
import { activationName, called } from "../core/names.js";
import { named, spoken, t } from "../core/words.js";
import { setting } from "../learning/names.js";

/**
 * @typedef {object} Entry A run of the list (studio/shelf.py).
 * @property {string} run its id: "3" of the studio, "../small" of the folder around it
 * @property {boolean} own whether the studio made it
 * @property {string} name
 * @property {string|null} title the name that somebody gave it
 * @property {number[]|null} sizes
 * @property {string[]|null} activations
 * @property {number|null} count
 * @property {string|null} initializer
 * @property {number|null} seed
 * @property {string|null} recipe
 * @property {Record<string, any>|null} settings
 * @property {{names: string[], validation: number|null}|null} data
 * @property {number|null} epoch how many are complete
 * @property {number|null} epochs
 * @property {number|null} example
 * @property {number|null} examples
 * @property {number|null} step
 * @property {number|null} accuracy of the last judgement
 * @property {number|null} cost
 * @property {"validation"|"train"|null} judged_on training data, where none is held out
 * @property {string|null} from
 * @property {number} created in seconds since 1970
 * @property {number} changed
 * @property {number} bytes
 * @property {boolean} current
 * @property {boolean} live whether another program trains it now
 * @property {string|null} damaged
 * @property {{at: At, values: Record<string, any>}[]} [changes] settings that were changed midway; told by `compare`
 * @property {At[]} [edits] where a hand changed the network; told by `compare`
 */

/** @param {{own?: boolean, title?: string|null, name: string, run: string}} entry */
export const nameOf = ({ own, title, name, run }) => (own && !title ? t("runs.unnamed", { number: run }) : isolated(name));

/** A name that somebody gave, kept from turning the sentence around it. @param {string} name */
export const isolated = (name) => {
  const plain = name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trim();
  return /^[\w .+-]*$/.test(plain) ? plain : `\u2068${plain}\u2069`;
};

/** @param {number[]|null} sizes */
export const sizesOf = (sizes) => (sizes ? sizes.join("–") : "–");

/** The activations, each named once: "ReLU, softmax". @param {string[]|null} activations */
export const activationsOf = (activations) => [...new Set((activations ?? []).map(activationName))].join(", ");

/** How it learns, in short: "SGD 1.5, cosine". @param {Entry} entry */
export function methodOf({ settings }) {
  if (!settings) return "";
  const schedule = settings.schedule === "constant" ? [] : [called(settings.schedule)];
  return [`${called(settings.optimizer)} ${short(settings.learning_rate)}`, ...schedule].join(", ");
}

/** And the rest of it: "squared error, minibatches of 10". @param {Entry} entry */
export function restOf({ settings, data }) {
  if (!settings) return "";
  const names = (data?.names ?? []).filter((name) => name !== "mnist").map(isolated);
  return [...names, called(settings.cost), t("runs.minibatches", { size: count(settings.batch_size) })].join(", ");
}

/** @param {Entry} entry */
export function epochsOf({ epoch, epochs, example, examples }) {
  if (epoch === null || epochs === null) return "–";
  const part = example && examples ? example / examples : 0;
  // A run that has only begun is not "0 of 30", which would be one that never ran.
  const done = part > 0 && epoch + part < 10 ? (epoch + Math.max(0.01, Math.floor(100 * part) / 100)).toFixed(epoch ? 1 : 2) : String(epoch);
  return t("runs.epochs.of", { done, epochs: count(epochs) });
}

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
];

/** How long ago, and the date where that is longer. @param {number} seconds since 1970 */
export function ago(seconds) {
  const past = Date.now() / 1000 - seconds;
  if (past < 60) return t("runs.now");
  if (past > 6 * 86_400) return new Date(1000 * seconds).toLocaleDateString(spoken(), { year: "numeric", month: "short", day: "numeric" });
  const [unit, size] = /** @type {[Intl.RelativeTimeFormatUnit, number]} */ (UNITS.find(([, each]) => past >= each));
  return new Intl.RelativeTimeFormat(spoken(), { numeric: "auto" }).format(-Math.floor(past / size), unit);
}

/** @param {number} seconds since 1970 */
export const exactly = (seconds) => new Date(1000 * seconds).toLocaleString(spoken());

/** @param {number} bytes */
export const sizeOf = (bytes) => (bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`);

/** @typedef {[number, number]} At Epochs done, and examples of the next. */

/**
 * A setting that was changed midway.
 * @typedef {{first: any, then: {at: At, value: any}[]}} Changed
 */

/** @param {any} value @returns {value is Changed} */
const isChanged = (value) => typeof value === "object" && !Array.isArray(value) && Array.isArray(value.then);

/** From where on: "from epoch 2", counted from 1. @param {At} at */
export const fromPlace = ([epoch, example]) => t(example ? "runs.from.image" : "runs.from.epoch", { epoch: count(epoch + 1), image: count(example + 1) });

/**
 * What was done to a run on the way, in its order: "Learning rate 5 from epoch 2", "edited by hand at epoch 2, image 31".
 * @param {Entry} entry
 * @returns {string[]}
 */
export function onTheWay({ changes = [], edits = [] }) {
  const found = [
    ...changes.map(({ at, values }) => ({ at, text: Object.entries(values).map(([name, value]) => t("runs.way.setting", { what: whatOf(name), value: valueOf(name, value) })).join(t("runs.comma")), from: fromPlace(at) })),
    ...edits.map((at) => ({ at, text: t("runs.way.edit"), from: t(at[1] ? "runs.at.image" : "runs.at.epoch", { epoch: count(at[0] + 1), image: count(at[1] + 1) }) })),
  ];
  found.sort((one, other) => one.at[0] - other.at[0] || one.at[1] - other.at[1]);
  return found.map(({ text, from }) => t("runs.way", { what: text, from }));
}

/** What a difference between runs is called. @param {string} name */
export const whatOf = (name) => named(`runs.what.${name}`, setting(name));

/**
 * A value among the differences, in words.
 * @param {string} name
 * @param {any} value
 * @returns {string}
 */
export function valueOf(name, value) {
  if (value === null || value === undefined) return "–";
  if (isChanged(value)) return [valueOf(name, value.first), ...value.then.map(({ at, value: next }) => t("runs.then", { value: valueOf(name, next), from: fromPlace(at) }))].join(t("runs.comma"));
  if (name === "sizes") return sizesOf(value);
  if (name === "activations") return activationsOf(value);
  if (name === "data") return value.map((/** @type {string} */ each) => (each === "mnist" ? "MNIST" : isolated(each))).join(", ");
  if (typeof value === "boolean") return t(value ? "runs.yes" : "runs.no");
  if (typeof value === "number") return name === "learning_rate" || !Number.isInteger(value) ? short(value) : count(value);
  return called(String(value));
}

/** All that is searched of a run. @param {Entry} entry */
export const searched = (entry) =>
  [nameOf(entry), entry.run, entry.from ?? "", sizesOf(entry.sizes), (entry.sizes ?? []).join("-"), (entry.sizes ?? []).join(","), activationsOf(entry.activations), methodOf(entry), restOf(entry), entry.recipe ?? ""]
    .join(" ")
    .toLowerCase();

/** Where a run is from, under its name. @param {Entry} entry */
export function originOf(entry) {
  const parts = [];
  if (entry.own && entry.title) parts.push(t("runs.unnamed", { number: entry.run }));
  if (!entry.own) parts.push(t("runs.foreign"));
  if (entry.from) parts.push(t("runs.from", { name: isolated(/^\d+$/.test(entry.from) && entry.own ? t("runs.unnamed", { number: entry.from }) : entry.from) }));
  return parts.join(" · ");
}

