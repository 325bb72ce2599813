// The conversation as it is shown: lines, days, the answer that is being written.

import { cardsOf, choicesOf } from "./cards.js";
import { wordsIn } from "./words.js";

const GROUP_MS = 5 * 60_000;
const TYPING_MS = 11_000;
const NEAR_END_PX = 60;

export class Lines {
  #list = document.getElementById("lines");
  #scroller = document.getElementById("scroller");
  #newer = document.getElementById("newer");
  #entries = new Map(); // id → {line, element}
  #typing = element("li", "line bot typing");
  #typingTimer = 0;
  #atEnd = true;
  #followed = 0; // where the scroller stood when it last followed the text
  #look;

  /** `look`: {language, name, initial}, read whenever something is drawn; `look.ask(text)`: a button was pressed. */
  constructor(look) {
    this.#look = look;
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.#newer.addEventListener("click", () => this.toEnd());
    const observer = new ResizeObserver(() => this.#follows() && this.#jump());
    observer.observe(document.getElementById("column"));
    observer.observe(this.#scroller);
  }

  get isEmpty() {
    return this.#entries.size === 0;
  }

  has(id) {
    return this.#entries.has(id);
  }

  /** Is the last word the shopper's, so that an answer may come any moment? */
  get expectsAnswer() {
    const last = [...this.#entries.values()].at(-1);
    return Boolean(last) && (last.line.role === "shopper" || last.line.writing === true);
  }

  /** Everything anew; what is already shown in the same form stays as it is. */
  show(lines) {
    const before = this.#entries;
    this.#entries = new Map();
    for (const line of lines) {
      const known = before.get(line.id);
      const same = known && JSON.stringify(known.line) === JSON.stringify(line);
      this.#entries.set(line.id, same ? known : this.#entry(line, known?.element));
    }
    this.#arrange();
  }

  /** Draws all lines again, after the language has changed. */
  redraw() {
    for (const entry of this.#entries.values()) this.#draw(entry);
    this.#drawTyping();
    this.#arrange();
  }

  /** A new line, or a known one in a new form. Returns whether it is new or was unfinished. */
  put(line) {
    const known = this.#entries.get(line.id);
    if (known) {
      const wasWriting = known.line.writing === true;
      known.line = { ...line, at: known.line.at ?? line.at };
      this.#draw(known);
      this.#arrange();
      return wasWriting && !line.writing;
    }
    this.#entries.set(line.id, this.#entry(line));
    if (line.role !== "shopper") this.typing(false);
    this.#arrange();
    return true;
  }

  /** The answer so far. An empty one is taken away. */
  draft({ id, html, language }) {
    const known = this.#entries.get(id);
    if (!html) return known?.line.writing && this.remove(id);
    if (known?.line.writing) {
      known.line = { ...known.line, html };
      morph(known.element.querySelector(".bubble"), html);
      this.#grew();
    } else {
      this.put({ id, role: "bot", html, language, at: known?.line.at ?? new Date().toISOString(), writing: true });
    }
  }

  remove(id) {
    this.#entries.get(id)?.element.remove();
    this.#entries.delete(id);
    this.#arrange();
  }

  clear() {
    this.#entries.clear();
    this.typing(false);
    this.#arrange();
  }

  typing(on) {
    clearTimeout(this.#typingTimer);
    if (!on) {
      if (this.#typing.isConnected) this.#typing.remove();
      return;
    }
    if ([...this.#entries.values()].some((entry) => entry.line.writing)) return;
    this.#typingTimer = setTimeout(() => this.typing(false), TYPING_MS);
    if (this.#typing.isConnected) return;
    this.#drawTyping();
    this.#list.append(this.#typing);
    this.#grew();
  }

  toEnd() {
    this.#atEnd = true;
    this.#newer.hidden = true;
    this.#jump();
  }

  #entry(line, recycled) {
    const entry = { line, element: recycled ?? element("li", "line") };
    entry.element.dataset.id = line.id;
    this.#draw(entry);
    return entry;
  }

  #draw({ line, element: item }) {
    if (line.role === "shopper" && line.kind === "command") this.#drawCommand(line, item);
    else this.#drawBubble(line, item);
    item.classList.toggle("waiting", line.state === "waiting");
    item.classList.toggle("writing", line.writing === true);
  }

  #drawCommand(line, item) {
    const words = wordsIn(this.#look.language);
    const [, name, argument] = /^\/(\w+)\s*(.*)$/s.exec(line.text) ?? [];
    const sentence = words.commands[name?.toLowerCase()]?.(this.#look.nameOf(argument)) ?? line.text;
    item.className = "line command";
    item.replaceChildren(element("span", "note", sentence + (line.state === "waiting" ? ` · ${words.waiting}` : "")));
  }

  #drawBubble(line, item) {
    const words = wordsIn(this.#look.language);
    const mine = line.role === "shopper";
    const person = line.role === "agent";
    const name = mine ? words.you : line.speaker || (person ? words.team : this.#look.name);
    let bubble = item.querySelector(".bubble");
    const keep = bubble && item.classList.contains(mine ? "mine" : "theirs");
    if (!keep) bubble = element("div", "bubble");
    bubble.dir = "auto";
    if (line.language) bubble.lang = line.language;
    if (mine) bubble.textContent = line.text;
    else morph(bubble, line.html);

    const time = element("time", "", clock(line.at, this.#look.language));
    time.dateTime = line.at;
    const beside = element("div", "beside");
    beside.append(bubble, time);
    const body = element("div", "body");
    body.append(element("span", person ? "name" : "name unseen", name), beside, ...this.#meta(line, words));
    if (line.cards?.length) body.append(cardsOf(line, words));
    if (line.buttons?.length) body.append(choicesOf(line, words, this.#look.ask));
    item.className = mine ? "line mine" : person ? "line theirs agent" : "line theirs bot";
    const initial = person ? name.trim().charAt(0).toLocaleUpperCase() : this.#look.initial;
    item.replaceChildren(...(mine ? [] : [avatar(initial)]), body);
    bubble.onclick = () => getSelection()?.isCollapsed && item.classList.toggle("timed");
  }

  #meta(line, words) {
    const { approved, looked_up, grounded, quoted } = words;
    const source = { approved, looked_up, grounded, quoted }[line.rung];
    const meta = [];
    if (line.role === "bot" && source) meta.push(element("span", `meta source ${line.rung}`, source));
    if (line.state === "waiting") meta.push(element("span", "meta state", words.waiting));
    return meta;
  }

  #drawTyping() {
    const dots = element("div", "bubble");
    dots.append(element("i"), element("i"), element("i"));
    dots.setAttribute("role", "img");
    dots.setAttribute("aria-label", wordsIn(this.#look.language).typing(this.#look.name));
    const body = element("div", "body");
    body.append(dots);
    this.#typing.className = "line theirs bot typing first last";
    this.#typing.replaceChildren(avatar(this.#look.initial), body);
  }

  /** Puts the elements in order, with the days between them, and marks where one speaker's group begins and ends. */
  #arrange() {
    const wanted = [];
    let before = null;
    for (const { line, element: item } of this.#entries.values()) {
      const newDay = !before || dayOf(before.line.at) !== dayOf(line.at);
      if (newDay) wanted.push(this.#day(line.at));
      const joins = before && !newDay && sameSpeaker(before.line, line) && gap(before.line, line) < GROUP_MS;
      item.classList.toggle("first", !joins);
      item.classList.add("last");
      if (joins) before.element.classList.remove("last");
      wanted.push(item);
      before = { line, element: item };
    }
    for (const { element: item } of this.#entries.values()) item.classList.toggle("newest", item === before?.element);
    if (this.#typing.isConnected) wanted.push(this.#typing);
    wanted.forEach((item, index) => {
      const there = this.#list.children[index];
      if (there !== item) this.#list.insertBefore(item, there ?? null);
    });
    while (this.#list.children.length > wanted.length) this.#list.lastChild.remove();
    this.#grew();
  }

  #day(at) {
    const key = dayOf(at);
    const label = dayName(at, this.#look.language);
    const known = [...this.#list.querySelectorAll(".day")].find((day) => day.dataset.day === key);
    const item = known ?? element("li", "day");
    item.dataset.day = key;
    item.textContent = label;
    return item;
  }

  #scrolled() {
    if (this.#follows()) this.#newer.hidden = true;
  }

  #grew() {
    if (this.#follows()) this.#jump();
    else this.#newer.hidden = false;
  }

  /**
   * Does the reader want to see the newest? A scroll event comes only with the next frame: what has grown before that
   * must not pull a reader down who has scrolled up, nor does text that grew mean that somebody has scrolled.
   */
  #follows() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    const near = scrollHeight - scrollTop - clientHeight < NEAR_END_PX;
    this.#atEnd = near || (this.#atEnd && scrollTop > this.#followed - NEAR_END_PX);
    return this.#atEnd;
  }

  #jump() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#followed = this.#scroller.scrollTop;
  }
}

export function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Shows `html`, which the server made from Markdown, and leaves what is already so as it is: text grows in place. */
export function morph(target, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  sync(target, template.content);
}

function sync(target, wanted) {
  const before = [...target.childNodes];
  const after = [...wanted.childNodes];
  after.forEach((node, index) => {
    const there = before[index];
    if (!there) target.append(node);
    else if (there.isEqualNode(node)) return;
    else if (there.nodeType === Node.TEXT_NODE && node.nodeType === Node.TEXT_NODE) there.data = node.data;
    else if (there.cloneNode(false).isEqualNode(node.cloneNode(false))) sync(there, node);
    else there.replaceWith(node);
  });
  before.slice(after.length).forEach((node) => node.remove());
}

function avatar(initial) {
  const made = element("span", "avatar", initial);
  made.setAttribute("aria-hidden", "true");
  return made;
}

function sameSpeaker(one, other) {
  return one.role === other.role && (one.speaker ?? "") === (other.speaker ?? "") && one.kind !== "command";
}

function gap(one, other) {
  return Math.abs(new Date(other.at) - new Date(one.at));
}

function dayOf(at) {
  return new Date(at).toDateString();
}

function dayName(at, language) {
  const words = wordsIn(language);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86_400_000);
  if (days === 0) return words.today;
  if (days === 1) return words.yesterday;
  const sameYear = new Date(at).getFullYear() === new Date().getFullYear();
  const form = { weekday: "long", day: "numeric", month: "long", ...(sameYear ? {} : { year: "numeric" }) };
  return new Intl.DateTimeFormat(localeOf(language), form).format(new Date(at));
}

/** The browser's own region where it speaks the page's language: 17:05 in Britain, 5:05 PM in America. */
function localeOf(language) {
  const base = language.split("-")[0].toLowerCase();
  return navigator.languages.find((tag) => tag.toLowerCase().startsWith(`${base}-`)) ?? language;
}

function clock(at, language) {
  return new Intl.DateTimeFormat(localeOf(language), { hour: "2-digit", minute: "2-digit" }).format(new Date(at));
}
