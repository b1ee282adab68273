// What was dropped or chosen, as a list of files: folders are walked through.

/** @typedef {import("./zip.js").Item} Item */

/** More files than the server takes are not even listed. */
export const MOST_FILES = 200_000;

/** What systems leave in folders. @param {string} path */
const junk = (path) => path.split("/").some((part) => part.startsWith(".") || /^(__macosx|thumbs\.db|desktop\.ini)$/i.test(part));

/**
 * The files of an `<input type="file">`.
 * @param {FileList|File[]|null} list
 * @returns {Item[]}
 */
export const chosen = (list) =>
  [...(list ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file })).filter(({ path }) => !junk(path));

/**
 * The files of a drop, those in folders too. What was dropped is gone when the event is over, so it is taken note of at once.
 * @param {DataTransfer|null} data
 * @returns {Promise<Item[]>}
 */
export function dropped(data) {
  const entries = [...(data?.items ?? [])].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.every((entry) => entry === null)) return Promise.resolve(chosen(data?.files ?? null));
  return walk(entries.filter((entry) => entry !== null));
}

/** @param {FileSystemEntry[]} entries */
async function walk(entries) {
  /** @type {Item[]} */
  const found = [];
  const waiting = [...entries];
  for (let entry = waiting.shift(); entry && found.length <= MOST_FILES; entry = waiting.shift()) {
    const path = entry.fullPath.replace(/^\/+/, "") || entry.name;
    if (junk(path)) continue;
    if (entry.isFile) {
      const file = /** @type {FileSystemFileEntry} */ (entry);
      found.push({ path, file: await new Promise((resolve, reject) => file.file(resolve, reject)) });
    } else {
      const reader = /** @type {FileSystemDirectoryEntry} */ (entry).createReader();
      for (;;) {
        // A folder is listed in portions; an empty one is the last.
        const some = /** @type {FileSystemEntry[]} */ (await new Promise((resolve, reject) => reader.readEntries(resolve, reject)));
        if (!some.length) break;
        waiting.push(...some);
      }
    }
  }
  return found;
}

/**
 * What a person would call them: the folder they lie in, or the file.
 * @param {Item[]} items
 */
export function nameOf(items) {
  if (items.length === 1) return items[0].file.name;
  const tops = new Set(items.map(({ path }) => (path.includes("/") ? path.split("/")[0] : "")));
  const [top] = tops;
  return tops.size === 1 && top ? top : items[0].path.includes("/") ? "" : items[0].file.name;
}
