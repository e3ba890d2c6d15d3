// What happened lately, newest first, with pictures and whether the centre has it.

import * as api from "./api.js";
import { clipButton } from "./clip.js";
import { dialog, every, h, keep, say } from "./dom.js";
import { t, when } from "./text.js";

export function incidents(main) {
  const list = h("ul", { class: "incidents" });
  const note = h("p", { class: "hint", role: "status" });
  main.append(h("h1", {}, t("incidents")), note, list);
  return every(4000, async () => {
    try {
      const told = await api.incidents();
      keep(list, told, (incident) => incident.id, item);
      say(note, told.length ? "" : t("nothingHappened"));
    } catch (error) {
      say(note, t("noAnswer", { why: error.message }));
    }
  });
}

function item(incident) {
  const about = h("p", { class: "facts" });
  const chips = h("p", { class: "chips" });
  const pieces = h("div", { class: "pieces" });
  const clips = h("div", { class: "clips" });
  const whole = h("li", {}, h("h2", {}, incident.title), about, chips, pieces, clips);
  whole.update = (told) => {
    whole.dataset.level = told.level;
    whole.dataset.open = told.is_open;
    say(about, `${when(told.opened)} · ${told.devices.join("、")}`);
    keep(chips, labels(told), (label) => label[0] + label[1], ([text, kind]) => h("span", { class: `chip ${kind}` }, text));
    keep(pieces, told.evidence, (piece) => piece.url, thumbnail);
    keep(clips, told.clips, (clip) => clip.reference, clipButton);
  };
  return whole;
}

function labels(told) {
  const state = told.is_open ? (told.is_active ? t("active") : t("over")) : t("stage_closed");
  return [
    [t("level", { n: told.level }), `level-${told.level}`],
    [state, told.is_open && told.is_active ? "active" : ""],
    told.is_open && [t(`stage_${told.stage}`), ""],
    told.confirm !== "unconfirmed" && [t(`confirm_${told.confirm}`), ""],
    told.mode !== "live" && [told.mode === "test" ? t("modeTest") : t("modeMaintenance"), "mode"],
    [t(`delivery_${told.delivery}`), `delivery ${told.delivery}`],
  ].filter(Boolean);
}

function thumbnail(piece) {
  const label = `${t("still")} ${when(piece.taken)}`;
  const show = () => dialog(label, h("img", { src: piece.url, alt: label }));
  return h("button", { type: "button", "aria-label": label, onclick: show }, h("img", { src: piece.url, alt: "", loading: "lazy" }));
}
