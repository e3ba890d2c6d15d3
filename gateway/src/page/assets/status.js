// The overview: is all well, and if not, what is to be done.

import * as api from "./api.js";
import { every, h, keep, say } from "./dom.js";
import { ago, clock, t } from "./text.js";
import { picture } from "./picture.js";
import { testButtons } from "./testmode.js";

export function overview(main) {
  const headline = h("section", { class: "headline", role: "status" }, h("span", { class: "dot" }), h("div", {}, h("h1"), h("p")));
  const cameras = h("div", { class: "cards" });
  const sensors = h("ul", { class: "rows" });
  const rest = h("p", { class: "hint" });
  const links = h("ul", { class: "rows" });
  main.append(headline, links, h("h2", {}, t("cameras")), cameras, h("h2", {}, t("sensors")), sensors, rest);
  const sensorsTitle = sensors.previousElementSibling;
  return every(3000, async () => {
    try {
      const told = await api.status();
      showHeadline(headline, told);
      keep(links, wantsEyes(told), byId, row);
      keep(cameras, [...told.cameras].sort(byTrouble), byId, cameraCard);
      if (told.cameras.length === 0) say(cameras, t("noCameras"));
      keep(sensors, told.sensors, byId, row);
      sensorsTitle.hidden = told.sensors.length === 0;
      say(rest, told.sensors_left_out > 0 ? t("more", { n: told.sensors_left_out }) : "");
    } catch (error) {
      headline.dataset.condition = "bad";
      say(headline.querySelector("h1"), t("noAnswer", { why: error.message }));
    }
  });
}

/** Links that are down, and a configuration that is not simply in use. */
function wantsEyes(told) {
  const isOdd = told.configuration && told.configuration.condition !== "good";
  return [isOdd && told.configuration, ...[told.uplink, told.sensor_broker].filter((link) => link?.condition === "bad")].filter(Boolean);
}

const byId = (line) => line.id;
const TROUBLE_FIRST = ["bad", "doubtful", "good"];
const byTrouble = (one, other) => TROUBLE_FIRST.indexOf(one.condition) - TROUBLE_FIRST.indexOf(other.condition);

function showHeadline(headline, told) {
  const lines = [told.configuration, told.uplink, told.sensor_broker, ...told.cameras, ...told.sensors].filter(Boolean);
  const bad = lines.filter((line) => line.condition === "bad").length;
  const doubtful = told.cameras.some((line) => line.condition === "doubtful");
  headline.dataset.condition = bad ? "bad" : doubtful ? "doubtful" : "good";
  say(headline.querySelector("h1"), bad ? t("needsLook", { n: bad }) : doubtful ? t("starting") : t("allGood"));
  const open = told.incidents_open ? t("openIncidents", { n: told.incidents_open }) : t("noIncidents");
  const queue = told.outbox.depth ? t("eventsWait", { n: told.outbox.depth }) : t("allDelivered");
  say(headline.querySelector("p"), `${open} · ${queue}`);
}

function cameraCard(camera) {
  const view = picture(camera.id);
  const words = h("p", { class: "words" });
  const remedy = h("p", { class: "remedy" });
  const age = h("span", { class: "age" });
  const badge = h("span", { class: "badge" });
  const card = h("a", { class: "card", href: `#/camera/${camera.id}` }, view.element,
    h("div", { class: "card-text" }, h("h3", {}, h("span", { class: "dot" }), camera.name, badge), words, remedy), age);
  let loaded = false;
  card.update = (told) => {
    card.dataset.condition = told.condition;
    say(words, told.words);
    say(remedy, told.remedy ?? "");
    say(age, told.age_s === undefined ? "" : ago(told.age_s));
    showMode(badge, told);
    if (!loaded && told.condition === "good") {
      loaded = true;
      view.load(false);
    }
  };
  return card;
}

/** What has a line and cannot be tested. */
const NO_DEVICES = ["uplink", "sensors", "configuration"];

/** A sensor, a link or the configuration: a line that opens. */
export function row(line) {
  const name = h("span", { class: "name" }, line.name);
  const words = h("span", { class: "words" });
  const facts = h("span", { class: "facts" });
  const badge = h("span", { class: "badge" });
  const remedy = h("p", { class: "remedy" });
  const detail = h("p", { class: "detail" });
  const tests = !NO_DEVICES.includes(line.id) ? testButtons(line.id.split("/")[0]) : null;
  const details = h("details", {}, h("summary", {}, h("span", { class: "dot" }), name, badge, words, facts), remedy, detail, tests?.element);
  const whole = h("li", {}, details);
  whole.update = (told) => {
    // Opens once when something goes wrong; whoever closes it leaves it closed.
    if (told.condition === "bad" && whole.dataset.condition !== "bad") details.open = true;
    whole.dataset.condition = told.condition;
    say(words, told.words);
    const battery = told.battery === undefined ? null : t("battery", { n: Math.round(told.battery) });
    const age = told.age_s === undefined ? null : ago(told.age_s);
    say(facts, [told.value, battery, age].filter(Boolean).join(" · "));
    say(remedy, told.remedy ? `${t("whatToDo")}: ${told.remedy}` : "");
    say(detail, told.detail ?? "");
    showMode(badge, told);
    tests?.update(told.test_until);
  };
  return whole;
}

function showMode(badge, told) {
  const mode = told.mode === "test" ? t("modeTest") : told.mode === "maintenance" ? t("modeMaintenance") : "";
  say(badge, told.test_until && mode ? `${mode} ${t("until", { t: clock(told.test_until) })}` : mode);
}
