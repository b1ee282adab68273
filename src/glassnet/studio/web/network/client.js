// Hands what is to be drawn to the worker, one order at a time: what comes while it draws is put together, so only the newest is drawn.

import { Painter } from "./painter.js";

/** @typedef {import("./painter.js").Order} Order */
/** @typedef {import("./painter.js").Report} Report */

/** @type {{createScriptURL: (url: string) => any}|null} */
let policy = null;

/** The page's policy asks that the address of a program is vouched for; this one is our own file. */
function trusted() {
  const types = /** @type {any} */ (globalThis).trustedTypes;
  const url = new URL("./edges.js", import.meta.url).href;
  if (!types) return url;
  policy ??= types.createPolicy("glassnet-worker", { createScriptURL: (/** @type {string} */ given) => given });
  return /** @type {{createScriptURL: (url: string) => any}} */ (policy).createScriptURL(url);
}

/** Milliseconds between two drawings of weights that change by themselves: some fifteen pictures a second look smooth enough. */
const REST = 50;

/** Whether somebody waits for this. */
const pressing = (/** @type {Order} */ { board, wish, focus, light }) => Boolean(board || wish || focus !== undefined || light !== undefined);

/**
 * @param {Record<string, HTMLCanvasElement>} canvases by name
 * @param {(report: Report) => void} told called when an order has been carried out
 */
export function edgesClient(canvases, told) {
  /** @type {Order} */
  let next = {};
  let asked = 0;
  let busy = false;
  let closed = false;
  let rest = 0;
  /** @type {(order: Order) => void} */
  let carryOut;
  /** @type {() => void} */
  let end = () => {};

  if ("OffscreenCanvas" in globalThis && "transferControlToOffscreen" in HTMLCanvasElement.prototype) {
    const worker = new Worker(trusted(), { type: "module" });
    const given = Object.fromEntries(Object.entries(canvases).map(([name, canvas]) => [name, canvas.transferControlToOffscreen()]));
    worker.postMessage({ canvases: given, asked: 0 }, Object.values(given));
    worker.onmessage = ({ data }) => data.asked && done(data);
    carryOut = (order) => worker.postMessage({ ...order, asked: ++asked });
    end = () => worker.terminate();
  } else {
    // An old browser: the same drawing on the page itself, with more rest between.
    const painter = new Painter();
    for (const [name, canvas] of Object.entries(canvases)) painter.canvas(name, canvas);
    carryOut = (order) => {
      asked++;
      setTimeout(() => {
        if (closed) return;
        const report = painter.take(order);
        done({ ...report, milliseconds: 2 * report.milliseconds });
      }, 0);
    };
  }

  /** @param {Report} report */
  function done(report) {
    if (closed) return;
    busy = false;
    // The drawing must not take the processor from the training, so it rests twice as long as it worked; but nobody who points at
    // something is made to wait.
    rest = window.setTimeout(
      () => {
        rest = 0;
        go();
      },
      Math.max(REST, 2 * report.milliseconds),
    );
    told(report);
    if (pressing(next)) go();
  }

  function go() {
    if (busy || closed || !Object.keys(next).length) return;
    clearTimeout(rest);
    rest = 0;
    busy = true;
    const order = next;
    next = {};
    carryOut(order);
  }

  return {
    /** @param {Order} order */
    ask(order) {
      next = { ...next, ...order };
      if (!rest || pressing(next)) go();
    },
    close() {
      closed = true;
      clearTimeout(rest);
      end();
    },
  };
}
