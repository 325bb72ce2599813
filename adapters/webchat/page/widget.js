// The shop's chat inside the shop's own site: <script src="https://…/teahouse/widget.js" async></script>
// Optional: data-language="zh", data-position="left". Everything lives in a shadow root; the site is not touched.
(() => {
  "use strict";
  const shop = "%SHOP%";
  const script = document.currentScript;
  if (!script) return;
  const base = new URL("./", script.src);
  const mark = `kefu-chat-${shop.bot}`;
  const left = script.dataset.position === "left";
  const language = chosenLanguage();
  const words = language.startsWith("zh")
    ? { open: "打开聊天", close: "关闭聊天", unread: (n) => `打开聊天（${n} 条新消息）` }
    : { open: "Open chat", close: "Close chat", unread: (n) => `Open chat (${n} new)` };
  const phone = matchMedia("(max-width: 520px)");

  const STYLE = `
    :host { all: initial !important; }
    * { box-sizing: border-box; }
    .launcher, .panel { position: fixed; z-index: 2147483000; ${left ? "left" : "right"}: max(20px, env(safe-area-inset-${left ? "left" : "right"})); }
    .launcher {
      bottom: max(20px, env(safe-area-inset-bottom)); width: 60px; height: 60px; padding: 0; border: 0; border-radius: 50%;
      background: ${shop.fill}; color: ${shop.onFill}; cursor: pointer; display: grid; place-items: center;
      box-shadow: 0 6px 24px rgb(0 0 0 / 22%), 0 1px 4px rgb(0 0 0 / 14%); transition: transform .15s;
      -webkit-tap-highlight-color: transparent;
    }
    .launcher:hover { transform: scale(1.05); }
    .launcher:active { transform: scale(.97); }
    .launcher:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px #1d4ed8; }
    .launcher svg { grid-area: 1 / 1; width: 28px; height: 28px; fill: none; stroke: currentColor; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round; transition: opacity .15s, transform .15s; }
    .launcher .down, .open .launcher .talk { opacity: 0; transform: rotate(-40deg) scale(.6); }
    .open .launcher .down { opacity: 1; transform: none; }
    .badge {
      position: absolute; top: -3px; right: -3px; min-width: 22px; height: 22px; padding: 0 6px; border-radius: 11px;
      background: #b91c1c; color: #fff; font: 600 12px/22px system-ui, sans-serif; text-align: center;
    }
    .badge[hidden] { display: none; }
    .panel {
      bottom: calc(max(20px, env(safe-area-inset-bottom)) + 74px); width: 400px; height: min(680px, calc(100vh - 120px)); height: min(680px, calc(100dvh - 120px));
      border-radius: 20px; overflow: hidden; background: Canvas; visibility: hidden; opacity: 0; transform: translateY(12px);
      box-shadow: 0 18px 60px rgb(0 0 0 / 24%), 0 2px 10px rgb(0 0 0 / 12%); transition: opacity .16s, transform .16s, visibility .16s;
    }
    .open .panel { visibility: visible; opacity: 1; transform: none; }
    iframe { display: block; width: 100%; height: 100%; border: 0; }
    @media (max-width: 520px) {
      .panel { inset: 0; width: 100%; height: 100vh; height: 100dvh; border-radius: 0; }
      .open .launcher { visibility: hidden; }
    }
    @media (prefers-reduced-motion: reduce) { * { transition: none !important; } }
    @media print { * { display: none !important; } }`;

  let host, root, launcher, badge, panel, frame;
  let isOpen = false;
  let isLoaded = false;
  let wantsFocus = false;

  if (document.body) start();
  else document.addEventListener("DOMContentLoaded", start, { once: true });

  function start() {
    if (document.getElementById(mark)) return;
    host = document.createElement("div");
    host.id = mark;
    const shadow = host.attachShadow({ mode: "open" });
    // A constructed style sheet: a style element would fall under the site's own content security policy.
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    shadow.adoptedStyleSheets = [sheet];
    root = make("div", { lang: language });
    launcher = make("button", { type: "button", class: "launcher", "aria-expanded": "false", "aria-controls": "panel" });
    launcher.append(
      icon("talk", "M21 11.5a8 8 0 0 1-8 8H4l1.6-3.4A8 8 0 1 1 21 11.5zM9 11.5h.01M13 11.5h.01M17 11.5h.01"),
      icon("down", "M6 9.5l6 6 6-6"),
      (badge = make("span", { class: "badge", "aria-hidden": "true", hidden: "" })),
    );
    panel = make("div", { id: "panel", class: "panel", role: "dialog", "aria-label": shop.titles[language] });
    root.append(panel, launcher);
    shadow.append(root);
    document.body.append(host);
    launcher.addEventListener("click", () => (isOpen ? close() : open(true)));
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && isOpen) close();
    });
    addEventListener("message", hear);
    showUnread(0);
    // The shopper was talking on the page before this one: be ready, and show it again where there is room.
    const before = recall();
    if (before) load();
    if (before === "open" && !phone.matches) open(false);
  }

  function load() {
    if (frame) return;
    const address = new URL(base);
    address.searchParams.set("widget", "1");
    if (script.dataset.language) address.searchParams.set("lang", language);
    frame = make("iframe", { title: shop.titles[language], allow: "clipboard-write", src: address.href });
    frame.addEventListener("load", () => {
      isLoaded = true;
      tell(wantsFocus);
    });
    panel.append(frame);
  }

  function open(focus) {
    load();
    isOpen = true;
    wantsFocus = focus;
    show();
    if (focus) frame.focus();
    tell(focus);
    remember("open");
  }

  function close() {
    isOpen = false;
    show();
    tell(false);
    launcher.focus();
    remember("closed");
  }

  function show() {
    root.classList.toggle("open", isOpen);
    launcher.setAttribute("aria-expanded", String(isOpen));
    panel.setAttribute("aria-modal", String(isOpen && phone.matches));
    showUnread(0);
  }

  function showUnread(count) {
    badge.hidden = count === 0;
    badge.textContent = count > 9 ? "9+" : String(count);
    launcher.setAttribute("aria-label", isOpen ? words.close : count ? words.unread(count) : words.open);
  }

  function hear({ source, origin, data }) {
    if (!frame || source !== frame.contentWindow || origin !== base.origin || data?.from !== "kefu-chat") return;
    if (data.close && isOpen) close();
    if (typeof data.unread === "number" && !isOpen) showUnread(data.unread);
  }

  function tell(focus) {
    if (isLoaded) frame.contentWindow?.postMessage({ from: "kefu-site", shown: isOpen, focus }, base.origin);
  }

  function chosenLanguage() {
    const wanted = [script.dataset.language, ...navigator.languages].filter(Boolean);
    const part = (tag) => tag.split("-")[0].toLowerCase();
    for (const tag of wanted) {
      const found = shop.languages.find((one) => part(one) === part(tag));
      if (found) return found;
    }
    return shop.languages[0];
  }

  function remember(state) {
    try {
      sessionStorage.setItem(mark, state);
    } catch {
      // Blocked: then the next page of the site begins with a closed chat.
    }
  }

  function recall() {
    try {
      return sessionStorage.getItem(mark);
    } catch {
      return null;
    }
  }

  function make(name, attributes) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function icon(name, path) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    made.setAttribute("viewBox", "0 0 24 24");
    made.setAttribute("class", name);
    made.setAttribute("aria-hidden", "true");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    line.setAttribute("d", path);
    made.append(line);
    return made;
  }
})();
