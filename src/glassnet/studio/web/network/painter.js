// Draws the edges of a network into canvases: in a worker where the browser can, otherwise on the page.

import { NEGATIVE, POSITIVE } from "../core/colors.js";
import { Palette, Raster } from "./raster.js";
import { largest, onlyOf, strengths, threshold } from "./select.js";

/** @typedef {import("./layout.js").Gap} Gap */
/** @typedef {import("./select.js").Wish} Wish */

/**
 * @typedef {object} Order What changed since the last; all that is left out is as it was.
 * @property {{width: number, height: number, ratio: number, gaps: Gap[]}} [board]
 * @property {Float32Array[]} [weights]
 * @property {Float32Array[]} [changes] what the last minibatch did to the weights; empty where that is not known
 * @property {ArrayLike<number>[]} [activations] of the input and every layer
 * @property {Wish} [wish]
 * @property {{layer: number, neuron: number}|null} [focus] whose edges are brought to the front
 * @property {number|null} [light] the gap that the light is travelling through, from 0
 * @property {boolean} [glow] whether what changed between the last weights and these is shown
 *
 * @typedef {{drawn: number, total: number, milliseconds: number, light: Spark[]|null}} Report
 * @typedef {{x0: number, y0: number, x1: number, y1: number, value: number}} Spark
 */

/** A weight that grows or falls glows in this. */
const YELLOW = /** @type {import("../core/colors.js").Color} */ ([0xff, 0xe0, 0x66]);
/** How many of the changes glow, and how many edges carry a light. */
const GLOWING = 200;
const SPARKS = 160;

export class Painter {
  constructor() {
    /** @type {Record<string, OffscreenCanvasRenderingContext2D|CanvasRenderingContext2D>} */
    this.contexts = {};
    /** @type {Record<string, {raster: Raster, image: ImageData, scale: number}>} */
    this.films = {};
    this.palette = new Palette(POSITIVE, NEGATIVE, 4);
    this.bright = new Palette(POSITIVE, NEGATIVE, 2);
    this.yellow = new Palette(YELLOW, YELLOW);
    /** @type {Gap[]} */
    this.gaps = [];
    /** @type {Float32Array[]} */
    this.weights = [];
    /** @type {Float32Array[]} */
    this.changes = [];
    /** @type {ArrayLike<number>[]} */
    this.activations = [];
    /** @type {Wish} */
    this.wish = { kind: "all", count: 500, place: null, gaps: Infinity };
    /** What is drawn for each edge: its weight, or what the last minibatch did to it. @type {Float32Array[]} */
    this.shown = [];
    /** @type {{layer: number, neuron: number}|null} */
    this.focus = null;
    /** @type {Float32Array[]} what each gap shows, kept so that no memory is asked for in every frame */
    this.values = [];
    this.drawn = 0;
    /** There is nothing in front. */
    this.clear = false;
  }

  /** @param {string} name @param {OffscreenCanvas|HTMLCanvasElement} canvas */
  canvas(name, canvas) {
    this.contexts[name] = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  }

  /** @param {Order} order @returns {Report} */
  take(order) {
    const start = performance.now();
    if (order.board) this.resize(order.board);
    const before = this.weights;
    if (order.weights) this.weights = order.weights;
    if (order.changes) this.changes = order.changes;
    if (order.activations) this.activations = order.activations;
    if (order.wish) this.wish = order.wish;
    if (order.focus !== undefined) this.focus = order.focus;
    // A new run's board may come before its weights, and the other way round.
    const fit = (/** @type {ArrayLike<number>[]} */ all) => all.length > 0 && this.gaps.every(({ inputs, outputs }, i) => all[i]?.length === inputs * outputs);
    const ready = fit(this.weights);
    const known = this.gaps.every(({ inputs }, i) => this.activations[i]?.length === inputs);
    if (this.wish.kind === "contribution" && !known) this.wish = { ...this.wish, kind: "all" };
    const byImage = this.wish.kind === "contribution";
    this.shown = this.wish.kind === "change" ? (fit(this.changes) ? this.changes : this.weights.map((each) => new Float32Array(each.length))) : this.weights;
    if (ready && (order.board || order.weights || order.changes || order.wish || (order.activations && byImage))) this.edges();
    if (ready && (order.board || order.weights || order.changes || order.wish || order.focus !== undefined || byImage)) this.front();
    if (ready && order.glow && order.weights && fit(before)) this.glow(before);
    const asked = order.light !== undefined && order.light !== null;
    const light = ready && known && asked ? this.sparks(/** @type {number} */ (order.light)) : asked ? [] : null;
    const total = this.weights.reduce((all, each) => all + each.length, 0);
    return { drawn: this.drawn, total, milliseconds: performance.now() - start, light };
  }

  /** @param {NonNullable<Order["board"]>} board */
  resize({ width, height, ratio, gaps }) {
    this.gaps = gaps;
    this.values = gaps.map(({ from, to }) => new Float32Array(from.length * to.length));
    this.films = {};
    this.clear = false;
    for (const [name, context] of Object.entries(this.contexts)) {
      // The glow is soft anyway; at half the sharpness it costs a quarter.
      const part = name === "glow" ? 0.5 : 1;
      const [across, down] = [Math.round(width * ratio * part), Math.round(height * ratio * part)];
      context.canvas.width = across;
      context.canvas.height = down;
      this.films[name] = { raster: new Raster(across, down), image: new ImageData(across, down), scale: ratio * part };
    }
  }

