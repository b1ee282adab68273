// The hands on the network: the commands that edit it, and what came of them. One for each page, so that it outlives the panels that show it.

import { sentence } from "../core/errors.js";
import { latest } from "../core/latest.js";
import { MORE } from "../learning/transport.js";

/** @typedef {import("../core/model.js").Model} Model */
/** @typedef {import("../core/types.js").Place} Place */
/** @typedef {import("../core/types.js").Judged} Judged */
/** @typedef {{weights: Float32Array, bias: number}} Own what belongs to one neuron */
/** @typedef {{fields: Record<string, any>, values?: Float32Array}} Edit */

/**
 * @typedef {object} Effect What the edits at one place of the run did.
 * @property {Judged|null} before
 * @property {Judged|null} byHand null where somebody else went on editing
 * @property {number} edits
 * @property {number} step
 * @property {string|null} at where it was; null until a frame has told
 * @property {number} since the step at which training went on; -1 as long as it has not
 * @property {number} told when the answer came
 * @property {number} milliseconds the server's own time
 * @property {number} roundTrip milliseconds from the edit to its answer
 */

/** @typedef {ReturnType<typeof made>} Hands */

/** Milliseconds between two edits of one movement: some twenty a second. */
const REST = 50;
/** Milliseconds after which other counts of edits than this tab's own are somebody else's. */
const LATE = 1200;

/** @type {WeakMap<Model, Hands>} */
const known = new WeakMap();

/**
 * @param {Model} model
 * @returns {Hands}
 */
export function handsOf(model) {
  const hands = known.get(model) ?? made(model);
  known.set(model, hands);
  return hands;
}

/** @param {number} milliseconds */
const rest = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A number that no other movement has, of this tab or of another. */
const freshStroke = () => Math.floor(Math.random() * 1e9);

/** @type {WeakMap<object, string>} */
const shapes = new WeakMap();

/** What must be equal for a neuron of one run to be found again in another. @param {import("../core/types.js").Run|null} run */
export function shapeOf(run) {
  if (!run) return "";
  const shape = shapes.get(run) ?? JSON.stringify([run.sizes, run.activations, run.side, run.classes, run.settings.cost]);
  shapes.set(run, shape);
  return shape;
}

