// What the browser keeps: in localStorage where it may, else (private mode, blocked storage) while the page is open.

export class Memory {
  #prefix;
  #here = new Map();

  constructor(bot) {
    this.#prefix = `kefu:${bot}:`;
  }

  get(key) {
    try {
      const stored = localStorage.getItem(this.#prefix + key);
      if (stored !== null) return JSON.parse(stored);
    } catch {
      // Blocked, or not what we wrote: as if it were not there.
    }
    return this.#here.get(key);
  }

  set(key, value) {
    this.#here.set(key, value);
    try {
      if (value === undefined) localStorage.removeItem(this.#prefix + key);
      else localStorage.setItem(this.#prefix + key, JSON.stringify(value));
    } catch {
      // Blocked or full: it stays in #here.
    }
  }

  /** Calls `react` when another tab changes `key`. */
  onChange(key, react) {
    addEventListener("storage", (event) => {
      if (event.key === this.#prefix + key) react(this.get(key));
    });
  }
}
