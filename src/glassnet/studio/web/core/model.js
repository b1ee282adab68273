// The small model that every view is written against: get, set, on, send. It has the shape of a notebook widget's model
// (anywidget), so that a view made for the page can be shown in a notebook too.

/**
 * @callback Send
 * @param {Record<string, any>} message
 * @param {Record<string, {shape: number[], values: Uint8Array|Float32Array}>} [arrays]
 * @returns {Promise<import("./types.js").Reply>}
 */

/**
 * @typedef {object} Keys What the model holds, and what it is until something is known.
 * @property {import("./types.js").Run|null} run
 * @property {import("./types.js").Status|null} status
 * @property {import("./types.js").Look|null} look
 * @property {import("./types.js").Parameters|null} parameters
 * @property {import("./types.js").Forward|null} forward
 * @property {import("./types.js").Charts|null} charts
 * @property {import("./types.js").Minibatch|null} minibatch
 * @property {"opening"|"open"|"lost"|"refused"} connection
 * @property {string|null} csrf
 * @property {import("./types.js").Place|null} picked
 * @property {import("./types.js").Place|null} hovered
 * @property {{kind: "all"|"strongest"|"contribution"|"neuron"|"change", count: number}} filter
 * @property {number|null} stage how far the propagation has come, 0 to twice the number of layers; null: all is lit
 * @property {string} view which page is open
 * @property {string[]} watch what of the server's offers this tab wants
 * @property {"en"|"zh"} language
 * @property {"auto"|"light"|"dark"} theme
 * @property {import("./types.js").Race|null} race
 * @property {import("./types.js").Change|null} change what the last minibatch changed; while this tab watches "change"
 * @property {"teacher"|"pupil"} role a pupil may only watch; the server holds to it
 * @property {string[]} hidden controls that the link's teacher hid
 * @property {{message: Record<string, any>, arrays?: Record<string, {shape: number[], values: Uint8Array}>}|null} asked the look that was asked for last
 * @property {import("../share/bar.js").Doing|null} link what a link that was opened asks, or does
 * @property {any} pad what is drawn, and how
 * @property {any} browse what is browsed
 * @property {any} mistakes what of the mistakes is shown
 * @property {string|null} said what happened last, for screen readers and the line of notices
 */

export class Model {
  /** @param {Send} send */
  constructor(send) {
    this.send = send;
    /** @type {Keys} */
    this.values = {
      run: null,
      status: null,
      look: null,
      parameters: null,
      forward: null,
      charts: null,
      minibatch: null,
      connection: "opening",
      csrf: null,
      picked: null,
      hovered: null,
      filter: { kind: "all", count: 500 },
      stage: null,
      view: "network",
      watch: [],
      language: "en",
      theme: "auto",
      race: null,
      change: null,
      role: "teacher",
      hidden: [],
      asked: null,
      link: null,
      pad: null,
      browse: null,
      mistakes: null,
      said: null,
    };
    /** @type {Map<string, Set<() => void>>} */
    this.listeners = new Map();
  }

  /**
   * @template {keyof Keys} K
   * @param {K} key
   * @returns {Keys[K]}
   */
  get(key) {
    return this.values[key];
  }

  /**
   * Sets one key, and tells whoever listens to `change:key`, at once.
   * @template {keyof Keys} K
   * @param {K} key
   * @param {Keys[K]} value
   */
  set(key, value) {
    this.values[key] = value;
    this.tell(`change:${key}`);
  }

  /**
   * Calls `fn` at each event; what is returned ends it.
   * @param {string} event `change:key`, or `frame` after a whole frame has come
   * @param {() => void} fn
   * @returns {() => void}
   */
  on(event, fn) {
    const listeners = this.listeners.get(event) ?? new Set();
    this.listeners.set(event, listeners.add(fn));
    return () => void listeners.delete(fn);
  }

  /** @param {string} event */
  tell(event) {
    for (const fn of [...(this.listeners.get(event) ?? [])]) {
      try {
        fn();
      } catch (error) {
        // One view that fails must not take the others with it; the page says so (app.js).
        reportError(error);
      }
    }
  }
}