/** @param {Model} model */
function made(model) {
  /** @type {Set<() => void>} */
  const listeners = new Set();
  let open = false;
  /** What the editor looks like, kept while one goes from neuron to neuron. */
  const wishes = { tab: "", brush: "plus", size: 3, strength: Number.NaN };
  /** @type {Effect|null} */
  let effect = null;
  let wondered = "";
  /** Edits that have not been answered. */
  let flying = 0;
  /** Edits that wait for those under way. */
  let moving = 0;
  /** A run that the server began for an edit of the past, and that the page has not heard of yet. */
  let branch = -1;
  let run = model.get("run");
  let picked = model.get("picked");
  /** @type {Place|null} what was picked when another run came; it is picked again if that is the branch of an edit */
  let dropped = null;
  /** How each neuron was before it was edited here. @type {Map<string, Own>} */
  const originals = new Map();
  let where = "";
  /** The version of the weights that the newest answer was about: frames before it are behind the hand. */
  let newest = -1;

  const tell = () => {
    for (const fn of [...listeners]) fn();
  };
  /** @param {Place} place */
  const nameOf = ({ layer, neuron }) => `${layer} ${neuron}`;

  /** @param {Place} place @returns {Own|null} */
  function own({ layer, neuron }) {
    const parameters = model.get("parameters");
    const inputs = run?.sizes[layer - 1] ?? 0;
    const weights = parameters?.weights[layer - 1]?.slice(neuron * inputs, (neuron + 1) * inputs);
    return weights?.length ? { weights, bias: /** @type {any} */ (parameters).biases[layer - 1][neuron] } : null;
  }

  model.on("change:picked", () => {
    const before = picked;
    picked = model.get("picked");
    if (picked || !before || !(flying || branch >= 0)) return;
    dropped = before;
    queueMicrotask(() => {
      if (!dropped) return;
      dropped = null;
      tell();
    });
  });
  model.on("change:run", () => {
    const before = run;
    run = model.get("run");
    if (!run || !before || run.run === before.run) return;
    const branched = (flying > 0 || branch === run.run) && shapeOf(run) === shapeOf(before);
    const again = branched ? dropped : null;
    dropped = null;
    branch = -1;
    if (again) model.set("picked", again);
    if (!branched) {
      effect = null;
      originals.clear();
    }
    tell();
  });
  /** Where the run is now, and what that means for the edits: they are here, or training went on from them, or one went back before them. */
  function follow() {
    const status = model.get("status");
    if (!status?.at || flying) return;
    const at = JSON.stringify(status.at);
    if (at !== where) {
      where = at;
      originals.clear();
    }
    if (!effect) return;
    if (effect.at === null && !learning() && status.edits.count === effect.edits) {
      effect.at = at;
      effect.step = status.step;
    }
    if (effect.at === at) {
      effect.since = -1;
      if (status.edits.count !== effect.edits && performance.now() - effect.told > LATE) effect.byHand = null;
    } else if (status.step > effect.step) {
      if (status.edits.count > 0) effect = null;
      else if (effect.since < 0) effect.since = effect.step;
    } else if (effect.at !== null) {
      effect = null;
    }
  }
  /** Edits whose worth this tab does not know: it was loaded anew, or another tab made them. */
  function wonder() {
    const status = model.get("status");
    if (!status?.edits?.count || flying || learning() || effect?.byHand || !allowed()) return;
    const key = `${run?.run} ${status.at} ${status.edits.count}`;
    if (wondered === key) return;
    wondered = key;
    void ask({ do: "worth" });
  }
  model.on("frame", () => {
    follow();
    wonder();
    tell();
  });
  // Another server counts anew.
  model.on("change:connection", () => (newest = -1));
  for (const key of /** @type {const} */ (["role", "hidden"])) model.on(`change:${key}`, tell);

  /**
   * @param {Record<string, any>} message
   * @param {Record<string, {shape: number[], values: Float32Array}>} [arrays]
   * @returns {Promise<boolean>} whether it was done; what was wrong is said
   */
  async function ask(message, arrays) {
    const began = performance.now();
    flying++;
    try {
      const reply = await model.send(message, arrays);
      const now = performance.now();
      effect = {
        before: reply.before ?? null,
        byHand: reply.judged ?? null,
        edits: reply.edits ?? 0,
        step: model.get("status")?.step ?? 0,
        at: null,
        since: -1,
        told: now,
        milliseconds: reply.milliseconds ?? 0,
        roundTrip: now - began,
      };
      newest = Math.max(newest, reply.weights ?? -1);
      if (typeof reply.run === "number" && reply.run !== run?.run) branch = reply.run;
      return true;
    } catch (error) {
      model.set("said", sentence(error));
      return false;
    } finally {
      flying--;
      // The frame may have come before the answer.
      follow();
      tell();
    }
  }

  const allowed = () => run !== null && model.get("role") !== "pupil" && !model.get("hidden").includes("hands") && model.get("status")?.mode !== "watching";
  const learning = () => ["playing", "stepping"].includes(model.get("status")?.mode ?? "");

  /** Pauses a run that plays, and waits until the page has the network that it stopped at: that is the one to be edited. */
  async function still() {
    if (!learning()) return;
    await model.send({ do: "pause" }).catch(() => null);
    const stopped = new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      const off = model.on("frame", () => {
        if (learning()) return;
        off();
        resolve();
      });
      setTimeout(() => (off(), resolve()), LATE);
    });
    if (learning()) await stopped;
  }

  /** @param {Edit} edit */
  async function edit({ fields, values }) {
    await still();
    const place = /** @type {any} */ (fields);
    if (!originals.has(nameOf(place))) {
      const now = own(place);
      if (now) originals.set(nameOf(place), now);
    }
    return ask({ do: "edit", ...fields }, values && { values: { shape: [values.length], values } });
  }

  const behind = () => (model.get("parameters")?.version ?? -1) < newest;

  return {
    /** What the editor looks like. */
    wishes,
    /** @param {() => void} fn @returns {() => void} */
    on(fn) {
      listeners.add(fn);
      return () => void listeners.delete(fn);
    },
    tell,
    /** Whether this tab may edit at all. */
    allowed,
    isOpen: () => open,
    /** @param {boolean} wanted */
    open(wanted) {
      if (open === wanted) return;
      open = wanted;
      tell();
    },
    effect: () => effect,
    /** What is under way still. */
    busy: () => flying + moving + Number(behind()),
    forget() {
      effect = null;
      tell();
    },
    /** What was picked just now, while it is not known yet whether it will be again. */
    dropped: () => dropped,
    /** A neuron's own numbers, as in the newest frame; to keep. */
    own,
    /** How a neuron was before it was edited here. @param {Place} place */
    original: (place) => originals.get(nameOf(place)) ?? null,
    /** Whether the run plays or steps: then it stops for an edit. */
    learning,
    /** @param {boolean} [all] */
    async undo(all = false) {
      while (moving) await rest(REST / 4); // the last of a movement is on its way: after an undo it would come back
      return ask(all ? { do: "undo", all: true } : { do: "undo" });
    },
    redo: () => ask({ do: "redo" }),
    /** @param {Place} place @param {boolean} muted */
    mute: ({ layer, neuron }, muted) => edit({ fields: { kind: "mute", layer, neuron, muted, stroke: freshStroke() } }),
    /** Training goes on; where all epochs are done, with more of them. */
    async play() {
      try {
        const status = model.get("status");
        if (status?.mode === "finished") await model.send({ do: "change", epochs: status.epochs + MORE });
        await model.send({ do: "play" });
      } catch (error) {
        model.set("said", sentence(error));
      }
    },

    /**
     * A hand that moves: only its newest edit is under way, and those of one movement have one number, by which they are one undo.
     * @template T
     * @param {(value: T) => Edit} editOf asked when it is sent
     */
    mover(editOf) {
      let stroke = freshStroke();
      let busy = 0;
      const send = latest(async (/** @type {{value: T, stroke: number}} */ each) => {
        await still();
        const began = performance.now();
        const { fields, values } = editOf(each.value);
        await edit({ fields: { ...fields, stroke: each.stroke }, ...(values ? { values } : {}) });
        await rest(Math.max(0, REST - (performance.now() - began)));
      });
      return {
        /** Another movement begins. */
        begin: () => void (stroke = freshStroke()),
        /** @param {T} value */
        async move(value) {
          busy++;
          moving++;
          await send({ value, stroke });
          busy--;
          moving--;
          tell();
        },
        /** Whether the hand is ahead of what the last frame says. */
        ahead: () => busy > 0 || behind(),
      };
    },
  };
}

/**
 * Whether nobody hears a neuron: all its outgoing weights are exactly 0.
 * @param {import("../core/types.js").Parameters|null} parameters
 * @param {number[]} sizes
 * @param {Place} place
 */
export function isMuted(parameters, sizes, { layer, neuron }) {
  const next = layer > 0 ? parameters?.weights[layer] : undefined;
  if (!next) return false;
  for (let k = neuron; k < next.length; k += sizes[layer]) if (next[k] !== 0) return false;
  return true;
}
