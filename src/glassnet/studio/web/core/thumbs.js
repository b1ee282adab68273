// Small images as buttons, many of them: one stop of the Tab key, arrows move among them. They are kept and drawn anew in
// place, so that one does not lose its place while the network learns.

import { gray, h, write } from "./dom.js";

/** @typedef {import("./looks.js").Item} Item */

/**
 * @param {object} options
 * @param {string} options.label what they are, for those who do not see them
 * @param {(item: Item) => void} options.pick
 * @param {(item: Item) => string} options.name what one is called
 * @param {(item: Item) => string} options.number what is shown of it where it is no image
 * @param {((item: Item, place: HTMLElement) => void)} [options.caption] writes what stands below it
 */
export function thumbs({ label, pick, name, number, caption }) {
  /** @type {{button: HTMLButtonElement, canvas: HTMLCanvasElement, text: HTMLElement, below: HTMLElement, item: Item}[]} */
  const places = [];
  const element = h("div", { class: "thumbs", role: "group", "aria-label": label, onkeydown: move });

  function place() {
    const canvas = h("canvas", { class: "pixels", "aria-hidden": "true" });
    const text = h("span", { class: "number" });
    const below = h("span", { class: "below" });
    const button = h("button", { class: "thumb", tabindex: "-1", onclick: () => pick(made.item) }, canvas, text, caption && below);
    button.addEventListener("focus", () => rove(places.indexOf(made)));
    const made = { button, canvas, text, below, item: /** @type {Item} */ (/** @type {unknown} */ (null)) };
    return made;
  }

  /** @param {number} index the one that the Tab key stops at */
  function rove(index) {
    places.forEach(({ button }, i) => (button.tabIndex = i === index ? 0 : -1));
  }

  /** @param {KeyboardEvent} event */
  function move(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = places.findIndex(({ button }) => button === document.activeElement);
    if (at < 0) return;
    const tops = places.map(({ button }) => button.offsetTop);
    const columns = tops.filter((top) => top === tops[0]).length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -at, End: places.length - 1 - at };
    const step = steps[/** @type {keyof typeof steps} */ (event.key)];
    if (step === undefined) return;
    event.preventDefault();
    places[at + step]?.button.focus();
  }

  /**
   * @param {Item[]} items
   * @param {number|null} side
   */
  function show(items, side) {
    while (places.length > items.length) places.pop()?.button.remove();
    while (places.length < items.length) {
      const made = place();
      places.push(made);
      element.append(made.button);
    }
    items.forEach((item, i) => {
      const { button, canvas, text, below } = places[i];
      places[i].item = item;
      canvas.hidden = side === null;
      text.hidden = side !== null;
      if (side !== null) gray(canvas, item.input, side, 255);
      else write(text, number(item));
      Object.assign(button.dataset, { source: item.source, row: item.row, label: item.label ?? "", answer: item.answer ?? "" });
      button.classList.toggle("plain", side === null);
      button.classList.toggle("wrong", item.answer !== null && item.label !== null && item.answer !== item.label);
      const called = name(item);
      if (button.title !== called) {
        button.title = called;
        button.setAttribute("aria-label", called);
      }
      caption?.(item, below);
    });
    if (!places.some(({ button }) => button.tabIndex === 0)) rove(0);
  }

  /**
   * Marks the one that is looked at.
   * @param {string|null} source
   * @param {number|null} row
   */
  function mark(source, row) {
    for (const { button, item } of places) {
      if (item.source === source && item.row === row) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
    }
  }

  /** Whether someone is about to choose: then nothing may move. */
  const busy = () => element.matches(":hover, :focus-within");

  return { element, show, mark, busy };
}
