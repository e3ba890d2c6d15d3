// The box: its links, what waits for the centre, test mode of the site, password.

import * as api from "./api.js";
import { every, h, keep, say } from "./dom.js";
import { field, form, value } from "./login.js";
import { row } from "./status.js";
import { lasting, t, when } from "./text.js";
import { testButtons } from "./testmode.js";

export function box(main) {
  const note = h("p", { class: "trouble", role: "alert" });
  const links = h("ul", { class: "rows" });
  const queue = h("dl");
  const fault = h("p", { class: "trouble" });
  const about = h("dl");
  const tests = testButtons(null);
  main.append(h("h1", {}, t("box")), note, h("h2", {}, t("links")), links, h("h2", {}, t("queue")), fault, queue,
    h("h2", {}, t("testMode")), h("p", { class: "hint" }, `${t("testSite")}${t("stop")}${t("testHint")}`), tests.element,
    h("h2", {}, t("about")), about, h("h2", {}, t("changePassword")), passwordForm(),
    h("div", { class: "buttons" }, h("button", { type: "button", onclick: leave }, t("logOut"))));
  return every(3000, async () => {
    try {
      const told = await api.status();
      keep(links, [told.uplink, told.sensor_broker, told.configuration].filter(Boolean), (link) => link.id, row);
      facts(queue, queueFacts(told.outbox));
      say(fault, told.outbox.fault ?? "");
      facts(about, [["gateway", told.gateway], ["grid", told.grid], ["version", told.version], ["clock", `${when(told.time)} ${told.time.slice(23)}`]]);
      tests.update(told.site_test_until);
      say(note, "");
    } catch (error) {
      say(note, t("noAnswer", { why: error.message }));
    }
  });
}

function queueFacts(outbox) {
  const megabytes = (bytes) => (bytes / 1048576).toFixed(bytes < 10485760 ? 1 : 0);
  return [
    ["waiting", String(outbox.depth)],
    ["alarms", String(outbox.alarms)],
    ["oldest", outbox.oldest_s === null ? "–" : lasting(outbox.oldest_s)],
    ["space", `${megabytes(outbox.used_bytes)} / ${megabytes(outbox.quota_bytes)} MiB`],
    ["givenUp", String(outbox.given_up)],
  ];
}

function facts(list, pairs) {
  keep(list, pairs, ([key]) => key, ([key]) => {
    const told = h("dd");
    const pair = h("div", {}, h("dt", {}, t(key)), told);
    pair.update = ([, text]) => say(told, text);
    return pair;
  });
}

function passwordForm() {
  const old = field("password", t("oldPassword"), "current-password");
  const fresh = field("password", t("newPassword"), "new-password");
  const done = h("p", { class: "hint", role: "status" });
  const whole = form([old, fresh], t("changePassword"), async () => {
    await api.changePassword(value(old), value(fresh));
    whole.reset();
    say(done, t("passwordChanged"));
  });
  whole.append(done);
  return whole;
}

async function leave() {
  await api.logOut();
  location.hash = "#/";
  location.reload();
}
