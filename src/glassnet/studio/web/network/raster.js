// Draws very many straight lines into typed arrays. A canvas would need a third of a second for what this does in a few hundredths, and
// there the line drawn last would hide those before it. Here every line adds its opacity to two sums in each pixel it crosses, one for
// positive and one for negative; the order does not matter, nothing hides anything, and one last pass turns sums into colors.

/** Steps of the table that turns a sum of opacities into an opacity. */
const STEPS = 1024;
/** The sum at which the table ends: 1 − exp(−6) is as good as opaque. */
const MOST = 6;
/** Steps from all negative to all positive. */
const SHARES = 64;

/** @typedef {import("../core/colors.js").Color} Color */

export class Raster {
  /** @param {number} width @param {number} height in pixels */
  constructor(width, height) {
    this.width = width;
    this.height = height;
    /** Opacity added up in each pixel: its positive part, then its negative part, side by side so that both are near. */
    this.sums = new Float32Array(2 * width * height);
  }

  /**
   * Adds a smooth line one pixel wide. Along its longer axis it takes one step a pixel, and at each step shares its opacity between the
   * two pixels that it passes between, by how near it is to each.
   * @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 in pixels; the middle of the first pixel is at 0.5
   * @param {number} opacity
   * @param {0|1} sign 0 positive, 1 negative
   */
  line(x0, y0, x1, y1, opacity, sign) {
    const { width, height, sums } = this;
    const dx = x1 - x0;
    const dy = y1 - y0;
    const flat = Math.abs(dx) >= Math.abs(dy);
    // "Along" is the longer axis, "across" the other.
    let along = flat ? x0 : y0;
    let end = flat ? x1 : y1;
    let across = flat ? y0 : x0;
    const slope = flat ? dy / dx : dx / dy;
    if (end < along) {
      across = flat ? y1 : x1;
      [along, end] = [end, along];
    }
    if (!(end > along)) return;
    const strideAlong = 2 * (flat ? 1 : width);
    const strideAcross = 2 * (flat ? width : 1);
    const most = (flat ? height : width) - 1;
    let first = Math.max(0, Math.round(along));
    let last = Math.min((flat ? width : height) - 1, Math.round(end) - 1);
    let at = across + (first + 0.5 - along) * slope - 0.5;
    // What lies outside is left out here, so that the loop below needs to ask nothing.
    while (first <= last && !(at >= 0 && at < most)) {
      first++;
      at += slope;
    }
    while (first <= last && !(at + (last - first) * slope >= 0 && at + (last - first) * slope < most)) last--;
    let base = first * strideAlong + sign;
    for (let i = first; i <= last; i++) {
      const cell = at | 0;
      const part = (at - cell) * opacity;
      const place = base + cell * strideAcross;
      sums[place] += opacity - part;
      sums[place + strideAcross] += part;
      at += slope;
      base += strideAlong;
    }
  }

  /**
   * Turns the sums into colors, and forgets them.
   * @param {Uint8ClampedArray} out red, green, blue and opacity of each pixel
   * @param {Palette} palette
   * @param {number} [keep] the share of the sums that stays for the next picture: an afterglow
   */
  develop(out, palette, keep = 0) {
    const { sums } = this;
    const pixels = new Uint32Array(out.buffer, out.byteOffset, out.length / 4);
    const { colors, opacities } = palette;
    for (let i = 0, p = 0; p < pixels.length; i += 2, p++) {
      const sum = sums[i] + sums[i + 1];
      if (sum < 0.002) {
        pixels[p] = 0;
        continue;
      }
      const share = (sums[i] / sum) * SHARES;
      const step = sum >= MOST ? STEPS : (sum / MOST) * STEPS;
      pixels[p] = colors[(share + 0.5) | 0] | opacities[(step + 0.5) | 0];
    }
    if (keep) for (let i = 0; i < sums.length; i++) sums[i] *= keep;
    else sums.fill(0);
  }
}

/** The colors for each share of positive, and the opacities for each sum, ready to be put together. */
export class Palette {
  /**
   * @param {Color} positive
   * @param {Color} negative
   * @param {number} [contrast] how much the stronger sign takes over where both meet: 1 mixes as paint does, which makes mud
   */
  constructor(positive, negative, contrast = 1) {
    this.colors = new Uint32Array(SHARES + 1);
    this.opacities = new Uint32Array(STEPS + 1);
    const bytes = new Uint8ClampedArray(4);
    const word = new Uint32Array(bytes.buffer);
    for (let s = 0; s <= SHARES; s++) {
      const [p, n] = [(s / SHARES) ** contrast, (1 - s / SHARES) ** contrast];
      for (let c = 0; c < 3; c++) bytes[c] = (p * positive[c] + n * negative[c]) / (p + n);
      bytes[3] = 0;
      this.colors[s] = word[0];
    }
    bytes.fill(0);
    for (let s = 0; s <= STEPS; s++) {
      bytes[3] = 255 * (1 - Math.exp((-MOST * s) / STEPS));
      this.opacities[s] = word[0];
    }
  }
}
