// The input as an image: every pixel is a neuron, and can be pointed at, by hand or by the arrow keys.

import { gray, h, write } from "../core/dom.js";
import { plain } from "../core/format.js";
import { className } from "../core/names.js";
import { t } from "../core/words.js";

/** @typedef {import("../core/model.js").Model} Model */

/**
 * @param {Model} model
 * @param {() => void} beyond called when someone goes to the right of the last column
 */
export function inputPicture(model, beyond) {
  const canvas = h("canvas", { class: "pixels", role: "img" });
  const mark = h("div", { class: "mark", hidden: true });
  const said = h("span", { class: "aside", role: "status" });
  const el = h("div", { class: "picture", role: "application", tabindex: "0" }, canvas, mark, said);
  const caption = h("p", { class: "caption figures" });
  let side = 0;
  let size = 0;
  let at = -1;

  const input = () => model.get("forward")?.input ?? null;

  /** @param {PointerEvent} event */
  const under = (event) => {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * side);
    const row = Math.floor(((event.clientY - box.top) / box.height) * side);
    return row >= 0 && column >= 0 && row < side && column < side ? row * side + column : -1;
  };

  /** @param {number} pixel @param {boolean} [aloud] */
  function point(pixel, aloud = false) {
    if (pixel !== at) {
      at = pixel;
      model.set("hovered", pixel < 0 ? null : { layer: 0, neuron: pixel });
    }
    if (aloud && pixel >= 0) write(said, words(pixel));
  }

  /** @param {number} pixel */
  const words = (pixel) =>
    t("network.pixel", { row: Math.floor(pixel / side), column: pixel % side, value: plain(input()?.[pixel] ?? 0) });

  el.addEventListener("pointermove", (event) => point(under(event)));
  el.addEventListener("pointerleave", () => point(document.activeElement === el && el.matches(":focus-visible") ? at : -1));
  el.addEventListener("focus", () => el.matches(":focus-visible") && point(at < 0 ? Math.floor((side * side + side) / 2) : at, true));
  el.addEventListener("blur", () => point(-1));
  el.addEventListener("click", (event) => {
    const pixel = under(/** @type {PointerEvent} */ (event));
    if (pixel >= 0) choose(pixel);
  });
  el.addEventListener("keydown", (event) => {
    const [row, column] = [Math.floor(at / side), at % side];
    let to = at;
    if (event.key === "ArrowLeft") to = column > 0 ? at - 1 : at;
    else if (event.key === "ArrowRight" && column === side - 1) {
      event.preventDefault();
      beyond();
      return;
    } else if (event.key === "ArrowRight") to = at + 1;
    else if (event.key === "ArrowUp") to = row > 0 ? at - side : at;
    else if (event.key === "ArrowDown") to = row < side - 1 ? at + side : at;
    else if ((event.key === "Enter" || event.key === " ") && at >= 0) choose(at);
    else return;
    event.preventDefault();
    point(to, true);
  });

  /** @param {number} pixel */
  function choose(pixel) {
    const picked = model.get("picked");
    model.set("picked", picked && picked.layer === 0 && picked.neuron === pixel ? null : { layer: 0, neuron: pixel });
  }

  return {
    el,
    caption,
    /** @param {import("./layout.js").Picture} place */
    place(place) {
      ({ side, size } = place);
      Object.assign(el.style, { left: `${place.x}px`, top: `${place.y}px`, width: `${size}px`, height: `${size}px` });
      el.style.setProperty("--cell", `${size / side}px`);
      el.classList.toggle("fine", size / side < 4);
      Object.assign(caption.style, { left: `${place.x}px`, top: `${place.y + size}px`, width: `${size}px` });
    },
    update() {
      const values = input();
      if (values && side) gray(canvas, values, side);
    },
    /** Shows which pixel is pointed at, here or elsewhere. */
    show() {
      const place = model.get("hovered") ?? model.get("picked");
      const pixel = place && place.layer === 0 ? place.neuron : -1;
      mark.hidden = pixel < 0;
      if (pixel >= 0) {
        const cell = size / side;
        Object.assign(mark.style, { left: `${(pixel % side) * cell}px`, top: `${Math.floor(pixel / side) * cell}px` });
      }
      write(caption, pixel >= 0 ? words(pixel) : t("network.pixels", { count: side * side }));
    },
    label() {
      const label = model.get("look")?.label;
      const name = label === null || label === undefined ? null : className(/** @type {import("../core/types.js").Run} */ (model.get("run")), label);
      canvas.setAttribute("aria-label", name === null ? t("network.picture", { side }) : t("network.picture.labeled", { side, name }));
      el.setAttribute("aria-label", t("network.picture.keys"));
    },
  };
}