  /** All edges that the filter lets through. */
  edges() {
    const { kind, count, place, gaps: lit } = this.wish;
    this.drawn = 0;
    const shown = this.gaps.map((gap, i) => {
      const values = strengths(gap, this.shown[i], kind === "contribution" ? this.activations[i] : null, this.values[i]);
      if (kind === "neuron") onlyOf(gap, values, place);
      return values;
    });
    const least = kind === "strongest" ? threshold(shown, count) : 0;
    this.gaps.forEach((gap, i) => {
      const values = shown[i];
      const most = largest(values);
      if (most === 0) return;
      let ink = 0;
      let edges = 0;
      for (let k = 0; k < values.length; k++) {
        const size = Math.abs(values[k]);
        if (size < least || size === 0) values[k] = 0;
        else edges++;
      }
      if (i >= lit) return;
      this.drawn += edges;
      const room = Math.max(60, gap.span);
      // Where many edges share little room, small weights step back further: the power of the series' pictures, 0.3, would make mud of them.
      const power = Math.min(0.85, Math.max(0.45, 0.45 + 0.12 * Math.log(edges / room)));
      for (let k = 0; k < values.length; k++) if (values[k]) ink += (Math.abs(values[k]) / most) ** power;
      const scale = Math.min(0.8, 0.75 / (ink / room) ** 0.9);
      this.draw("edges", gap, values, most, power, scale);
    });
    this.show("edges", this.palette);
  }

  /** The edges of the neuron that somebody points at, over all others. */
  front() {
    const place = this.focus;
    if (!place && this.clear) return;
    this.clear = !place;
    if (place) {
      this.gaps.forEach((gap, i) => {
        if (place.layer !== gap.layer && place.layer !== gap.layer - 1) return;
        const values = strengths(gap, this.shown[i], this.wish.kind === "contribution" ? this.activations[i] : null);
        const most = largest(values);
        onlyOf(gap, values, place);
        const mine = gap.layer === place.layer ? gap.from.length : gap.to.length;
        const scale = Math.min(1.2, 3.5 / Math.sqrt(mine / 20));
        if (most) this.draw("front", gap, values, most, mine > 200 ? 0.7 : 0.45, scale, mine > 200 ? 0 : 0.5);
      });
    }
    this.show("front", this.bright);
  }

  /** @param {Float32Array[]} before the weights as they were */
  glow(before) {
    const changes = this.gaps.map((gap, i) => {
      const now = strengths(gap, this.weights[i], null);
      const then = strengths(gap, before[i], null);
      for (let k = 0; k < now.length; k++) now[k] -= then[k];
      return now;
    });
    const most = Math.max(...changes.map(largest));
    if (most > 0) {
      const least = threshold(changes, GLOWING);
      this.gaps.forEach((gap, i) => {
        const values = changes[i];
        for (let k = 0; k < values.length; k++) values[k] = Math.abs(values[k]) < least ? 0 : Math.abs(values[k]);
        this.draw("glow", gap, values, most, 0.6, 0.2);
      });
    }
    this.show("glow", this.yellow, 0.5);
  }

  /**
   * The edges of one gap that carry most to the next layer, and how much.
   * @param {number} index
   * @returns {Spark[]}
   */
  sparks(index) {
    const gap = this.gaps[index];
    if (!gap) return [];
    const values = strengths(gap, this.weights[index], this.activations[index]);
    const most = largest(values);
    const least = Math.max(threshold([values], SPARKS), 1e-12);
    /** @type {Spark[]} */
    const sparks = [];
    const { from, to, fromX, fromY, toX, toY } = gap;
    for (let j = 0, k = 0; j < to.length; j++) {
      for (let i = 0; i < from.length; i++, k++) {
        if (Math.abs(values[k]) >= least) {
          sparks.push({ x0: fromX[i], y0: fromY[i], x1: toX[j], y1: toY[j], value: values[k] / most });
        }
      }
    }
    return sparks.slice(0, 2 * SPARKS);
  }

  /**
   * @param {string} name
   * @param {Gap} gap
   * @param {Float32Array} values
   * @param {number} most
   * @param {number} power
   * @param {number} scale
   * @param {number} [thick] half of what a line is thicker than one pixel, in pixels
   */
  draw(name, gap, values, most, power, scale, thick = 0) {
    const { raster, scale: r } = this.films[name];
    const { fromX, fromY, toX, toY, box } = gap;
    for (let j = 0, k = 0; j < toX.length; j++) {
      const x1 = toX[j];
      const y1 = toY[j];
      for (let i = 0; i < fromX.length; i++, k++) {
        const value = values[k];
        if (value === 0) continue;
        let x0 = fromX[i];
        let y0 = fromY[i];
        if (box) {
          // From a pixel, the line begins where it leaves the picture, through its right side, its top or its bottom.
          let part = (box.right - x0) / (x1 - x0);
          if (y1 < box.top) part = Math.min(part, (box.top - y0) / (y1 - y0));
          else if (y1 > box.bottom) part = Math.min(part, (box.bottom - y0) / (y1 - y0));
          x0 += (x1 - x0) * part;
          y0 += (y1 - y0) * part;
        }
        const opacity = scale * (Math.abs(value) / most) ** power;
        const sign = value < 0 ? 1 : 0;
        raster.line(r * x0, r * y0 - thick, r * x1, r * y1 - thick, opacity, sign);
        if (thick) raster.line(r * x0, r * y0 + thick, r * x1, r * y1 + thick, opacity, sign);
      }
    }
  }

  /** @param {string} name @param {Palette} palette @param {number} [keep] */
  show(name, palette, keep = 0) {
    const { raster, image } = this.films[name];
    raster.develop(image.data, palette, keep);
    this.contexts[name].putImageData(image, 0, 0);
  }
}
