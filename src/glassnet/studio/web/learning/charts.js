// Curves over steps, on a canvas of our own: small ones for the dock, large ones with axes, a legend and a crosshair.

import { em, h, once, sharp, svg, write } from "../core/dom.js";
import { count } from "../core/format.js";
import { t } from "../core/words.js";

/**
 * @typedef {object} Curve
 * @property {string} name
 * @property {string} color a CSS variable
 * @property {Style} style told apart without color too
 * @property {ArrayLike<number>} xs
 * @property {ArrayLike<number>} ys NaN where there is none
 * @property {boolean} [faint] drawn behind the others, and neither named nor read out: what another curve was smoothed from
 *
 * @typedef {"line"|"dashes"|"marks"|"dots"|"mixed"} Style
 *
 * @typedef {{left: number, top: number, width: number, height: number}} Box
 * @typedef {{x1: number, y0: number, y1: number, log: boolean}} Scale x runs from 0 to x1
 */

/** How lines are broken, in pixels. @type {Record<Style, number[]>} */
const BREAKS = { line: [], marks: [], dashes: [5, 3.5], dots: [1.5, 3], mixed: [8, 3, 1.5, 3] };

/** Points are marked in shapes of their own. @type {Record<Style, (context: CanvasRenderingContext2D|Path2D, x: number, y: number, r: number) => void>} */
const MARKS = {
  line: (context, x, y, r) => context.arc(x, y, r, 0, 7),
  marks: (context, x, y, r) => context.arc(x, y, r, 0, 7),
  dashes: (context, x, y, r) => context.rect(x - 0.9 * r, y - 0.9 * r, 1.8 * r, 1.8 * r),
  dots: (context, x, y, r) => corners(context, [[x, y - 1.25 * r], [x + 1.2 * r, y + 0.95 * r], [x - 1.2 * r, y + 0.95 * r]]),
  mixed: (context, x, y, r) => corners(context, [[x, y - 1.4 * r], [x + 1.4 * r, y], [x, y + 1.4 * r], [x - 1.4 * r, y]]),
};

/** @param {CanvasRenderingContext2D|Path2D} context @param {[number, number][]} places */
function corners(context, places) {
  context.moveTo(...places[places.length - 1]);
  for (const place of places) context.lineTo(...place);
}

/** @param {string} variable */
const color = (variable) => getComputedStyle(document.documentElement).getPropertyValue(variable).trim();

/** @param {Scale} scale @param {Box} box @param {number} y */
function toY({ y0, y1, log }, box, y) {
  const share = log ? Math.log(y / y0) / Math.log(y1 / y0) : (y - y0) / (y1 - y0);
  return box.top + box.height * (1 - Math.max(-0.05, share));
}

/** @param {Scale} scale @param {Box} box @param {number} x */
const toX = ({ x1 }, box, x) => box.left + (box.width * x) / x1;

/**
 * Draws curves into a box.
 * @param {CanvasRenderingContext2D} context
 * @param {Box} box
 * @param {Curve[]} curves
 * @param {Scale} scale
 * @param {boolean} marks whether single points are marked, where there are few
 */
function plot(context, box, curves, scale, marks = true) {
  context.lineJoin = "round";
  for (const curve of curves) {
    context.strokeStyle = context.fillStyle = color(curve.color);
    context.globalAlpha = curve.faint ? 0.28 : 1;
    context.lineWidth = curve.faint ? 1 : curve.style === "line" ? 1.25 : 1.75;
    context.setLineDash(curve.faint ? [] : BREAKS[curve.style]);
    context.beginPath();
    /** @type {[number, number][]} */
    const places = [];
    for (let i = 0; i < curve.xs.length; i++) {
      const y = curve.ys[i];
      if (Number.isNaN(y) || (scale.log && y <= 0)) continue;
      places.push([toX(scale, box, curve.xs[i]), toY(scale, box, y)]);
    }
    for (const [x, y] of places) context.lineTo(x, y);
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
    if (curve.faint) continue;
    // A curve of one point has no line, and few points are better seen as what they are.
    if (places.length === 1 || (marks && curve.style !== "line" && places.length <= 48)) {
      for (const [x, y] of places) {
        context.beginPath();
        MARKS[curve.style](context, x, y, 2.75);
        context.fill();
      }
    }
  }
}

