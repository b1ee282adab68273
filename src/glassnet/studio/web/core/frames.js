// Binary messages: the length of a JSON header, the header, then arrays, each at a multiple of 8 bytes (studio/frames.py).

/** @typedef {import("./types.js").Arrays} Arrays */
/** @typedef {import("./types.js").Numbers} Numbers */

/** @type {Record<string, {make: new (buffer: ArrayBuffer, offset: number, length: number) => Numbers, bytes: number}>} */
const KINDS = {
  f4: { make: Float32Array, bytes: 4 },
  f8: { make: Float64Array, bytes: 8 },
  i4: { make: Int32Array, bytes: 4 },
  u1: { make: Uint8Array, bytes: 1 },
};

/**
 * The header and the arrays of a message; the arrays are views into it, so nothing is copied.
 * @param {ArrayBuffer} data
 * @returns {{header: any, arrays: Arrays}}
 */
export function unpack(data) {
  const length = new DataView(data).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  /** @type {Arrays} */
  const arrays = {};
  for (const { name, dtype, shape, offset } of header.arrays) {
    const count = shape.reduce((/** @type {number} */ all, /** @type {number} */ each) => all * each, 1);
    arrays[name] = { shape, values: new KINDS[dtype].make(data, 4 + length + offset, count) };
  }
  return { header, arrays };
}

/**
 * A message of a header and arrays: pixels are bytes, weights are float32.
 * @param {Record<string, any>} header
 * @param {Record<string, {shape: number[], values: Uint8Array|Float32Array}>} arrays
 * @returns {ArrayBuffer}
 */
export function pack(header, arrays) {
  let end = 0;
  const described = Object.entries(arrays).map(([name, { shape, values }]) => {
    const offset = end;
    end += Math.ceil(values.byteLength / 8) * 8;
    return { name, dtype: values instanceof Float32Array ? "f4" : "u1", shape, offset };
  });
  const text = new TextEncoder().encode(JSON.stringify({ ...header, arrays: described }));
  const length = Math.ceil((4 + text.length) / 8) * 8 - 4;
  const bytes = new Uint8Array(4 + length + end).fill(32, 4, 4 + length);
  new DataView(bytes.buffer).setUint32(0, length, true);
  bytes.set(text, 4);
  Object.values(arrays).forEach(({ values: { buffer, byteOffset, byteLength } }, i) =>
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), 4 + length + described[i].offset),
  );
  return bytes.buffer;
}
