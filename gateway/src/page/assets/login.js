// The entrance: the first password, or the log-in.

import * as api from "./api.js";
import { h, say } from "./dom.js";
import { switchLanguage, t } from "./text.js";

/** `who` is what `api.session` said; `onInside` is called after a log-in. */
export function entrance(who, onInside) {
  return h("div", { class: "entrance" },
    h("img", { src: "assets/icon.svg", alt: "", width: "56", height: "56" }),
    h("h1", {}, who.is_set ? who.gateway : t("welcome")),
    who.is_set ? logInForm(onInside) : setUpForm(onInside),
    h("button", { class: "quiet", type: "button", onclick: switchLanguage }, t("language")));
}

function logInForm(onInside) {
  const password = field("password", t("password"), "current-password");
  return form([password], t("logIn"), async () => {
    await api.logIn(value(password));
    await onInside();
  });
}

function setUpForm(onInside) {
  const code = field("text", t("code"), "one-time-code");
  const first = field("password", t("newPassword"), "new-password");
  const second = field("password", t("repeat"), "new-password");
  const whole = form([code, first, second], t("setPassword"), async () => {
    if (value(first) !== value(second)) throw new Error(t("different"));
    await api.setUp(value(code), value(first));
    await onInside();
  });
  whole.prepend(h("p", { class: "hint" }, t("setUpHint")));
  return whole;
}

/** A form that says what went wrong. */
export function form(fields, action, submit) {
  const trouble = h("p", { class: "trouble", role: "alert" });
  const button = h("button", { class: "primary", type: "submit" }, action);
  const whole = h("form", {}, fields, trouble, button);
  whole.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      say(trouble, "");
      await submit();
    } catch (error) {
      say(trouble, error.message);
    } finally {
      button.disabled = false;
    }
  });
  return whole;
}

export function field(type, label, autocomplete) {
  return h("label", {}, h("span", {}, label), h("input", { type, autocomplete, required: true, autocapitalize: "off", spellcheck: "false" }));
}

export const value = (label) => label.querySelector("input").value;
