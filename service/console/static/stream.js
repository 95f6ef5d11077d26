// The event stream: read by fetch, since that can send a token; it comes back by itself.

import { Problem, asked, readingHeaders, reasonOf } from "./access.js";

const FIRST_PAUSE = 0.5; // seconds
const LONGEST_PAUSE = 15;
const SILENCE = 30; // seconds: a line comes at least every ten

/** Events of a stream's text as it comes: feed it pieces, it tells whole events. */
export class EventParser {
  #rest = "";
  #name = "message";
  #data = [];

  constructor(tell) {
    this.tell = tell;
  }

  /** Takes the next piece of text. */
  feed(text) {
    this.#rest += text;
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop();
    for (const line of lines) this.#line(line);
  }

  #line(line) {
    if (line === "") return this.#end();
    if (line.startsWith(":")) return;
    const [, field, value] = line.match(/^([^:]*)(?:: ?(.*))?$/s);
    if (field === "event") this.#name = value ?? "";
    if (field === "data") this.#data.push(value ?? "");
  }

  #end() {
    const [name, data] = [this.#name, this.#data];
    [this.#name, this.#data] = ["message", []];
    if (data.length) this.tell(name, JSON.parse(data.join("\n")));
  }
}

/** How long to wait before the try of that number, from 1 on: longer each time, and never in step. */
export function pauseBefore(attempt, random = Math.random()) {
  return Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempt - 1)) * (0.5 + random / 2);
}

/** One stream for as long as the page is there. */
export class Stream {
  #attempt = 0;
  #aborter = null;
  #timer = null;

  /** `tell(name, data)` hears of events, `show(connection)` of how the stream is. */
  constructor(address, tell, show) {
    Object.assign(this, { address, tell, show });
  }

  /** Begins anew at once: after another token, or because somebody asks. */
  restart() {
    clearTimeout(this.#timer);
    this.#aborter?.abort();
    this.#attempt = 0;
    this.#read();
  }

  async #read() {
    const aborter = new AbortController();
    this.#aborter = aborter;
    let problem = null;
    try {
      await this.#events(aborter);
    } catch (error) {
      if (aborter !== this.#aborter) return;
      problem = error instanceof Problem ? error : new Problem(0, "The stream has broken off.");
    }
    if (aborter === this.#aborter) this.#again(problem);
  }

  async #events(aborter) {
    this.show({ word: "connecting", retryAt: null, problem: null });
    const options = { headers: { Accept: "text/event-stream", ...readingHeaders() }, signal: aborter.signal };
    const answer = await asked(this.address, options);
    if (!answer.ok) throw new Problem(answer.status, await reasonOf(answer));
    const parser = new EventParser((name, data) => {
      this.#attempt = 0;
      if (name === "models") this.show({ word: "live", retryAt: null, problem: null });
      this.tell(name, data);
    });
    await this.#pieces(answer.body.getReader(), parser, aborter);
  }

  async #pieces(reader, parser, aborter) {
    const decoder = new TextDecoder();
    for (;;) {
      const silence = setTimeout(() => reader.cancel(), SILENCE * 1000);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done || aborter !== this.#aborter) return;
      parser.feed(decoder.decode(value, { stream: true }));
    }
  }

  #again(problem) {
    this.#attempt += 1;
    const pause = pauseBefore(this.#attempt);
    this.show({ word: "broken", retryAt: Date.now() / 1000 + pause, problem });
    this.#timer = setTimeout(() => this.#read(), pause * 1000);
  }
}