/**
 * The smallest and largest of some curves' numbers, those above 0 only if they are for a logarithmic axis.
 * @param {Curve[]} curves
 * @param {boolean} log
 * @returns {[number, number]|null}
 */
function extent(curves, log) {
  let low = Infinity;
  let high = -Infinity;
  for (const { ys } of curves) {
    for (let i = 0; i < ys.length; i++) {
      const y = ys[i];
      if (!Number.isFinite(y) || (log && y <= 0)) continue;
      low = Math.min(low, y);
      high = Math.max(high, y);
    }
  }
  return low <= high ? [low, high] : null;
}

/** @param {Curve[]} curves */
const reach = (curves) => Math.max(1, ...curves.map(({ xs }) => (xs.length ? xs[xs.length - 1] : 0)));

/**
 * Some round numbers between two numbers.
 * @param {number} low
 * @param {number} high
 * @param {number} most
 */
function ticks(low, high, most) {
  const size = between(low, high, most);
  const found = [];
  for (let i = Math.ceil(low / size - 1e-9); i * size <= high + size * 1e-9; i++) found.push(Number((i * size).toPrecision(12)));
  return found;
}

/** @param {number} low @param {number} high @param {number} most how far apart round numbers are, for at most so many */
function between(low, high, most) {
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * /** @type {number} */ ([1, 2, 5, 10].find((each) => each * power >= rough * 0.999));
}

/** @param {number} low @param {number} high round numbers of a logarithmic axis */
function logTicks(low, high) {
  const decades = Math.log10(high / low);
  const digits = decades > 3 ? [1] : decades > 1.2 ? [1, 3] : [1, 2, 3, 5, 7];
  const found = [];
  for (let p = Math.floor(Math.log10(low)); p <= Math.ceil(Math.log10(high)); p++) {
    for (const digit of digits) {
      const each = Number(`${digit}e${p}`);
      if (each >= low * 0.999 && each <= high * 1.001) found.push(each);
    }
  }
  return found;
}

/**
 * A small curve without axes, from its lowest number at the bottom to its highest at the top; what is returned are these two, to be
 * written beside it. null: there is no curve yet.
 * @param {HTMLCanvasElement} canvas its size in CSS pixels is that of its box
 * @param {Curve[]} curves
 * @param {number|null} [here] a step to be marked by a line
 * @returns {[number, number]|null}
 */
export function sparkline(canvas, curves, here = null) {
  const { clientWidth: width, clientHeight: height } = canvas;
  if (!width || !height) return null;
  const context = sharp(canvas, width, height);
  context.clearRect(0, 0, width, height);
  context.fillStyle = color("--line");
  context.fillRect(0, height - 1, width, 1);
  const range = extent(curves, false);
  if (!range || !curves.some(({ xs }) => xs.length > 1)) return null;
  const [y0, y1] = range;
  const box = { left: 1, top: 3, width: width - 4, height: height - 6 };
  const scale = { x1: reach(curves), y0, y1: y1 > y0 ? y1 : y0 + 1, log: false };
  if (here !== null && here <= scale.x1) {
    context.strokeStyle = color("--muted");
    context.lineWidth = 1;
    vertical(context, toX(scale, box, here), box);
  }
  plot(context, box, curves, scale, false);
  return range;
}

/** Steps along the axis, in words. */
const STEPS = {
  axis: () => t("learning.charts.axis"),
  at: (/** @type {string} */ step) => t("learning.charts.at", { step }),
  unit: () => t("learning.charts.step"),
  summary: (/** @type {"lowest"|"highest"} */ best, /** @type {Record<string, string>} */ values) => t(`learning.charts.summary.${best}`, values),
};

/**
 * A large chart.
 * @param {object} options
 * @param {string} options.title
 * @param {string} options.empty what is said while there is nothing
 * @param {(value: number) => string} options.format a number, as it is read out
 * @param {(value: number, ticks: number[]) => string} options.tick a number at an axis
 * @param {[number, number]} options.range what is always within the axis
 * @param {{label: string, log?: boolean, range?: [number, number]}} options.other another way to look at it
 * @param {"lowest"|"highest"} options.best
 * @param {typeof STEPS} [options.along] what is counted along the axis
 */
