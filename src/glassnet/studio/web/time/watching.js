// What a tab wants the server to send beside the network itself: as long as something on the page shows it.

/** @type {Map<string, number>} how many parts of the page want each */
const wanted = new Map();

/**
 * Asks the server for something until what is returned is called.
 * @param {import("../core/model.js").Model} model
 * @param {string} what
 * @returns {() => void}
 */
export function watching(model, what) {
  wanted.set(what, (wanted.get(what) ?? 0) + 1);
  if (!model.get("watch").includes(what)) model.set("watch", [...model.get("watch"), what]);
  let over = false;
  return () => {
    if (over) return;
    over = true;
    const left = (wanted.get(what) ?? 1) - 1;
    wanted.set(what, left);
    if (!left) model.set("watch", model.get("watch").filter((each) => each !== what));
  };
}
