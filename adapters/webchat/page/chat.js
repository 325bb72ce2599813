// The page: joins the shop's texts, the conversation, the composer, the menu and the wire.

import { Composer } from "./composer.js";
import { embedded, inView, onShown, tellSite } from "./frame.js";
import { element, Lines } from "./lines.js";
import { Memory } from "./memory.js";
import { Menu } from "./menu.js";
import { Waiting } from "./waiting.js";
import { Wire } from "./wire.js";
import { bestLanguage, nameOf, wordsIn } from "./words.js";

// A blink of the connection is not worth a word.
const QUIET_MS = 1500;
// Each open stream takes one of the browser's six connections to this server: a tab that nobody looks at gives its
// up, after a while longer if an answer is on its way.
const HIDDEN_MS = 30_000;
const HIDDEN_EXPECTING_MS = 5 * 60_000;
const UNSENT_QUIET_MS = 900;

let shop = JSON.parse(document.getElementById("shop").textContent);
const memory = new Memory(shop.bot);
const asked = new URLSearchParams(location.search).get("lang");
let language = bestLanguage(
  shop.languages,
  [memory.get("language"), asked, ...navigator.languages].filter((tag) => typeof tag === "string"),
);

const look = {
  get language() {
    return language;
  },
  get name() {
    return shop.texts[language].name;
  },
  get initial() {
    return (Array.from(this.name.trim())[0] ?? "?").toLocaleUpperCase();
  },
  get chars() {
    return shop.chars;
  },
  nameOf: (tag) => (shop.languages.includes(tag) ? nameOf(tag) : tag),
  ask(text) {
    send(text);
    composer.focus();
  },
};

const lines = new Lines(look);
const composer = new Composer(look, send);
const menu = new Menu();
const wire = new Wire(memory, () => language);
const waiting = new Waiting(memory, wire, { sent, waiting: shownWaiting, refused });
let unread = 0;

// ── what the shopper does ────────────────────────────────────────────────────────────────────────────────

function send(text) {
  const [, tag] = /^\/language\s+(\S+)$/i.exec(text) ?? [];
  if (shop.languages.includes(tag)) useLanguage(tag);
  const item = waiting.add(text, language);
  lines.put(asLine(item));
  lines.toEnd();
  drawSuggestions();
  setTimeout(() => waiting.items.some(({ id }) => id === item.id) && shownWaiting(item), UNSENT_QUIET_MS);
}

function asLine(item, state = "") {
  const kind = /^\/(start|help|new|human|language)(\s|$)/i.test(item.text) ? "command" : "text";
  return { id: item.id, role: "shopper", text: item.text, kind, language: item.language, at: item.at, state };
}

function sent(item) {
  if (/^\/new(\s|$)/i.test(item.text)) clear();
  else lines.put(asLine(item));
  listen();
}

function shownWaiting(item) {
  lines.put(asLine(item, "waiting"));
}

function refused(item, sentence) {
  lines.remove(item.id);
  composer.giveBack(item.text, sentence);
  drawSuggestions();
}

function useLanguage(tag) {
  language = tag;
  memory.set("language", tag);
  draw();
}

// ── what the server says ─────────────────────────────────────────────────────────────────────────────────

const react = {
  history(event) {
    if (JSON.stringify(event.shop) !== JSON.stringify(shop)) {
      shop = event.shop;
      language = bestLanguage(shop.languages, [language]);
      draw();
    }
    const ids = new Set(event.lines.map((line) => line.id));
    waiting.confirm(ids);
    const unsent = waiting.items.filter(({ id }) => !ids.has(id)).map((item) => asLine(item, "waiting"));
    lines.show([...event.lines, ...unsent]);
    if (event.draft) lines.draft(event.draft);
    lines.typing(event.typing);
    drawSuggestions();
    waiting.run();
  },
  line(line) {
    if (!lines.has(line.id)) lines.put(line);
    drawSuggestions();
  },
  typing() {
    lines.typing(true);
  },
  draft(draft) {
    lines.typing(false);
    lines.draft(draft);
    drawSuggestions();
  },
  message(line) {
    lines.typing(false);
    if (!line.html) return lines.remove(line.id);
    if (lines.put(line)) arrived(line);
    drawSuggestions();
  },
  cleared: clear,
};

function clear() {
  lines.clear();
  drawSuggestions();
}

function arrived(line) {
  const text = document.createElement("template");
  text.innerHTML = line.html;
  const products = (line.cards ?? []).map(({ title, price }) => [title, price].filter(Boolean).join(", "));
  const said = [text.content.textContent, ...products].join("; ");
  const spoken = element("p", "", `${line.speaker || look.name}: ${said}`);
  const announcer = document.getElementById("announcer");
  announcer.append(spoken);
  while (announcer.children.length > 5) announcer.firstChild.remove();
  if (!inView()) showUnread(unread + 1);
}