export function chart({ title, empty, format, tick, range, other, best, along = STEPS }) {
  /** @type {Curve[]} */
  let curves = [];
  /** @type {Curve[]} what others were smoothed from */
  let faint = [];
  /** @type {ArrayLike<number>} */
  let changes = [];
  /** How far the axis of steps goes. */
  let end = 1;
  /** How far up the axis goes at most: a curve may leave the picture. */
  let ceiling = Infinity;
  /** @type {number|null} */
  let cross = null;
  let seen = true;
  let told = 0;
  let names = "";

  const canvas = h("canvas", { "aria-hidden": "true" });
  const area = h("div", { class: "area", tabindex: "0", role: "slider", "aria-valuemin": "0", "aria-valuemax": "0", "aria-valuenow": "0", "aria-label": title }, canvas);
  const legend = h("ul", { class: "legend" });
  const where = h("p", { class: "where small muted figures" });
  const rows = h("tbody");
  const table = h("table", {});
  const toggle = h("button", { class: "quiet small toggle", type: "button", "aria-pressed": "false" }, other.label);
  const element = h(
    "figure",
    { class: "chart" },
    h("div", { class: "chart-head" }, h("h2", {}, title), toggle),
    legend,
    area,
    where,
    h("div", { class: "aside" }, table),
  );

  /** All places at which there is a number, from left to right. */
  const places = () => [...new Set(curves.flatMap(({ xs }) => Array.from(xs)))].sort((a, b) => a - b);

  /** @param {Curve} curve @param {number|null} x the value there, or the newest */
  const at = ({ xs, ys }, x) => {
    let found = Number.NaN;
    let near = Infinity;
    for (let i = 0; i < xs.length; i++) {
      if (Number.isNaN(ys[i])) continue;
      const distance = x === null ? -i : Math.abs(xs[i] - x);
      if (distance < near) [near, found] = [distance, ys[i]];
    }
    return found;
  };

  const draw = once(() => {
    const { clientWidth: width, clientHeight: height } = area;
    if (!seen || !width || !height) return;
    const context = sharp(canvas, width, height);
    context.clearRect(0, 0, width, height);
    const alternative = toggle.getAttribute("aria-pressed") === "true";
    const log = alternative && !!other.log;
    const found = extent(curves, log);
    const letter = em();
    context.font = `${0.74 * letter}px ${color("--font")}`;
    context.textBaseline = "middle";
    if (!found || places().length < 2) {
      context.fillStyle = color("--muted");
      context.textAlign = "center";
      context.font = `${0.87 * letter}px ${color("--font")}`;
      paragraph(context, empty, width / 2, height / 2, width - 40, 1.35 * letter);
      where.hidden = true;
      read();
      return;
    }
    let [y0, y1] = log ? [found[0] / 1.1, found[1] * 1.1] : [Math.min(found[0], range[0]), Math.max(found[1], range[1])];
    if (!log) y1 = Math.min(y1, Math.max(ceiling, y0));
    where.hidden = false;
    const few = Math.max(2, Math.floor(height / (3 * letter)));
    if (!log) {
      const size = between(y0, y1, few);
      y0 = Math.floor(y0 / size + 1e-9) * size;
    }
    if (alternative && other.range) [y0, y1] = other.range;
    const levels = log ? logTicks(y0, y1) : ticks(y0, y1, few);
    if (!log) y1 = Math.max(y1, y0 + 1e-9);
    const labels = levels.map((each) => tick(each, levels));
    const left = 10 + Math.ceil(Math.max(...labels.map((each) => context.measureText(each).width)));
    const box = { left, top: 8, width: width - left - 8, height: height - 8 - 1.6 * letter };
    const scale = { x1: end, y0, y1, log };

    context.fillStyle = color("--muted");
    context.strokeStyle = color("--line");
    context.lineWidth = 1;
    context.textAlign = "right";
    levels.forEach((each, i) => {
      const y = Math.round(toY(scale, box, each)) + 0.5;
      context.beginPath();
      context.moveTo(box.left, y);
      context.lineTo(box.left + box.width, y);
      context.stroke();
      context.fillText(labels[i], box.left - 6, y);
    });
    context.textBaseline = "alphabetic";
    for (const each of ticks(0, scale.x1, Math.max(2, Math.floor(box.width / (4.1 * letter))))) {
      if (!Number.isInteger(each)) continue;
      const x = toX(scale, box, each);
      const wide = context.measureText(count(each)).width / 2;
      context.textAlign = "center";
      context.fillText(count(each), Math.min(Math.max(x, wide), width - wide), height - 5);
    }
    // Where something was changed: a thin dashed line from the top to the bottom.
    context.strokeStyle = color("--yellow");
    context.setLineDash([2, 3]);
    for (let i = 0, last = -Infinity; i < changes.length; i++) {
      const x = toX(scale, box, changes[i]);
      if (x - last < 4) continue; // many at nearly one place are one line
      last = x;
      vertical(context, x, box);
    }
    context.setLineDash([]);

    context.save();
    context.beginPath();
    context.rect(box.left - 3, box.top - 4, box.width + 6, box.height + 5);
    context.clip();
    plot(context, box, [...faint, ...curves], scale);
    context.restore();

    if (cross !== null) {
      context.strokeStyle = color("--text");
      context.lineWidth = 1;
      vertical(context, toX(scale, box, cross), box);
      for (const curve of curves) {
        const y = at(curve, cross);
        if (Number.isNaN(y)) continue;
        context.beginPath();
        context.arc(toX(scale, box, cross), toY(scale, box, y), 3.5, 0, 7);
        context.fillStyle = color(curve.color);
        context.fill();
        context.stroke();
      }
    }
    area.dataset.left = String(box.left);
    area.dataset.width = String(box.width);
    read();
  });

  /** The numbers in the legend: at the crosshair, or the newest. */
  function read() {
    const now = curves.map(({ name, style }) => name + style).join() + changes.length;
    if (now !== names) {
      names = now;
      legend.replaceChildren(
        ...curves.map((curve) => h("li", {}, swatch(curve.style, curve.color), h("span", {}, curve.name), h("b", { class: "figures" }))),
        ...(changes.length ? [h("li", {}, swatch("changes", "--yellow"), h("span", {}, t("learning.charts.changed")))] : []),
      );
      table.replaceChildren(
        h("caption", {}, title),
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, along.unit()), curves.map(({ name }) => h("th", { scope: "col" }, name)))),
        rows,
      );
    }
    curves.forEach((curve, i) => {
      const value = at(curve, cross);
      const place = /** @type {HTMLElement} */ (legend.children[i].lastElementChild);
      write(place, Number.isNaN(value) ? "–" : format(value));
    });
    const most = end;
    write(where, cross === null ? along.axis() : along.at(count(Math.round(cross))));
    const spot = cross ?? most;
    const reading = curves.map((curve) => `${curve.name} ${format(at(curve, cross))}`).join(", ");
    area.setAttribute("aria-valuemax", String(Math.round(most)));
    area.setAttribute("aria-valuenow", String(Math.round(spot)));
    area.setAttribute("aria-valuetext", `${along.at(count(Math.round(spot)))}: ${reading}`);
    // For ears: now and then, not at each frame.
    if (performance.now() - told < 1000 && told) return;
    told = performance.now();
    area.setAttribute("aria-label", summary());
    const all = places();
    const few = Math.min(10, all.length);
    const picked = [...new Set(Array.from({ length: few }, (_, i) => all[Math.round((i * (all.length - 1)) / Math.max(1, few - 1))]))];
    rows.replaceChildren(
      ...picked.map((x) => h("tr", {}, h("th", { scope: "row" }, count(Math.round(x))), curves.map((curve) => h("td", {}, format(at(curve, x)))))),
    );
  }

  function summary() {
    const parts = curves
      .filter(({ ys }) => ys.length)
      .map((curve) => {
        const range = extent([curve], false);
        if (!range) return "";
        const all = Array.from(curve.xs).filter((_, i) => !Number.isNaN(curve.ys[i]));
        const [first, last] = [all[0], all[all.length - 1]];
        return along.summary(best, {
          name: curve.name,
          first: format(at(curve, first)),
          begin: count(Math.round(first)),
          last: format(at(curve, last)),
          end: count(Math.round(last)),
          best: format(best === "lowest" ? range[0] : range[1]),
        });
      })
      .filter(Boolean);
    return parts.length ? `${title}. ${parts.join(" ")}` : `${title}. ${empty}`;
  }

  /** @param {number|null} x */
  const point = (x) => {
    cross = x;
    draw();
  };
  /** @param {number} wanted */
  const nearest = (wanted) => {
    const all = places();
    return all.length ? all.reduce((a, b) => (Math.abs(b - wanted) < Math.abs(a - wanted) ? b : a)) : null;
  };
  area.addEventListener("pointermove", (event) => {
    const left = Number(area.dataset.left);
    const width = Number(area.dataset.width);
    if (width) point(nearest(((event.clientX - area.getBoundingClientRect().left - left) / width) * end));
  });
  area.addEventListener("pointerleave", () => point(null));
  area.addEventListener("blur", () => point(null));
  area.addEventListener("keydown", (event) => {
    const all = places();
    if (!all.length) return;
    const now = cross === null ? all.length - 1 : all.findIndex((x) => x >= /** @type {number} */ (cross));
    const far = Math.max(1, Math.round(all.length / 10));
    const near = Math.max(1, Math.round(all.length / 100));
    const to = { ArrowLeft: now - near, ArrowRight: now + near, ArrowDown: now - near, ArrowUp: now + near, PageUp: now + far, PageDown: now - far, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) {
      if (event.key === "Escape") point(null);
      return;
    }
    event.preventDefault();
    point(all[Math.min(all.length - 1, Math.max(0, to))]);
  });
  toggle.addEventListener("click", () => {
    toggle.setAttribute("aria-pressed", String(toggle.getAttribute("aria-pressed") !== "true"));
    draw();
  });

  const sizes = new ResizeObserver(draw);
  sizes.observe(area);
  const sight = new IntersectionObserver(([{ isIntersecting }]) => {
    seen = isIntersecting;
    draw();
  });
  sight.observe(area);

  return {
    element,
    draw,
    /**
     * @param {Curve[]} newest
     * @param {ArrayLike<number>} marks
     * @param {number} step where the run is
     * @param {number} [highest] what of the curves need not be within the axis
     */
    show(newest, marks, step, highest = Infinity) {
      ceiling = highest;
      curves = newest.filter(({ faint }) => !faint);
      faint = newest.filter(({ faint }) => faint);
      changes = marks;
      end = Math.max(reach(curves), step);
      draw();
    },
    close() {
      sizes.disconnect();
      sight.disconnect();
      draw.cancel();
    },
  };
}

