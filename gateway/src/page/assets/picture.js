// A camera's picture with what is drawn on it.

import * as api from "./api.js";
import { h, say, svg } from "./dom.js";
import { t } from "./text.js";

const SIZE = 1000;

/** A still with a layer for shapes: { element, layer, load(wake), draw(shapes), onRatio }. */
export function picture(camera) {
  const image = h("img", { alt: "", hidden: true });
  const layer = svg("svg", { viewBox: `0 0 ${SIZE} ${SIZE}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const nothing = h("span", { class: "nothing" }, t("noPicture"));
  const names = h("div", { class: "names", "aria-hidden": "true" });
  const element = h("div", { class: "picture" }, image, layer, names, nothing);
  const load = async (wake) => {
    try {
      const { url, taken } = await api.still(camera, wake);
      await new Promise((resolve, reject) => {
        image.onload = resolve;
        image.onerror = reject;
        image.src = url;
      });
      URL.revokeObjectURL(url);
      image.hidden = false;
      nothing.hidden = true;
      element.style.aspectRatio = `${image.naturalWidth} / ${image.naturalHeight}`;
      return taken;
    } catch (error) {
      if (image.hidden) say(nothing, error.message);
      return null;
    }
  };
  const draw = (shapes) => {
    layer.replaceChildren(...shapes.map(shape));
    names.replaceChildren(...shapes.filter((one) => one.name).map(nameTag));
  };
  return { element, layer, load, draw };
}

/** `{ kind, points, name, isOpen, isSelected }` as SVG. */
function shape({ kind, points, isOpen, isSelected }) {
  const text = points.map(([x, y]) => `${x * SIZE},${y * SIZE}`).join(" ");
  const isLine = kind === "line" || isOpen;
  return svg(isLine ? "polyline" : "polygon", { points: text, class: `shape ${kind}${isSelected ? " selected" : ""}` });
}

/** The name at the shape's highest corner. */
function nameTag({ kind, name, points }) {
  const [x, y] = points.reduce((highest, point) => (point[1] < highest[1] ? point : highest));
  const tag = h("span", { class: kind }, name);
  tag.style.left = `${x * 100}%`;
  tag.style.top = `${y * 100}%`;
  return tag;
}

/** Shapes of what the configuration file says. */
export function shapesOf(areas) {
  const named = (kind, of) => Object.entries(of).map(([name, points]) => ({ kind, name, points }));
  return [
    ...areas.masks.map((points) => ({ kind: "mask", name: null, points })),
    ...named("zone", areas.zones),
    ...named("line", areas.lines),
  ];
}
