// Data on its way to the server: packed if it is many files, sent, read there. One at a time; it goes on while another page is
// open, and says how far it is.

import { sentence } from "../core/errors.js";
import { count } from "../core/format.js";
import { t } from "../core/words.js";
import { MOST_FILES, nameOf } from "./collect.js";
import { zip } from "./zip.js";

/** @typedef {import("./zip.js").Item} Item */
/** @typedef {import("./card.js").Data} Data */
/** @typedef {{side: number, center: boolean}} How */

/** What the server takes, in bytes. */
const MOST = 512 * 2 ** 20;
/** How often it is asked how far it is, in milliseconds. */
const ASK = 400;

/**
 * @typedef {object} Job
 * @property {string} text how far it is, in words
 * @property {number|null} share of all, 0 to 1; null: nobody knows
 * @property {AbortController} stop
 */

/** @type {Job|null} what is going on */
let job = null;
/** @type {Set<(came: boolean) => void>} */
const listeners = new Set();

export const going = () => job;

/**
 * Calls `fn` whenever something changed, with whether it came to an end.
 * @param {(came: boolean) => void} fn
 */
export function follow(fn) {
  listeners.add(fn);
  return () => void listeners.delete(fn);
}

/** Tells whoever listens that something changed. */
export function notify(came = false) {
  for (const fn of [...listeners]) fn(came);
}

/** @param {string} text @param {number|null} [share] */
function tell(text, share = null) {
  if (job) Object.assign(job, { text, share });
  notify();
}

/**
 * Does something that takes long; what comes of it, or null if it was canceled.
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} work
 * @returns {Promise<T|null>}
 */
async function busy(work) {
  if (job) throw new Error(t("data.busy"));
  const stop = new AbortController();
  job = { text: "", share: null, stop };
  tell(t("data.starting"));
  try {
    return await work(stop.signal);
  } catch (error) {
    if (stop.signal.aborted) return null;
    throw error;
  } finally {
    job = null;
    tell("");
  }
}

/** @param {number} bytes */
const megabytes = (bytes) => count(Math.max(1, Math.round(bytes / 2 ** 20)));

/**
 * Sends files; the server's description of what they are, or null if it was canceled.
 * @param {import("../core/model.js").Model} model
 * @param {Item[]} items
 * @param {number} side of the pictures; whether they are centered is told by what they look like
 * @returns {Promise<Data|null>}
 */
export const send = (model, items, side) =>
  busy(async (signal) => {
    if (!items.length) throw new Error(t("data.nothing"));
    if (items.length > MOST_FILES) throw new Error(t("data.files", { most: count(MOST_FILES) }));
    const size = items.reduce((all, { file }) => all + file.size, 0);
    if (size > MOST) throw new Error(t("data.large", { size: megabytes(size) }));
    const name = nameOf(items) || t("data.unnamed");
    /** @type {Blob} */
    let body = items[0].file;
    if (items.length > 1) {
      try {
        body = await zip(items, (done) => done % 50 || tell(t("data.packing", { done: count(done), all: count(items.length) }), done / items.length), signal);
      } catch (error) {
        if (signal.aborted) throw error;
        throw new Error(t("data.unreadable", { name }));
      }
    }
    const reply = await post(model, `/api/data?${new URLSearchParams({ name, side: String(side) })}`, body, signal, (sent) => {
      if (sent < body.size) tell(t("data.sending", { name, done: megabytes(sent), all: megabytes(body.size) }), sent / body.size);
    });
    return reply.data;
  });

/**
 * Has inputs made of its pictures in this way.
 * @param {import("../core/model.js").Model} model
 * @param {string} data
 * @param {How} how
 * @returns {Promise<Data|null>}
 */
export const make = (model, data, how) =>
  busy(async (signal) => (await post(model, `/api/data/make?${new URLSearchParams({ data, ...query(how) })}`, null, signal, () => {})).data);

/**
 * What went wrong, as a sentence; a file's name at its beginning stays as it is.
 * @param {any} error
 */
export function asSaid(error) {
  const text = sentence(error);
  const said = String(error?.message ?? "");
  return /^\S+\.\w+\s/.test(said) ? said.charAt(0) + text.slice(1) : text;
}

/** @param {How} how */
export const query = ({ side, center }) => ({ side: String(side), center: String(center) });

/**
 * @param {import("../core/model.js").Model} model
 * @param {string} address
 * @param {Blob|null} body
 * @param {AbortSignal} signal
 * @param {(sent: number) => void} step
 * @returns {Promise<any>}
 */
function post(model, address, body, signal, step) {
  return new Promise((resolve, reject) => {
    // fetch cannot say how much of a body has been sent.
    const request = new XMLHttpRequest();
    let asking = 0;
    const read = () => {
      tell(t("data.reading"), null);
      clearInterval(asking);
      asking = setInterval(() => void ask(), ASK);
    };
    const end = () => clearInterval(asking);
    request.open("POST", address);
    request.setRequestHeader("X-Glassnet-CSRF", model.get("csrf") ?? "");
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.responseType = "json";
    request.upload.addEventListener("progress", ({ loaded }) => step(loaded));
    request.upload.addEventListener("load", read);
    request.addEventListener("load", () => {
      end();
      if (request.status === 200) resolve(request.response);
      else {
        const said = request.response?.error;
        reject(new Error(request.status === 413 ? t("data.large", { size: megabytes(body?.size ?? 0) }) : said ? String(said) : t("data.failed")));
      }
    });
    request.addEventListener("error", () => (end(), reject(new Error(t("data.lost")))));
    request.addEventListener("abort", () => (end(), reject(new Error(t("data.canceled")))));
    signal.addEventListener("abort", () => request.abort());
    if (!body) read();
    request.send(body);
  });
}

async function ask() {
  const reply = await fetch("/api/data/progress").catch(() => null);
  const reading = reply?.ok ? (await reply.json().catch(() => null))?.reading : null;
  if (job && reading?.total) tell(t("data.reading.pictures", { done: count(reading.done), all: count(reading.total) }), reading.done / reading.total);
}