/** @param {CanvasRenderingContext2D} context @param {number} at @param {Box} box */
function vertical(context, at, { top, height }) {
  const x = Math.round(at) + 0.5;
  context.beginPath();
  context.moveTo(x, top);
  context.lineTo(x, top + height);
  context.stroke();
}

/** @param {CanvasRenderingContext2D} context @param {string} text @param {number} x @param {number} y @param {number} width @param {number} high from one line to the next */
function paragraph(context, text, x, y, width, high) {
  /** @type {string[]} */
  const lines = [""];
  // Chinese has no spaces: there, every letter may begin a line.
  for (const part of text.match(/[\u3000-\u9fff\uff00-\uffef]|[^\s\u3000-\u9fff\uff00-\uffef]+\s*/g) ?? []) {
    if (context.measureText(lines[lines.length - 1] + part).width > width) lines.push("");
    lines[lines.length - 1] += part;
  }
  lines.forEach((line, i) => context.fillText(line, x, y + high * (i - (lines.length - 1) / 2)));
}

/**
 * How a curve looks, for a legend.
 * @param {Style|"changes"} style
 * @param {string} variable
 */
export function swatch(style, variable) {
  const icon = svg("svg", { class: "swatch", viewBox: "0 0 26 10", width: 26, height: 10, "aria-hidden": "true" });
  const breaks = style === "changes" ? [2, 2] : BREAKS[style];
  const line = svg("path", {
    d: style === "changes" ? "M13 0V10" : "M1 5H25",
    fill: "none",
    stroke: "currentColor",
    "stroke-width": style === "line" ? 1.5 : style === "changes" ? 1.25 : 2,
    "stroke-dasharray": breaks.length ? breaks.join(" ") : null,
  });
  icon.append(line);
  const shapes = {
    marks: svg("circle", { cx: 13, cy: 5, r: 3.2, fill: "currentColor" }),
    dashes: svg("rect", { x: 10.2, y: 2.2, width: 5.6, height: 5.6, fill: "currentColor" }),
    dots: svg("path", { d: "M13 1 17 8.2H9Z", fill: "currentColor" }),
    mixed: svg("path", { d: "M13 .6 17.4 5 13 9.4 8.6 5Z", fill: "currentColor" }),
  };
  if (style in shapes) icon.append(shapes[/** @type {keyof typeof shapes} */ (style)]);
  icon.style.color = `var(${variable})`;
  return icon;
}
