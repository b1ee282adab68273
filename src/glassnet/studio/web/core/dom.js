// Elements, made by code: nothing on this page is ever parsed from text, so no name of a class or of a file can become markup.

import { NEGATIVE, POSITIVE } from "./colors.js";

const MATH = "http://www.w3.org/1998/Math/MathML";
const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Node|string|number|null|undefined|false} Child */

/**
 * @param {Element} element
 * @param {Record<string, any>} attributes `onclick` and the like are listeners, `class` may be a list; false and null leave out
 * @param {(Child|Child[])[]} children
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined && child !== false) {
      element.append(typeof child === "number" ? String(child) : child);
    }
  }
  return element;
}

/**
 * An HTML element: h("button", {class: "step", onclick}, "Step").
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Child|Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

/**
 * A MathML element: m("mi", {}, "σ").
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Child|Child[])} children
 * @returns {Element}
 */
export function m(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(MATH, tag), attributes, children);
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Record<string, any>} [attributes]
 * @param {...(Child|Child[])} children
 * @returns {SVGElement}
 */
export function svg(tag, attributes = {}, ...children) {
  const element = /** @type {SVGElement} */ (document.createElementNS(SVG, tag));
  fill(element, attributes, children);
  return element;
}

/**
 * A choice among texts.
 * @param {string} label for those who do not see it; "" where a field names it
 * @param {readonly (readonly string[])[]} options value and text
 * @param {string} value
 * @param {(value: string) => void} change
 */
export function select(label, options, value, change) {
  const element = h(
    "select",
    { "aria-label": label || null, onchange: () => change(element.value) },
    options.map(([each, words]) => h("option", { value: each }, words)),
  );
  element.value = value;
  return element;
}

/**
 * Does `draw` once before the next picture, however often it is asked for: frames come faster than screens show them.
 * @param {() => void} draw
 * @returns {(() => void) & {cancel: () => void}}
 */
export function once(draw) {
  let asked = 0;
  const ask = () => {
    if (!asked) {
      asked = requestAnimationFrame(() => {
        asked = 0;
        draw();
      });
    }
  };
  return Object.assign(ask, {
    cancel: () => {
      cancelAnimationFrame(asked);
      asked = 0;
    },
  });
}

/**
 * Writes a text only where it changed, so that nothing is laid out for nothing.
 * @param {Node} node
 * @param {string} text
 */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** The size of the page's text in pixels, for what is drawn and not laid out: 15 unless the window or the browser's own size is large. */
export const em = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

/** Whether the person asked for less motion. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

/**
 * A canvas made as sharp as the screen; its context is scaled so that lengths are CSS pixels.
 * @param {HTMLCanvasElement} canvas
 * @param {number} width
 * @param {number} height
 * @returns {CanvasRenderingContext2D}
 */
export function sharp(canvas, width, height) {
  const ratio = Math.min(devicePixelRatio || 1, 2);
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/**
 * Draws gray pixels into a canvas of their own size (CSS makes it larger, `image-rendering: pixelated`): ink is white, as
 * in the data.
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} values
 * @param {number} side
 * @param {number} [full] the value of full ink
 */
export function gray(canvas, values, side, full = 1) {
  paint(canvas, side, (i, out, at) => {
    out[at] = out[at + 1] = out[at + 2] = (255 * values[i]) / full;
    out[at + 3] = 255;
  }, values.length);
}

/**
 * Draws signed values as the series does: positive blue, negative red, opacity (|w| / max |w|)^0.3, on black.
 * @param {HTMLCanvasElement} canvas
 * @param {ArrayLike<number>} values
 * @param {number} side
 * @param {number} [most] the size that is drawn opaque; by default the largest
 * @param {number} [power]
 */
export function signed(canvas, values, side, most = 0, power = 0.3) {
  if (!most) for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  paint(canvas, side, (i, out, at) => {
    const value = values[i];
    const color = value >= 0 ? POSITIVE : NEGATIVE;
    const opacity = most ? Math.min(1, Math.abs(value) / most) ** power : 0;
    for (let c = 0; c < 3; c++) out[at + c] = color[c] * opacity;
    out[at + 3] = 255;
  }, values.length);
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {number} side
 * @param {(i: number, out: Uint8ClampedArray, at: number) => void} color
 * @param {number} count
 */
function paint(canvas, side, color, count) {
  const height = Math.ceil(count / side);
  if (canvas.width !== side) canvas.width = side;
  if (canvas.height !== height) canvas.height = height;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(side, height);
  for (let i = 0; i < count; i++) color(i, image.data, 4 * i);
  context.putImageData(image, 0, 0);
}
