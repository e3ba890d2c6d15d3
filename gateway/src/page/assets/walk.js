// The walk test: somebody walks through the picture and sees at once what the camera sees.

import * as api from "./api.js";
import { every, h, keep, say } from "./dom.js";
import { lasting, t } from "./text.js";

const EVERY_MS = 500;
/** The picture follows, so that the boxes lie where people are. */
const PICTURE_MS = 1000;
/** What was seen within this time is seen now. */
const NOW_MS = 1500;

/** { button, element, rest(shapes), end() }; boxes are drawn on `view`. */
export function walkTest(camera, view) {
  let shapes = [];
  let stop = null;
  const list = h("ul", { class: "visits", "aria-live": "polite" });
  const trouble = h("p", { class: "trouble", role: "alert" });
  const element = h("section", { class: "walk", hidden: true }, h("p", { class: "hint" }, t("walkHint")), list, trouble);
  const button = h("button", { type: "button", class: "primary" }, t("walkStart"));

  const turn = async () => {
    try {
      const told = await api.walk(camera);
      const isFresh = told.age_ms !== null && told.age_ms < NOW_MS;
      view.draw([...shapes, ...(isFresh ? told.tracks.map(box) : [])]);
      keep(list, told.zones, (visit) => visit.zone, visitRow);
      say(trouble, told.is_live ? "" : t("noStream"));
    } catch (error) {
      say(trouble, error.message);
    }
  };
  const end = () => {
    stop?.();
    stop = null;
    element.hidden = true;
    say(button, t("walkStart"));
    view.draw(shapes);
  };
  button.addEventListener("click", () => {
    if (stop) return end();
    element.hidden = false;
    list.replaceChildren();
    say(button, t("walkStop"));
    const stops = [every(EVERY_MS, turn), every(PICTURE_MS, () => view.load(false))];
    stop = () => stops.forEach((one) => one());
  });
  const rest = (drawn) => {
    shapes = drawn;
    view.draw(shapes);
  };
  return { button, element, rest, end };
}

function box({ label, score, area: [left, top, right, bottom] }) {
  return { kind: "seen", name: `${label} ${Math.round(score * 100)} %`, points: [[left, top], [right, top], [right, bottom], [left, bottom]] };
}

function visitRow(visit) {
  const words = h("span", { class: "words" });
  const row = h("li", {}, h("span", { class: "dot" }), h("span", { class: "name" }, visit.zone || t("wholePicture")), words);
  row.update = (told) => {
    const isNow = told.age_ms !== null && told.age_ms < NOW_MS;
    row.dataset.condition = isNow ? "good" : told.label ? "past" : "doubtful";
    const what = told.label ? `${told.label} ${Math.round(told.score * 100)} %` : "";
    say(words, isNow ? t("seenNow", { what }) : told.label ? t("seenAgo", { what, t: lasting(told.age_ms / 1000) }) : t("notSeen"));
  };
  return row;
}
