// The frame of the page: who may come in, the tabs, and which view is open.

import * as api from "./api.js";
import { box } from "./box.js";
import { camera } from "./camera.js";
import { h } from "./dom.js";
import { editor } from "./editor.js";
import { incidents } from "./incidents.js";
import { entrance } from "./login.js";
import { overview } from "./status.js";
import { switchLanguage, t } from "./text.js";

// A view takes its place in the page and returns what ends it.
const VIEWS = [
  [/^#\/camera\/([a-z0-9-]+)\/edit$/, editor, null],
  [/^#\/camera\/([a-z0-9-]+)$/, camera, "#/"],
  [/^#\/incidents$/, incidents, "#/incidents"],
  [/^#\/box$/, box, "#/box"],
  [/^/, overview, "#/"],
];
const TABS = [
  ["#/", "overview"],
  ["#/incidents", "incidents"],
  ["#/box", "box"],
];

let endView = () => {};

async function begin() {
  endView();
  endView = () => {};
  const who = await api.session();
  if (!who.csrf) {
    document.body.replaceChildren(entrance(who, begin));
    return;
  }
  const main = h("main", { id: "main", tabindex: "-1" });
  const tabs = TABS.map(([hash, name]) => h("a", { href: hash, "data-tab": hash }, t(name)));
  document.body.replaceChildren(
    h("header", {}, h("a", { class: "brand", href: "#/" }, h("img", { src: "assets/icon.svg", alt: "" }), who.gateway),
      h("button", { class: "quiet", type: "button", onclick: switchLanguage }, t("language"))),
    main,
    h("nav", { "aria-label": "Moshao" }, tabs),
  );
  const open = () => {
    endView();
    const [pattern, view, tab] = VIEWS.find(([pattern]) => pattern.test(location.hash));
    for (const link of tabs) {
      if (link.dataset.tab === tab) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    main.replaceChildren();
    window.scrollTo(0, 0);
    endView = view(main, location.hash.match(pattern)[1]);
  };
  window.onhashchange = open;
  open();
}

api.whenLoggedOut(() => begin());
begin().catch((error) => document.body.replaceChildren(h("p", { class: "alone" }, t("noAnswer", { why: error.message }))));
