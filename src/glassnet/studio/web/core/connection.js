// The line to the server: one WebSocket. Frames go into the model, commands go out and their answers come back. When the
// line breaks it is tied again, and the server is told what this tab was looking at: nothing is lost.

import { pack, unpack } from "./frames.js";
import { Model } from "./model.js";
import { stored } from "./storage.js";

/** @typedef {import("./types.js").Numbers} Numbers */

/** Seconds between two frames. At full speed every one is far from the last: fewer leave the processor to the training. */
const INTERVAL = 0.05;
const INTERVAL_AT_FULL_SPEED = 0.15;
/** Seconds to wait before trying again, longer each time. */
const PATIENCE = [0.2, 0.5, 1, 2, 4];

/** An answer of the server that says what was wrong. */
export class Refused extends Error {
  /** @param {string} message @param {string|null} code */
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/**
 * Connects, and stays connected.
 * @returns {Model}
 */
export function connect() {
  /** @type {WebSocket|null} */
  let socket = null;
  let tries = 0;
  let asked = 0;
  let keeping = 0;
  /** @type {Map<number, {resolve: (reply: any) => void, reject: (error: Error) => void}>} */
  const waiting = new Map();
  const model = new Model(send);
  /** The parameters of the run before. One that branches off from it has the same, and they are not sent again. */
  let before = /** @type {import("./types.js").Parameters|null} */ (null);

  /** @type {import("./model.js").Send} */
  function send(message, arrays) {
    if (message.do === "look") {
      // A pad sends sixty drawings a second: the one that it rests at is kept.
      clearTimeout(keeping);
      keeping = setTimeout(remember, 200, message, arrays);
      model.set("asked", { message, arrays: /** @type {any} */ (arrays) });
    }
    return new Promise((resolve, reject) => {
      if (!socket || socket.readyState !== WebSocket.OPEN) {
        reject(new Refused("there is no connection to the server right now", "lost"));
        return;
      }
      const id = ++asked;
      waiting.set(id, { resolve, reject });
      post({ ...message, id }, arrays);
    });
  }

  /** @type {(message: Record<string, any>, arrays?: Record<string, {shape: number[], values: Uint8Array|Float32Array}>) => void} */
  function post(message, arrays) {
    if (socket?.readyState === WebSocket.OPEN) socket.send(arrays ? pack(message, arrays) : JSON.stringify(message));
  }

  const interval = () => {
    const status = model.get("status");
    if (document.hidden) return null;
    return status?.mode === "playing" && status.speed === null ? INTERVAL_AT_FULL_SPEED : INTERVAL;
  };
  /** @type {number|null} what the server was told last */
  let told = null;
  const view = () => {
    told = interval();
    post({ do: "view", watch: model.get("watch"), interval: told, id: ++asked });
  };

  function open() {
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    socket = new WebSocket(`${scheme}//${location.host}/ws`);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => (typeof data === "string" ? text(JSON.parse(data)) : binary(data));
    socket.onclose = ({ code }) => {
      for (const { reject } of waiting.values()) reject(new Refused("the connection to the server was lost", "lost"));
      waiting.clear();
      void closed(code);
    };
  }

  /** @param {number} code */
  async function closed(code) {
    if (model.get("connection") !== "refused") model.set("connection", "lost");
    if (tries > 1 || code === 1008) {
      // A socket does not say why it was refused; the page itself does.
      const answer = await fetch("/api/state").catch(() => null);
      if (answer && (answer.status === 401 || answer.status === 403)) {
        model.set("connection", "refused");
      }
    }
    const seconds = PATIENCE[Math.min(tries++, PATIENCE.length - 1)];
    setTimeout(open, 1000 * seconds);
  }

  /** @param {any} message */
  function text(message) {
    if (message.type === "hello") {
      tries = 0;
      before = null;
      model.set("csrf", message.csrf);
      model.set("role", message.role ?? "teacher");
      model.set("connection", "open");
      view();
      const look = remembered();
      if (look) {
        model.set("asked", look);
        post({ ...look.message, id: ++asked }, look.arrays);
      }
    } else if (message.type === "run") {
      const now = model.get("run");
      if (now && now.run !== message.run) {
        before = model.get("parameters") ?? before;
        // Another network: what was picked may not exist in it.
        model.set("parameters", null);
        model.set("forward", null);
        model.set("minibatch", null);
        model.set("picked", null);
        model.set("hovered", null);
      }
      model.set("run", message);
    } else {
      settle(message, message);
    }
  }

  /** @param {ArrayBuffer} data */
  function binary(data) {
    const { header, arrays } = unpack(data);
    if (header.type === "frame") {
      try {
        take(header, arrays);
      } finally {
        // Without it no other frame would ever come.
        post({ do: "ack", frame: header.frame });
      }
    } else {
      settle(header, { ...header, arrays });
    }
  }

  /** @param {any} header @param {any} reply */
  function settle(header, reply) {
    const asker = waiting.get(header.id);
    waiting.delete(header.id);
    if (header.type === "error") asker?.reject(new Refused(header.message, header.code ?? null));
    else asker?.resolve(reply);
  }

  /** @param {any} header @param {import("./types.js").Arrays} arrays */
  function take(header, arrays) {
    const run = model.get("run");
    if (!run || run.run !== header.run) return; // its description is still to come, and the next frame after it
    const values = (/** @type {string} */ name) => /** @type {any} */ (arrays[name]?.values ?? null);
    const layers = run.sizes.slice(1).map((_, i) => i + 1);
    if (arrays.weight1) {
      const weights = layers.map((l) => values(`weight${l}`));
      const biases = layers.map((l) => values(`bias${l}`));
      model.set("parameters", { version: header.weights, weights, biases });
    } else if (!model.get("parameters") && before?.version === header.weights) {
      model.set("parameters", before);
    }
    if (arrays.input) {
      const zs = layers.map((l) => values(`z${l}`));
      const as = layers.map((l) => values(`a${l}`));
      model.set("forward", { input: values("input"), zs, as, target: values("target"), terms: values("terms") });
    }
    if (arrays.cost_steps) {
      const names = ["cost_steps", "cost", "judged_steps", "train_cost", "train_accuracy", "validation_cost", "validation_accuracy", "change_steps"];
      model.set("charts", /** @type {any} */ (Object.fromEntries(names.map((name) => [name, values(name)]))));
    }
    if (arrays.batch_rows) {
      const names = ["rows", "labels", "answers", "inputs", "before", "after"];
      const parts = Object.fromEntries(names.map((name) => [name, values(`batch_${name}`)]));
      model.set("minibatch", /** @type {any} */ ({ ...header.minibatch, ...parts }));
    }
    if (header.race !== undefined) {
      const own = Object.entries(arrays).filter(([name]) => name.startsWith("race_"));
      // What this tab has already is left out of the frame.
      const before = model.get("race");
      const known = before && before.race === header.race?.race ? before.arrays : {};
      model.set("race", header.race && { ...header.race, arrays: { ...known, ...Object.fromEntries(own.map(([name, each]) => [name.slice(5), each])) } });
    }
    if (header.change !== undefined) {
      const weights = layers.map((l) => values(`dweight${l}`));
      const biases = layers.map((l) => values(`dbias${l}`));
      model.set("change", header.change && { ...header.change, weights, biases });
    }
    model.set("look", header.look);
    model.set("status", header.status);
    model.tell("frame");
  }

  model.on("change:watch", view);
  model.on("change:status", () => interval() !== told && view());
  document.addEventListener("visibilitychange", view);
  open();
  return model;
}

// ── What this tab looks at, kept through a reload ──────────────────────────────────────────────────────────────────────

/** @type {(message: Record<string, any>, arrays?: Record<string, {shape: number[], values: Uint8Array|Float32Array}>) => void} */
function remember(message, arrays) {
  const kept = Object.entries(arrays ?? {}).map(([name, { shape, values }]) => {
    let text = "";
    for (const value of values) text += String.fromCharCode(value);
    return [name, { shape, text: btoa(text) }];
  });
  // Where there is no room, a reload begins with the first image.
  stored("look", { message, arrays: kept.length ? Object.fromEntries(kept) : null });
}

/** @returns {{message: any, arrays: any}|null} */
function remembered() {
  const { message, arrays } = stored("look") ?? {};
  if (!message) return null;
  try {
    const entries = Object.entries(arrays ?? {}).map(([name, { shape, text }]) => {
      return [name, { shape, values: Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)) }];
    });
    return { message, arrays: entries.length ? Object.fromEntries(entries) : undefined };
  } catch {
    return null; // somebody else wrote there
  }
}
