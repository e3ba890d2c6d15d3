// Switching test mode on and off.

import * as api from "./api.js";
import { h, say } from "./dom.js";
import { clock, t } from "./text.js";

const MINUTES = [10, 60];

/** Buttons for a device, or with null for the whole site: { element, update(test_until) }. */
export function testButtons(device) {
  const trouble = h("span", { class: "trouble", role: "alert" });
  const ask = async (minutes) => {
    try {
      await api.test(device, minutes);
      say(trouble, "");
    } catch (error) {
      say(trouble, error.message);
    }
  };
  const begin = MINUTES.map((minutes) =>
    h("button", { type: "button", onclick: () => ask(minutes) }, t("testFor", { n: minutes })));
  const end = h("button", { type: "button", class: "primary", onclick: () => ask(0) });
  const element = h("div", { class: "buttons tests" }, begin, end, trouble);
  const update = (until) => {
    begin.forEach((button) => (button.hidden = Boolean(until)));
    end.hidden = !until;
    if (until) say(end, `${t("testEnd")} (${t("until", { t: clock(until) })})`);
  };
  update(null);
  return { element, update };
}
