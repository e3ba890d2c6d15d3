// The editor of zones, lines and masks: drawn on the camera's picture with a finger, a mouse or the arrow keys.
//
// A drag on the picture makes a rectangle (or a line), taps set corner after corner. The corners of the selected shape are
// buttons: dragged, or moved with the arrow keys.

import * as api from "./api.js";
import { h, keep, say } from "./dom.js";
import { lasting, t } from "./text.js";
import { picture, shapesOf } from "./picture.js";

/** A pointer that moves less than this, in pixels, has tapped. */
const TAP_PX = 8;
/** Arrow keys move a corner by this share of the picture. */
const STEP = 0.005;
const KINDS = ["zone", "line", "mask"];

export function editor(main, id) {
  const drawing = { shapes: [], version: null, kind: "zone", selected: null, begun: null, isDirty: false };
  const view = picture(id);
  view.element.classList.add("editing");
  const handles = h("div", { class: "handles" });
  view.element.append(handles);
  const hint = h("p", { class: "hint", role: "status" });
  const kinds = h("div", { class: "segments", role: "group" });
  const shaping = h("div", { class: "buttons" });
  const list = h("ul", { class: "shapes" });
  const save = h("button", { type: "button", class: "primary" }, t("save"));
  const result = h("p", { class: "result", role: "status" });

  const refresh = () => {
    const { shapes, selected, begun, kind } = drawing;
    view.draw([...shapes.map((one) => ({ ...one, isSelected: one === selected })), ...(begun ? [{ kind, points: begun, isOpen: true, isSelected: true }] : [])]);
    showHandles(handles, view, drawing, touch);
    for (const button of kinds.children) button.setAttribute("aria-pressed", String(button.dataset.kind === kind));
    say(hint, begun ? t("pointsHint") : kind === "line" ? t("lineHint") : t("editHint"));
    shaping.hidden = !begun;
    keep(list, shapes.map((one) => ({ one })), ({ one }) => keyOf(one), ({ one }) => shapeRow(one, drawing, refresh, touch));
    list.hidden = shapes.length === 0;
    save.disabled = !drawing.isDirty;
  };
  const touch = () => {
    drawing.isDirty = true;
    say(result, t("unsaved"));
    result.className = "result";
    refresh();
  };
  const add = (points) => {
    drawing.selected = { kind: drawing.kind, name: drawing.kind === "mask" ? null : freeName(drawing), points: points.map(round) };
    drawing.shapes.push(drawing.selected);
    drawing.begun = null;
    touch();
  };

  kinds.append(...KINDS.map((kind) => h("button", { type: "button", "data-kind": kind, onclick: () => {
    Object.assign(drawing, { kind, begun: null, selected: null });
    refresh();
  } }, t(kind))));
  shaping.append(
    h("button", { type: "button", class: "primary", onclick: () => (drawing.begun.length > 2 ? add(drawing.begun) : null) }, t("done")),
    h("button", { type: "button", onclick: () => {
      drawing.begun = null;
      refresh();
    } }, t("cancel")));
  drawOn(view, drawing, add, refresh);
  save.addEventListener("click", async () => {
    save.disabled = true;
    try {
      const told = await api.saveAreas(id, { areas: areasOf(drawing.shapes), version: drawing.version });
      show(told);
      const done = told.trial_s ? t("savedOnTrial", { t: lasting(told.trial_s) }) : t("saved");
      say(result, told.refused ?? done);
      result.className = told.refused ? "result bad" : "result good";
    } catch (error) {
      say(result, error.message);
      result.className = "result bad";
      save.disabled = false;
    }
  });
  const show = (told) => {
    Object.assign(drawing, { shapes: shapesOf(told.areas), version: told.version, selected: null, begun: null, isDirty: false });
    if (told.waits_for_restart) say(result, t("waitsForRestart"));
    refresh();
  };

  main.append(h("a", { class: "back", href: `#/camera/${id}` }, `‹ ${t("back")}`), h("h1", {}, t("edit")), kinds, hint, view.element, shaping, list,
    h("div", { class: "buttons save" }, save, result));
  api.areas(id).then(show).catch((error) => {
    say(result, error.message);
    result.className = "result bad";
  });
  view.load(true);
  refresh();
  const warn = (event) => drawing.isDirty && event.preventDefault();
  window.addEventListener("beforeunload", warn);
  return () => window.removeEventListener("beforeunload", warn);
}

