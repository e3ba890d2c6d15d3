// One camera: its picture with zones and masks, what is the matter with it, the walk test, test mode.

import * as api from "./api.js";
import { every, h, say } from "./dom.js";
import { ago, t } from "./text.js";
import { picture, shapesOf } from "./picture.js";
import { testButtons } from "./testmode.js";
import { walkTest } from "./walk.js";

export function camera(main, id) {
  const view = picture(id);
  const title = h("h1", {}, id);
  const words = h("p", { class: "words" });
  const remedy = h("p", { class: "remedy" });
  const detail = h("p", { class: "detail" });
  const restart = h("p", { class: "hint" });
  const age = h("span", { class: "age" });
  const tests = testButtons(id);
  const walk = walkTest(id, view);
  const state = h("section", { class: "state" }, h("div", { class: "title" }, h("span", { class: "dot" }), title, age), words, remedy, detail);
  main.append(
    h("a", { class: "back", href: "#/" }, `‹ ${t("overview")}`), state, view.element,
    h("div", { class: "buttons" }, h("a", { class: "button", href: `#/camera/${id}/edit` }, t("edit")), walk.button),
    restart, walk.element,
    h("h2", {}, t("testMode")), h("p", { class: "hint" }, t("testHint")), tests.element);

  api.areas(id).then((drawing) => {
    walk.rest(shapesOf(drawing.areas));
    if (drawing.waits_for_restart) say(restart, t("waitsForRestart"));
  }).catch((error) => say(restart, error.message));
  const endPictures = every(4000, () => view.load(true));
  const endStatus = every(2000, async () => {
    try {
      const told = (await api.status()).cameras.find((line) => line.id === id);
      if (!told) return;
      state.dataset.condition = told.condition;
      say(title, told.name);
      say(words, told.words);
      say(remedy, told.remedy ? `${t("whatToDo")}: ${told.remedy}` : "");
      say(detail, told.detail ?? "");
      say(age, told.age_s === undefined ? "" : ago(told.age_s));
      tests.update(told.test_until);
    } catch (error) {
      say(words, t("noAnswer", { why: error.message }));
    }
  });
  return () => {
    endPictures();
    endStatus();
    walk.end();
  };
}
