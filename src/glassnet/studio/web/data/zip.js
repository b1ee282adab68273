// Many files as one: a zip in which each lies as it is, made of pieces that point at the files, so that nothing is copied.

/** @typedef {{path: string, file: File}} Item A file, and where it lies in what was dropped: "animals/cat/1.png". */

const TABLE = Int32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  return value;
});
/** Larger files are read piece by piece. */
const WHOLE = 4 * 2 ** 20;
/** Files in a zip without the larger fields of "zip64". */
const PLAIN = 0xffff;

/** @param {Uint8Array} bytes @param {number} [crc] that of what came before */
export function crc32(bytes, crc = 0) {
  let value = ~crc;
  for (let i = 0; i < bytes.length; i++) value = TABLE[(value ^ bytes[i]) & 255] ^ (value >>> 8);
  return ~value >>> 0;
}

/** @param {File} file */
async function sum(file) {
  if (file.size <= WHOLE) return crc32(new Uint8Array(await file.arrayBuffer()));
  const reader = file.stream().getReader();
  let crc = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return crc;
    crc = crc32(value, crc);
  }
}

/**
 * Bytes of numbers, each with its width.
 * @param {...[number, 2|4|8]} fields
 */
function fields(...fields) {
  const view = new DataView(new ArrayBuffer(fields.reduce((all, [, width]) => all + width, 0)));
  let at = 0;
  for (const [value, width] of fields) {
    if (width === 2) view.setUint16(at, value, true);
    else if (width === 4) view.setUint32(at, value, true);
    else view.setBigUint64(at, BigInt(value), true);
    at += width;
  }
  return new Uint8Array(view.buffer);
}

/** January 1, 1980: when a file was last changed is nobody's business. */
const DAY = 33;
/** Names are in UTF-8. */
const UTF8 = 0x800;

/**
 * @param {Item[]} items
 * @param {(done: number) => void} step called before each file
 * @param {AbortSignal} signal
 * @returns {Promise<Blob>}
 */
export async function zip(items, step, signal) {
  /** @type {BlobPart[]} */
  const parts = [];
  /** @type {BlobPart[]} */
  const directory = [];
  let at = 0;
  let length = 0;
  for (const [number, { path, file }] of items.entries()) {
    signal.throwIfAborted();
    step(number);
    const name = new TextEncoder().encode(path);
    const crc = await sum(file);
    /** @type {[number, 2|4|8][]} */
    const same = [[20, 2], [UTF8, 2], [0, 2], [0, 2], [DAY, 2], [crc, 4], [file.size, 4], [file.size, 4], [name.length, 2], [0, 2]];
    parts.push(fields([0x04034b50, 4], ...same), name, file);
    directory.push(fields([0x02014b50, 4], [20, 2], ...same, [0, 2], [0, 2], [0, 2], [0, 4], [at, 4]), name);
    at += 30 + name.length + file.size;
    length += 46 + name.length;
  }
  const count = items.length;
  /** @type {BlobPart[]} */
  const end = [];
  if (count > PLAIN) {
    end.push(fields([0x06064b50, 4], [44, 8], [45, 2], [45, 2], [0, 4], [0, 4], [count, 8], [count, 8], [length, 8], [at, 8]));
    end.push(fields([0x07064b50, 4], [0, 4], [at + length, 8], [1, 4]));
  }
  const short = Math.min(count, PLAIN);
  end.push(fields([0x06054b50, 4], [0, 2], [0, 2], [short, 2], [short, 2], [length, 4], [at, 4], [0, 2]));
  return new Blob([...parts, ...directory, ...end], { type: "application/zip" });
}
