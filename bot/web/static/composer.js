// The message field: keys, drafts, what is being edited or replied to.

import { boot, byId, memory, t } from "./boot.js";
import { notice } from "./dialogs.js";
import { Menu } from "./menu.js";
import { Tray } from "./tray.js";

const HEIGHT_PX = 220;
// A finger has no Shift+Enter: there Enter breaks the line and the button sends.
const touch = matchMedia("(pointer: coarse) and (hover: none)");

export class Composer {
  #chat = "";
  #context = null; // {edit: data} or {reply: data, text}
  #running = false;

  /** `acts`: send({text, files, edit, quote}), stop(). */
  constructor(acts) {
    this.acts = acts;
    this.text = byId("text");
    this.tray = new Tray(() => this.#refresh());
    this.menu = new Menu(() => this.#chat, (text) => this.fill(text));
    this.text.addEventListener("input", () => this.#typed());
    this.text.addEventListener("keydown", (event) => this.#key(event));
    this.text.addEventListener("click", () => this.menu.update());
    this.text.addEventListener("blur", () => setTimeout(() => document.activeElement !== this.text && this.menu.close(), 150));
    byId("compose").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    byId("stop").addEventListener("click", () => this.acts.stop());
    byId("context-end").addEventListener("click", () => this.#about(null));
  }

  /** Change to another conversation, with what was being written there. */
  open(chat) {
    this.#chat = chat;
    this.#about(null);
    this.text.value = memory.read(`draft.${chat}`, "");
    this.menu.close();
    this.#refresh();
    if (!touch.matches) this.text.focus();
  }

  /** Put a text into the field, the caret behind it. */
  fill(text) {
    this.text.value = text;
    this.text.focus();
    this.text.setSelectionRange(text.length, text.length);
    this.#typed();
  }

  edit(data) {
    this.#about({ edit: data }, t("editing"));
    this.tray.put(data.files ?? []);
    this.fill(data.text);
    this.menu.close();
  }

  reply(data, text) {
    this.#about({ reply: data }, t("replying", { text: text.trim().slice(0, 90) }));
    this.text.focus();
  }

  /** While an answer is being made and nothing is typed, the button stops it. */
  running(running) {
    if (running === this.#running) return;
    this.#running = running;
    this.#refresh();
  }

  #about(context, words = "") {
    if (this.#context?.edit && !context) this.tray.put([]);
    this.#context = context;
    byId("context").hidden = !context;
    byId("context-text").textContent = words;
  }

  #typed() {
    if (!this.#context?.edit) memory.write(`draft.${this.#chat}`, this.text.value || null);
    this.menu.update();
    this.#refresh();
  }

  #key(event) {
    // While an input method composes, Enter and the arrows belong to it.
    if (event.isComposing || event.keyCode === 229) return;
    if (this.menu.key(event)) return event.preventDefault();
    if (event.key === "Escape") {
      if (this.#context) this.#about(null);
      else if (this.#running) this.acts.stop();
    }
    if (event.key !== "Enter" || event.shiftKey || event.altKey) return;
    if (touch.matches && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.#send();
  }

  #send() {
    const text = this.text.value.trim();
    if (!text && !this.tray.count) return;
    if (this.tray.busy) return notice(t("wait_upload"));
    if (text.length > boot.limits.text) return notice(t("text_too_long"));
    const context = this.#context ?? {};
    const files = this.tray.take();
    this.text.value = "";
    memory.write(`draft.${this.#chat}`, null);
    this.#context = null;
    this.#about(null);
    this.menu.close();
    this.#refresh();
    this.acts.send({ text, files, edit: context.edit, quote: context.reply?.id ?? null });
  }

  #refresh() {
    this.text.style.height = "auto";
    this.text.style.height = `${Math.min(this.text.scrollHeight, HEIGHT_PX)}px`;
    const nothing = !this.text.value.trim() && !this.tray.count;
    byId("stop").hidden = !(this.#running && nothing);
    byId("send").hidden = this.#running && nothing;
    byId("send").disabled = nothing || this.tray.busy;
  }
}
