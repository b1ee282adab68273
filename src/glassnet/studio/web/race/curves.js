// How the lanes of a race are told apart, and their curves.

/** @typedef {import("../learning/charts.js").Curve} Curve */
/** @typedef {import("../learning/charts.js").Style} Style */

/** Each lane has a color and a kind of line of its own. @type {readonly {color: string, style: Style}[]} */
export const LOOKS = [
  { color: "--accent", style: "marks" },
  { color: "--yellow", style: "dashes" },
  { color: "--green", style: "dots" },
  { color: "--negative", style: "mixed" },
];

/** Neighbors on either side that a minibatch's cost is averaged with. */
const NEAR = 6;

/** So many times the lowest first cost is out of the picture. */
const BEYOND = 3;

/**
 * The mean of each number and its neighbors; at the ends there are fewer.
 * @param {ArrayLike<number>} ys
 */
export function smooth(ys) {
  const found = new Float64Array(ys.length);
  for (let i = 0; i < ys.length; i++) {
    const [from, to] = [Math.max(0, i - NEAR), Math.min(ys.length - 1, i + NEAR)];
    let sum = 0;
    for (let j = from; j <= to; j++) sum += ys[j];
    found[i] = sum / (to - from + 1);
  }
  return found;
}

/**
 * @param {import("../core/types.js").Race} race
 * @returns {Curve[]}
 */
export function costs({ lanes, arrays }) {
  return lanes.flatMap(({ name }, k) => {
    const [xs, ys] = [values(arrays, `${k}_cost_steps`), values(arrays, `${k}_cost`)];
    return [
      { ...LOOKS[k], name, xs, ys, faint: true },
      { ...LOOKS[k], name, xs, ys: smooth(ys) },
    ];
  });
}

/**
 * What cost need not be seen: a lane that begins wild, or runs away, leaves the picture. The others' scale is not for it to set.
 * @param {import("../core/types.js").Race} race
 */
export function highest({ lanes, arrays }) {
  const firsts = lanes.map((_, k) => values(arrays, `${k}_cost`)[0]).filter((cost) => cost > 0);
  return firsts.length ? BEYOND * Math.min(...firsts) : Infinity;
}

/**
 * @param {import("../core/types.js").Race} race
 * @returns {Curve[]}
 */
export const accuracies = ({ lanes, arrays }) =>
  lanes.map(({ name }, k) => ({ ...LOOKS[k], name, xs: values(arrays, `${k}_judged_steps`), ys: values(arrays, `${k}_validation_accuracy`) }));

/** @param {import("../core/types.js").Arrays} arrays @param {string} name @returns {ArrayLike<number>} */
export const values = (arrays, name) => arrays[name]?.values ?? [];
