// The three requests: a session, a message, the event stream.

const POST_MS = 20_000;
// The server sends something at least every 15 seconds.
const SILENCE_MS = 40_000;
const LONGEST_PAUSE_MS = 20_000;

export class Wire {
  #memory;
  #language;
  #asking = null;

  /** `language`: a function that says which language refusals shall be written in. */
  constructor(memory, language) {
    this.#memory = memory;
    this.#language = language;
  }

  get hasSession() {
    return Boolean(this.#memory.get("token"));
  }

  /** Resolves to {done: true}, {refused: sentence} (never send it again), or {again: seconds} (try later). */
  async post(message) {
    try {
      const answer = await this.#fetch("api/messages", {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(message),
        signal: AbortSignal.timeout(POST_MS),
      });
      if (answer.ok) return { done: true };
      const seconds = Number(answer.headers.get("Retry-After")) || 0;
      if (answer.status === 429 || answer.status === 408 || answer.status >= 500) return { again: seconds };
      return { refused: await sentenceOf(answer) };
    } catch {
      return { again: 0 };
    }
  }

  /** Reads events until `signal` is aborted; connects again and again. `onState(true | false)`: connected or not. */
  async listen(onEvent, onState, signal) {
    let failures = 0;
    while (!signal.aborted) {
      const lasted = await this.#stream(onEvent, onState, signal);
      if (signal.aborted) return;
      onState(false);
      failures = lasted ? 0 : failures + 1;
      await pause(backOff(failures), signal);
    }
  }

  async #stream(onEvent, onState, signal) {
    const watch = new AbortController();
    const stop = () => watch.abort();
    signal.addEventListener("abort", stop);
    let alarm = setTimeout(stop, SILENCE_MS);
    let connected = false;
    try {
      const answer = await this.#fetch("api/events", { signal: watch.signal });
      if (!answer.ok) return false;
      const parse = eventParser(onEvent);
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        if (!connected) onState((connected = true));
        clearTimeout(alarm);
        alarm = setTimeout(stop, SILENCE_MS);
        parse(value);
      }
    } catch {
      // Broken, silent for too long, or stopped: listen() decides what comes next.
    } finally {
      clearTimeout(alarm);
      signal.removeEventListener("abort", stop);
    }
    return connected;
  }

  /** With the session's token; a token that the server does not take is replaced once. */
  async #fetch(address, options) {
    const answer = await this.#fetchAs(await this.#token(), address, options);
    if (answer.status !== 401) return answer;
    this.#memory.set("token", undefined);
    return this.#fetchAs(await this.#token(), address, options);
  }

  #fetchAs(token, address, options) {
    const headers = { ...options.headers, Authorization: `Bearer ${token}`, "Accept-Language": this.#language() };
    return fetch(address, { ...options, headers, cache: "no-store", credentials: "omit" });
  }

  async #token() {
    const known = this.#memory.get("token");
    if (known) return known;
    this.#asking ??= this.#newToken().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #newToken() {
    const answer = await fetch("api/sessions", {
      method: "POST",
      credentials: "omit",
      signal: AbortSignal.timeout(POST_MS),
    });
    if (!answer.ok) throw new Error(`no session: ${answer.status}`);
    const { token } = await answer.json();
    // Another tab may have been quicker; then both use its session.
    const other = this.#memory.get("token");
    if (other) return other;
    this.#memory.set("token", token);
    return token;
  }
}

async function sentenceOf(answer) {
  try {
    return (await answer.json()).error.message;
  } catch {
    return `${answer.status} ${answer.statusText}`;
  }
}

/** A function that takes text as it comes and calls `onEvent(name, value)` for each whole event. */
function eventParser(onEvent) {
  let rest = "";
  return (text) => {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const fields = new Map(block.split("\n").map((line) => line.split(/: (.*)/s, 2)));
      if (fields.has("event")) onEvent(fields.get("event"), JSON.parse(fields.get("data")));
    }
  };
}

/** Milliseconds to wait after so many failures in a row, with jitter so that not everybody comes at once. */
export function backOff(failures) {
  const full = Math.min(LONGEST_PAUSE_MS, 300 * 2 ** failures);
  return full / 2 + Math.random() * (full / 2);
}

/** Ends early when the browser comes online or the page is looked at again. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      removeEventListener("online", end);
      document.removeEventListener("visibilitychange", end);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    addEventListener("online", end);
    document.addEventListener("visibilitychange", end);
    signal?.addEventListener("abort", end);
  });
}