/** Pointer on the picture: a drag is a rectangle or a line, a tap a corner. */
function drawOn(view, drawing, add, refresh) {
  let from = null;
  const at = (event) => {
    const frame = view.element.getBoundingClientRect();
    return [clamp((event.clientX - frame.left) / frame.width), clamp((event.clientY - frame.top) / frame.height)];
  };
  const dragged = (event) => from && Math.hypot(event.clientX - from.x, event.clientY - from.y) > TAP_PX;
  const spanned = (event) => {
    const [[left, top], [right, bottom]] = [from.point, at(event)];
    return drawing.kind === "line" ? [[left, top], [right, bottom]] : [[left, top], [right, top], [right, bottom], [left, bottom]];
  };
  view.element.addEventListener("pointerdown", (event) => {
    if (event.target.closest(".handle") || !event.isPrimary) return;
    event.preventDefault();
    view.element.setPointerCapture(event.pointerId);
    from = { x: event.clientX, y: event.clientY, point: at(event) };
  });
  view.element.addEventListener("pointermove", (event) => {
    if (!dragged(event) || drawing.begun) return;
    const others = drawing.shapes.map((one) => ({ ...one, isSelected: false }));
    view.draw([...others, { kind: drawing.kind, points: spanned(event), isSelected: true }]);
  });
  view.element.addEventListener("pointerup", (event) => {
    if (!from) return;
    const isDrag = dragged(event) && !drawing.begun;
    const points = isDrag ? spanned(event) : [at(event)];
    from = null;
    if (isDrag) return add(points);
    drawing.selected = null;
    drawing.begun = [...(drawing.begun ?? []), points[0].map(Number)];
    if (drawing.kind === "line" && drawing.begun.length === 2) return add(drawing.begun);
    refresh();
  });
  view.element.addEventListener("pointercancel", () => {
    from = null;
    refresh();
  });
}

/** The corners of the selected shape, as buttons over the picture. */
function showHandles(handles, view, drawing, touch) {
  const points = drawing.selected?.points ?? [];
  keep(handles, points.map((point, index) => ({ point, index })), ({ index }) => `${keyOf(drawing.selected)}/${index}`, ({ index }) => handle(index));

  function handle(index) {
    const shape = drawing.selected;
    const button = h("button", { type: "button", class: "handle", "aria-label": t("corner", { n: index + 1 }) });
    const move = (x, y) => {
      shape.points[index] = round([clamp(x), clamp(y)]);
      touch();
    };
    button.update = ({ point: [x, y] }) => {
      button.style.left = `${x * 100}%`;
      button.style.top = `${y * 100}%`;
    };
    button.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      button.focus();
      button.setPointerCapture(event.pointerId);
    });
    button.addEventListener("pointermove", (event) => {
      if (!button.hasPointerCapture(event.pointerId)) return;
      const frame = view.element.getBoundingClientRect();
      move((event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height);
    });
    button.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] }[event.key];
      if (!step) return;
      event.preventDefault();
      const [x, y] = shape.points[index];
      move(x + step[0], y + step[1]);
    });
    return button;
  }
}

/** A shape in the list: select it, name it, delete it. */
function shapeRow(shape, drawing, refresh, touch) {
  const isMask = shape.kind === "mask";
  const label = isMask ? h("span", { class: "name" }, t("maskHint")) : h("input", { value: shape.name, maxlength: "32", "aria-label": t("name"), autocapitalize: "off", spellcheck: "false" });
  const select = h("button", { type: "button", class: `chip ${shape.kind}`, onclick: () => {
    Object.assign(drawing, { selected: drawing.selected === shape ? null : shape, begun: null });
    refresh();
  } }, t(shape.kind));
  const remove = h("button", { type: "button", class: "quiet", onclick: () => {
    drawing.shapes.splice(drawing.shapes.indexOf(shape), 1);
    drawing.selected = null;
    touch();
  } }, t("remove"));
  if (!isMask) label.addEventListener("change", () => {
    shape.name = label.value.trim() || shape.name;
    label.value = shape.name;
    touch();
  });
  const row = h("li", {}, select, label, remove);
  row.update = () => select.setAttribute("aria-pressed", String(drawing.selected === shape));
  return row;
}

function areasOf(shapes) {
  const named = (kind) => Object.fromEntries(shapes.filter((one) => one.kind === kind).map(({ name, points }) => [name, points]));
  return { masks: shapes.filter((one) => one.kind === "mask").map(({ points }) => points), zones: named("zone"), lines: named("line") };
}

/** `zone-1`, `zone-2`, … whichever is free. */
function freeName({ shapes, kind }) {
  for (let number = 1; ; number += 1) {
    const name = `${kind}-${number}`;
    if (!shapes.some((one) => one.kind === kind && one.name === name)) return name;
  }
}

const keys = new WeakMap();
let lastKey = 0;

/** A number of its own for each shape. */
function keyOf(shape) {
  if (!keys.has(shape)) keys.set(shape, String((lastKey += 1)));
  return keys.get(shape);
}

const clamp = (share) => Math.min(1, Math.max(0, share));
const round = ([x, y]) => [Number(x.toFixed(4)), Number(y.toFixed(4))];
