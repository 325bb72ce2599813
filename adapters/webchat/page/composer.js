// Where the shopper writes.

import { wordsIn } from "./words.js";

const COUNT_FROM = 0.8;

export class Composer {
  #form = document.getElementById("composer");
  #text = document.getElementById("text");
  #send = document.getElementById("send");
  #counter = document.getElementById("counter");
  #trouble = document.getElementById("trouble");
  #look;
  #onSend;

  /** `look`: {language, chars}. `onSend(text)` gets what may be sent. */
  constructor(look, onSend) {
    this.#look = look;
    this.#onSend = onSend;
    this.#text.value = kept();
    this.#text.addEventListener("input", () => this.#changed());
    this.#text.addEventListener("keydown", (event) => this.#pressed(event));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.draw();
  }

  draw() {
    const words = wordsIn(this.#look.language);
    this.#text.placeholder = words.placeholder;
    this.#text.setAttribute("aria-label", words.write);
    this.#send.setAttribute("aria-label", words.send);
    this.#changed();
  }

  /** Not on a touch screen: there the keyboard would come up and cover half of the conversation. */
  focus() {
    if (matchMedia("(pointer: fine)").matches) this.#text.focus({ preventScroll: true });
  }

  /** Something went wrong with `text`: says so, and gives it back unless something new is being written. */
  giveBack(text, sentence) {
    if (!this.#text.value.trim()) this.#text.value = text;
    this.#changed();
    this.#trouble.textContent = sentence;
  }

  #pressed(event) {
    // While Chinese is being composed, Enter takes the candidate. Safari says so only by keyCode 229.
    const composing = event.isComposing || event.keyCode === 229;
    if (event.key !== "Enter" || event.shiftKey || composing) return;
    event.preventDefault();
    this.#submit();
  }

  #submit() {
    const text = this.#text.value.trim();
    const over = count(text) - this.#look.chars;
    const words = wordsIn(this.#look.language);
    this.#text.focus({ preventScroll: true });
    if (!/[\p{L}\p{N}\p{P}\p{S}]/u.test(text)) {
      this.#trouble.textContent = this.#text.value ? words.empty : "";
      return;
    }
    if (over > 0) {
      this.#trouble.textContent = words.tooLong(over);
      return;
    }
    this.#text.value = "";
    this.#changed();
    this.#onSend(text);
  }

  #changed() {
    keep(this.#text.value);
    this.#trouble.textContent = "";
    const length = count(this.#text.value);
    this.#counter.hidden = length < this.#look.chars * COUNT_FROM;
    this.#counter.textContent = `${length} / ${this.#look.chars}`;
    this.#counter.classList.toggle("over", length > this.#look.chars);
    this.#form.classList.toggle("empty", !this.#text.value.trim());
    this.#grow();
  }

  #grow() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight}px`;
  }
}

/** Code points, as the server counts. */
function count(text) {
  let points = 0;
  for (const _ of text) points += 1;
  return points;
}

function keep(text) {
  try {
    sessionStorage.setItem(`kefu:typed:${location.pathname}`, text);
  } catch {
    // Blocked: then a reload loses what was typed.
  }
}

function kept() {
  try {
    return sessionStorage.getItem(`kefu:typed:${location.pathname}`) ?? "";
  } catch {
    return "";
  }
}
