// A clip: shown for a reason, which the box writes into its access ledger first.

import * as api from "./api.js";
import { dialog, h, say } from "./dom.js";
import { field, form, value } from "./login.js";
import { lasting, t, when } from "./text.js";

/** Longest reason that the ledger takes, characters. */
const REASON_MAX = 200;

/** The button that asks for one. */
export function clipButton(clip) {
  const label = [clip.camera, when(clip.taken), clip.seconds && lasting(clip.seconds)].filter(Boolean).join(" · ");
  return h("button", { type: "button", "aria-label": `${t("watchClip")} ${label}`, onclick: () => ask(clip, label) },
    h("span", { class: "play", "aria-hidden": "true" }, "▶"), t("watchClip"), h("span", { class: "facts" }, label));
}

function ask(clip, label) {
  const reason = field("text", t("clipReason"), "off");
  reason.querySelector("input").maxLength = REASON_MAX;
  let stop = () => {};
  const whole = form([reason], t("clipPlay"), async () => {
    const { url } = await api.clip(clip.reference, value(reason));
    const film = player(url);
    stop = film.stop;
    whole.replaceWith(film.element);
  });
  whole.prepend(h("p", { class: "hint" }, t("clipHint")));
  dialog(label, whole, () => stop());
}

function player(url) {
  const trouble = h("p", { class: "trouble", role: "alert" });
  const video = h("video", { src: url, controls: true, autoplay: true, muted: true, playsinline: true });
  // The attribute alone does not count for an element that a script has made.
  video.muted = true;
  const save = h("a", { class: "button", href: url, download: "clip.mp4" }, t("clipSave"));
  video.addEventListener("error", async () => {
    video.hidden = true;
    say(trouble, await api.look(url).then(() => t("clipUnknown"), (error) => error.message));
  });
  const stop = () => {
    video.removeAttribute("src");
    video.load();
  };
  return { element: h("div", { class: "film" }, video, trouble, save), stop };
}
