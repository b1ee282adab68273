// A small menu that opens at a button: one at a time, closed by Escape or a press elsewhere, walked through by arrows.

import { h } from "../core/dom.js";

/**
 * @typedef {{text: string, run?: () => void, href?: string, name: string, danger?: boolean}|{heading: string}} Item
 */

/**
 * A button with a menu.
 * @param {string} label for those who do not see the dots
 * @param {() => Item[]} items asked for when it is opened
 */
export function menuButton(label, items) {
  const list = h("div", { class: "menu", role: "menu", popover: "auto", "aria-label": label });
  const button = h("button", { class: "quiet symbol dots", type: "button", "aria-haspopup": "menu", "aria-expanded": "false", "aria-label": label, title: label }, "⋯");

  const links = () => /** @type {HTMLElement[]} */ ([...list.querySelectorAll("[role=menuitem]")]);
  const close = () => list.isConnected && list.matches(":popover-open") && list.hidePopover();

  function fill() {
    list.replaceChildren(
      ...items().map((item) => {
        if ("heading" in item) return h("p", { class: "small muted", role: "presentation" }, item.heading);
        const common = { role: "menuitem", tabindex: "-1", "data-item": item.name, class: item.danger ? "danger" : null };
        const pressed = () => {
          close();
          item.run?.();
        };
        return item.href
          ? h("a", { ...common, href: item.href, download: "", onclick: pressed }, item.text)
          : h("button", { ...common, type: "button", onclick: pressed }, item.text);
      }),
    );
  }

  /** Beside its button, and inside the window. */
  function place() {
    const at = button.getBoundingClientRect();
    const { width, height } = list.getBoundingClientRect();
    list.style.left = `${Math.max(8, Math.min(at.right - width, innerWidth - width - 8))}px`;
    list.style.top = `${at.bottom + 4 + height > innerHeight - 8 ? Math.max(8, at.top - height - 4) : at.bottom + 4}px`;
  }

  button.popoverTargetElement = list;
  list.addEventListener("beforetoggle", (event) => {
    const opens = /** @type {ToggleEvent} */ (event).newState === "open";
    // Said at once: the focus is back on the button before "toggle" comes.
    button.setAttribute("aria-expanded", String(opens));
    if (opens) fill();
  });
  list.addEventListener("toggle", (event) => {
    const open = /** @type {ToggleEvent} */ (event).newState === "open";
    if (open) {
      place();
      links()[0]?.focus({ preventScroll: true });
      addEventListener("scroll", close, { capture: true, once: true });
      addEventListener("resize", close, { once: true });
    } else if (!document.activeElement || document.activeElement === document.body || list.contains(document.activeElement)) button.focus();
  });
  list.addEventListener("keydown", (event) => {
    const all = links();
    const now = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Tab") close();
    if (event.key === "Escape") {
      event.stopPropagation(); // which lets go of what is picked elsewhere, and would keep the menu open
      close();
    }
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    all[(to + all.length) % all.length].focus();
  });
  return { element: h("span", { class: "menu-place" }, button, list), button, close };
}
