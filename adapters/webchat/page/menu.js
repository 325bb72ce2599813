// The small menu: a button and a list that is used with the mouse, the arrow keys or a screen reader.

import { element } from "./lines.js";

export class Menu {
  #button = document.getElementById("menu-button");
  #menu = document.getElementById("menu");

  constructor() {
    this.#button.addEventListener("click", () => (this.isOpen ? this.close() : this.open()));
    this.#button.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown") {
        event.preventDefault();
        this.open();
      }
    });
    this.#menu.addEventListener("keydown", (event) => this.#pressed(event));
    addEventListener("pointerdown", (event) => {
      if (this.isOpen && !event.target.closest(".menu")) this.close(false);
    });
  }

  get isOpen() {
    return !this.#menu.hidden;
  }

  /** `groups`: lists of {label, run, checked?}; `checked` makes it one of a choice. `heading` stands above a group. */
  fill(label, groups) {
    this.#button.setAttribute("aria-label", label);
    this.#button.title = label;
    this.#menu.setAttribute("aria-label", label);
    this.#menu.replaceChildren(...groups.map((group) => this.#group(group)));
  }

  open() {
    this.#show(true);
    this.#items[0]?.focus();
  }

  close(focus = true) {
    this.#show(false);
    if (focus) this.#button.focus();
  }

  get #items() {
    return [...this.#menu.querySelectorAll("button")];
  }

  #group({ heading, items }) {
    const group = element("div", "group");
    group.setAttribute("role", "group");
    if (heading) {
      group.setAttribute("aria-label", heading);
      const title = element("span", "heading", heading);
      title.setAttribute("aria-hidden", "true");
      group.append(title);
    }
    for (const { label, run, checked, lang } of items) {
      const item = element("button", "", label);
      item.type = "button";
      item.tabIndex = -1;
      if (lang) item.lang = lang;
      item.setAttribute("role", checked === undefined ? "menuitem" : "menuitemradio");
      if (checked !== undefined) item.setAttribute("aria-checked", String(checked));
      item.addEventListener("click", () => {
        this.close();
        run();
      });
      group.append(item);
    }
    return group;
  }

  #show(open) {
    this.#menu.hidden = !open;
    this.#button.setAttribute("aria-expanded", String(open));
  }

  #pressed(event) {
    const items = this.#items;
    const at = items.indexOf(document.activeElement);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      items.at(next % items.length).focus();
    } else if (event.key === "Escape") {
      event.stopPropagation();
      this.close();
    } else if (event.key === "Tab") {
      this.close(false);
    }
  }
}
