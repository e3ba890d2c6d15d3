// Elements without a framework: make one, fill one, keep a list in step with its data, show one large.

import { t } from "./text.js";

/** `h("p", { class: "note", onclick }, "text", child)`; attributes that are null or false are left out. */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

/** The same for SVG. */
export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Sets the text only where it differs, so that a screen reader does not speak for nothing. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Keeps the children of `parent` in step with `items`: what stays is updated in place and keeps focus and scroll. */
export function keep(parent, items, key, make) {
  const present = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, index) => {
    let child = present.get(key(item));
    if (child) {
      present.delete(key(item));
    } else {
      child = make(item);
      child.dataset.key = key(item);
    }
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
    child.update?.(item);
  });
  for (const gone of present.values()) gone.remove();
}

/** Shows something large, with a button that closes it; `onClose` is called then. */
export function dialog(label, content, onClose = () => {}) {
  const whole = h("dialog", { "aria-label": label }, content, h("p", {}, label), h("button", { type: "button", onclick: () => whole.close() }, t("close")));
  whole.addEventListener("close", () => {
    onClose();
    whole.remove();
  });
  document.body.append(whole);
  whole.showModal();
}

/** Calls `work` now and again every `ms` while the page is seen, until the returned function is called. */
export function every(ms, work) {
  let timer = null;
  let over = false;
  const turn = async () => {
    if (!document.hidden) await work();
    if (!over) timer = setTimeout(turn, ms);
  };
  turn();
  return () => {
    over = true;
    clearTimeout(timer);
  };
}
