// The server's side of the conversation: Server-Sent Events that resume where they broke.

import { howIsIt } from "./api.js";
import { boot } from "./boot.js";

const HIDDEN_MS = 20000; // a browser has six connections to one server: hidden pages give theirs back
const LATER_MS = [500, 1000, 2000, 4000, 8000];
const EVENTS = ["snapshot", "resumed", "message", "patch", "gone", "typing", "notice"];

export class Stream {
  #source = null;
  #chat = null;
  #turns = 40;
  #seen = "";
  #failures = 0;
  #timer = 0;
  #hiding = 0;

  /** `tell(name, data)` gets every event; `status("open" | "connecting" | "offline" | "starting")` the state. */
  constructor(tell, status, busy) {
    this.tell = tell;
    this.status = status;
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.#hiding);
      if (!document.hidden) return this.#source ? undefined : this.#connect();
      this.#hiding = setTimeout(() => busy() || this.#drop(), HIDDEN_MS);
    });
    addEventListener("online", () => this.#source || this.#connect());
  }

  /** Follow a conversation from scratch. */
  follow(chat, turns = 40) {
    this.#drop();
    [this.#chat, this.#turns, this.#seen, this.#failures] = [chat, turns, "", 0];
    this.status("connecting");
    this.#connect();
  }

  /** Forget what was seen and ask for everything again. */
  again() {
    this.follow(this.#chat, this.#turns);
  }

  #drop() {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #connect() {
    this.#drop();
    if (!this.#chat) return;
    const query = new URLSearchParams({ chat: this.#chat, turns: this.#turns, seen: this.#seen });
    const source = (this.#source = new EventSource(`/api/stream?${query}`));
    for (const name of EVENTS) source.addEventListener(name, (event) => this.#hear(source, name, event));
    source.onerror = () => this.#broke(source);
  }

  #hear(source, name, event) {
    if (source !== this.#source) return;
    if (event.lastEventId) this.#seen = event.lastEventId;
    const data = JSON.parse(event.data);
    if (name === "snapshot" || name === "resumed") {
      this.#failures = 0;
      this.status("open");
      if (data.version !== boot.version) this.status("updated");
    }
    this.tell(name, data, this.#seen);
  }

  // The browser's own retry would hide why it failed, so the next try is ours.
  async #broke(source) {
    if (source !== this.#source) return;
    this.#drop();
    const wait = LATER_MS[Math.min(this.#failures++, LATER_MS.length - 1)];
    const chat = this.#chat;
    const how = await howIsIt();
    if (chat !== this.#chat || this.#source) return;
    if (how === "out") return location.reload();
    if (how !== "ready" || this.#failures > 1) this.status(how === "starting" ? "starting" : "offline");
    this.#timer = setTimeout(() => this.#connect(), wait);
  }
}
