// Drawings in a link: their pixels, packed. The same bytes, so that the other network sees the very same numbers.

/** @typedef {{shape: number[], values: Uint8Array}} Pixels */

/** Letters that a link may spend on a drawing: messengers and mail programs cut longer ones. */
const MOST = 4000;

/** @param {Uint8Array} bytes */
function toText(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

/** @param {string} text */
const toBytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));

/**
 * @param {Uint8Array} bytes
 * @param {GenericTransformStream} stream
 */
async function through(bytes, stream) {
  const body = new Response(/** @type {any} */ (bytes)).body;
  if (!body) return bytes;
  return new Uint8Array(await new Response(body.pipeThrough(stream)).arrayBuffer());
}

/**
 * A drawing as a link has it, or null if it is too long.
 * @param {Pixels} pixels
 * @param {boolean} center whether it is cut out and centered before it is looked at
 * @returns {Promise<string|null>}
 */
export async function drawn({ shape: [height, width], values }, center) {
  const packed = await through(values, new CompressionStream("deflate-raw"));
  const pays = packed.length < values.length;
  const text = `drawing:${width}x${height}${center ? "c" : "w"}${pays ? "z" : "r"}:${toText(pays ? packed : values)}`;
  return text.length <= MOST ? text : null;
}

/**
 * A drawing of a link; null if it is none.
 * @param {string} text
 * @returns {Promise<{pixels: Pixels, center: boolean}|null>}
 */
export async function unpacked(text) {
  const found = /^drawing:(\d{1,4})x(\d{1,4})([cw])([rz]):([\w-]+)$/.exec(text);
  if (!found || text.length > MOST) return null;
  const [width, height] = [Number(found[1]), Number(found[2])];
  try {
    const bytes = toBytes(found[5]);
    const values = found[4] === "z" ? await through(bytes, new DecompressionStream("deflate-raw")) : bytes;
    if (!width || !height || values.length !== width * height || Math.max(width, height) > 1024) return null;
    return { pixels: { shape: [height, width], values }, center: found[3] === "c" };
  } catch {
    return null; // it was cut, or somebody wrote there
  }
}

/**
 * What the network sees, as a drawing of its own size: for pictures, and for drawings that are too long as they are.
 * @param {ArrayLike<number>} input
 * @param {number} side
 */
export const seen = (input, side) => drawn({ shape: [side, side], values: Uint8Array.from(input, (value) => Math.round(255 * value)) }, false);
