// Messages that the server has not confirmed yet. They survive a reload and are sent again until it has.

import { backOff, pause } from "./wire.js";

export class Waiting {
  #memory;
  #wire;
  #on;
  #running = false;
  #nudge = null;

  /** `on`: {sent(item), waiting(item), refused(item, sentence)}. */
  constructor(memory, wire, on) {
    this.#memory = memory;
    this.#wire = wire;
    this.#on = on;
  }

  get items() {
    return this.#memory.get("waiting") ?? [];
  }

  add(text, language) {
    const item = { id: newId(), text, language, at: new Date().toISOString() };
    this.#memory.set("waiting", [...this.items, item]);
    this.run();
    return item;
  }

  /** Sends what waits, in order, one after the other. */
  async run() {
    if (this.#running) return this.#nudge?.abort();
    this.#running = true;
    let failures = 0;
    for (let item; (item = this.items[0]); ) {
      const { id, text, language } = item;
      const result = await this.#wire.post({ id, text, language });
      if (result.again === undefined) {
        failures = 0;
        this.#remove(item);
        if (result.done) this.#on.sent(item);
        else this.#on.refused(item, result.refused);
        continue;
      }
      // The history may have confirmed it meanwhile: stored, and only the answer was lost.
      if (!this.items.some(({ id }) => id === item.id)) continue;
      this.#on.waiting(item);
      failures += 1;
      this.#nudge = new AbortController();
      await pause(Math.max(backOff(failures), Math.min(result.again, 60) * 1000), this.#nudge.signal);
    }
    this.#running = false;
  }

  /** The server has it, as the history shows. */
  confirm(ids) {
    for (const item of this.items) if (ids.has(item.id)) this.#remove(item);
  }

  #remove(item) {
    const left = this.items.filter((other) => other.id !== item.id);
    this.#memory.set("waiting", left.length ? left : undefined);
  }
}

/** crypto.randomUUID exists only on https and localhost; a shop may be tried on a local network. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