function showUnread(count) {
  unread = count;
  const { title } = shop.texts[language];
  document.title = count ? `(${count}) ${title}` : title;
  tellSite({ unread: count });
}

// ── the connection ───────────────────────────────────────────────────────────────────────────────────────

let stream = null;
let quiet = 0;

function listen() {
  if (stream) return;
  stream = new AbortController();
  wire.listen((name, value) => react[name]?.(value), showConnected, stream.signal);
}

function showConnected(connected) {
  const status = document.getElementById("status");
  if (connected) {
    clearTimeout(quiet);
    quiet = 0;
    status.hidden = true;
  } else {
    quiet ||= setTimeout(() => {
      status.textContent = wordsIn(language).reconnecting;
      status.hidden = false;
    }, QUIET_MS);
  }
}

function rest() {
  stream?.abort();
  stream = null;
}

let resting = 0;
document.addEventListener("visibilitychange", () => {
  clearTimeout(resting);
  if (document.hidden) resting = setTimeout(rest, lines.expectsAnswer ? HIDDEN_EXPECTING_MS : HIDDEN_MS);
  else if (wire.hasSession) listen();
});

// ── drawing ──────────────────────────────────────────────────────────────────────────────────────────────

function draw() {
  const words = wordsIn(language);
  const texts = shop.texts[language];
  document.documentElement.lang = language;
  for (const avatar of document.querySelectorAll("[data-initial]")) avatar.textContent = look.initial;
  document.querySelector("[data-title]").textContent = texts.title;
  document.querySelector("[data-subtitle]").textContent = `${texts.name} · ${words.assistant}`;
  document.querySelector("[data-greeting]").innerHTML = texts.greeting;
  document.querySelector("[data-disclosure]").innerHTML = texts.disclosure;
  const contact = document.querySelector("[data-contact]");
  contact.hidden = !texts.contact;
  contact.innerHTML = texts.contact;
  contact.prepend(element("span", "label", words.preferPerson), " ");
  document.getElementById("scroller").setAttribute("aria-label", words.conversation);
  document.getElementById("newer").textContent = words.newer;
  const close = document.getElementById("close");
  close.hidden = !embedded;
  close.setAttribute("aria-label", words.close);
  close.title = words.close;
  drawMenu(words);
  drawSuggestions();
  composer.draw();
  lines.redraw();
  showUnread(unread);
}

function drawMenu(words) {
  const command = (label, text) => ({
    label,
    run: () => {
      send(text);
      composer.focus();
    },
  });
  const groups = [
    {
      items: [
        command(words.newConversation, "/new"),
        command(words.talkToPerson, "/human"),
        command(words.help, "/help"),
      ],
    },
  ];
  if (shop.languages.length > 1) {
    const items = shop.languages.map((tag) => ({
      label: nameOf(tag),
      lang: tag,
      checked: tag === language,
      run: () => {
        send(`/language ${tag}`);
        composer.focus();
      },
    }));
    groups.push({ heading: words.language, items });
  }
  menu.fill(words.menu, groups);
}

function drawSuggestions() {
  const box = document.getElementById("suggestions");
  const { suggestions } = shop.texts[language];
  document.body.classList.toggle("blank", lines.isEmpty);
  box.hidden = !lines.isEmpty || suggestions.length === 0;
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", wordsIn(language).suggestions);
  box.replaceChildren(
    ...suggestions.map((question) => {
      const chip = element("button", "chip", question);
      chip.type = "button";
      chip.addEventListener("click", () => look.ask(question));
      return chip;
    }),
  );
}

// ── beginning ────────────────────────────────────────────────────────────────────────────────────────────

document.getElementById("close").addEventListener("click", () => tellSite({ close: true }));
addEventListener("keydown", (event) => {
  if (event.key === "Escape") tellSite({ close: true });
});
onShown((focus) => {
  showUnread(0);
  if (focus) composer.focus();
});
memory.onChange("token", (token) => token && listen());
memory.onChange("language", (tag) => {
  if (!shop.languages.includes(tag)) return;
  language = tag;
  draw();
});

draw();
lines.show(waiting.items.map((item) => asLine(item, "waiting")));
drawSuggestions();
waiting.run();
if (wire.hasSession) listen();
document.body.classList.toggle("embedded", embedded);
document.body.classList.add("ready");
if (!embedded) composer.focus();
