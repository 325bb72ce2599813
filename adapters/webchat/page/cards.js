// What stands under an answer: the products that it names, and what can be asked or opened next.

import { element } from "./lines.js";

/** A list of products. A picture that does not come leaves the first letter of the title. */
export function cardsOf({ cards, language }, words) {
  const row = element("ul", cards.some(({ image }) => image) ? "cards" : "cards plain");
  row.setAttribute("role", "list");
  row.setAttribute("aria-label", words.products);
  if (language) row.lang = language;
  // Without a link in it, the row itself has to take the focus to be scrolled with the keys.
  if (!cards.some(({ url }) => url)) row.tabIndex = 0;
  row.append(...cards.map(card));
  return row;
}

function card({ title, text, price, url, image }) {
  const item = element("li", "card");
  item.append(picture(title, image));
  const about = element("div", "about");
  about.dir = "auto";
  about.append(url ? link(url, "title", title) : element("span", "title", title));
  if (text) about.append(element("span", "text", text));
  if (price) about.append(element("span", "price", price));
  item.append(about);
  return item;
}

function picture(title, address) {
  const frame = element("div", "picture");
  const letter = element("span", "", Array.from(title.trim())[0] ?? "");
  letter.setAttribute("aria-hidden", "true");
  frame.append(letter);
  if (!address) return frame;
  const image = document.createElement("img");
  image.alt = title;
  image.loading = "lazy";
  image.decoding = "async";
  image.referrerPolicy = "no-referrer";
  image.addEventListener("load", () => image.classList.add("loaded"));
  image.addEventListener("error", () => image.remove());
  image.src = address;
  frame.append(image);
  return frame;
}

/** Buttons that ask their text with `ask`, and links. */
export function choicesOf({ buttons, language }, words, ask) {
  const box = element("div", "choices");
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", words.choices);
  if (language) box.lang = language;
  box.append(...buttons.map((button) => choice(button, ask)));
  return box;
}

function choice({ label, text, url }, ask) {
  if (url) return link(url, "chip", label);
  const chip = element("button", "chip", label);
  chip.type = "button";
  chip.addEventListener("click", () => ask(text));
  return chip;
}

function link(url, className, text) {
  const made = element("a", className, text);
  made.href = url;
  made.target = "_blank";
  made.rel = "noopener nofollow";
  return made;
}
