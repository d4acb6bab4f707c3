// What the person did and the server has not confirmed: kept across reloads, posted again under the same id.

import { call, Refused } from "./api.js";
import { boot, memory, randomId } from "./boot.js";

const KEY = `outbox.${boot.browser}`;
const LATER_MS = [400, 1000, 2000, 4000, 8000];
const KEPT_MS = 24 * 3600 * 1000;

export class Outbox {
  #sending = new Set();

  /** `changed(item, state, sentence)`: state is "sending", "sent", "waiting" or "refused". */
  constructor(changed) {
    this.changed = changed;
    addEventListener("online", () => this.flush());
  }

  /** Everything unconfirmed of a conversation, oldest first. */
  of(chat) {
    return this.#items().filter((item) => item.chat === chat);
  }

  /** Post one event; returns its id at once. */
  post(chat, what) {
    const item = { event: randomId(), chat, what, at: Date.now() / 1000 };
    this.#keep([...this.#items(), item]);
    this.#send(item);
    return item;
  }

  retry(event) {
    const item = this.#items().find((kept) => kept.event === event);
    if (item) this.#send(item);
  }

  discard(event) {
    this.#keep(this.#items().filter((item) => item.event !== event));
  }

  flush() {
    for (const item of this.#items()) this.#send(item);
  }

  async #send(item) {
    if (this.#sending.has(item.event)) return;
    this.#sending.add(item.event);
    try {
      for (let failures = 0; this.#has(item); failures++) {
        this.changed(item, failures ? "waiting" : "sending");
        if (await this.#tried(item)) return;
        await new Promise((go) => setTimeout(go, LATER_MS[Math.min(failures, LATER_MS.length - 1)]));
      }
    } finally {
      this.#sending.delete(item.event);
    }
  }

  async #tried(item) {
    try {
      await call("/api/post", { event: item.event, chat: item.chat, what: item.what });
    } catch (error) {
      if (!(error instanceof Refused) || error.status === 401) return false;
      if (item.what.type !== "say") this.discard(item.event);
      this.changed(item, "refused", error.message);
      return true;
    }
    this.discard(item.event);
    this.changed(item, "sent");
    return true;
  }

  #has(item) {
    return this.#items().some((kept) => kept.event === item.event);
  }

  #items() {
    const since = (Date.now() - KEPT_MS) / 1000;
    return memory.read(KEY, this.fallback ?? []).filter((item) => item.at > since);
  }

  #keep(items) {
    const kept = memory.write(KEY, items.length ? items : null);
    this.fallback = kept ? [] : items; // where the browser stores nothing, this page still does
  }
}
