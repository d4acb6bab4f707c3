// The list of conversations: ids and titles in this browser, what was said on the server.

import { boot, byId, el, iconButton, memory, randomId, t } from "./boot.js";
import { confirmed } from "./dialogs.js";

const KEY = `chats.${boot.browser}`;
const TITLE_AT_MOST = 60;
const CHATS_AT_MOST = 200;

export class Chats {
  /** `opened(chat)` is called whenever another conversation becomes the current one. */
  constructor(opened) {
    this.opened = opened;
    this.current = "";
    byId("new-chat").addEventListener("click", () => this.open(`${boot.browser}-${randomId()}`));
    addEventListener("hashchange", () => this.#go());
    addEventListener("storage", (event) => event.key === `polobot.${KEY}` && this.#draw());
    byId("open-list").addEventListener("click", () => this.#slide(true));
    byId("close-list").addEventListener("click", () => this.#slide(false));
    byId("veil").addEventListener("click", () => this.#slide(false));
    addEventListener("keydown", (event) => event.key === "Escape" && this.#slide(false));
  }

  /** Open what the address names, else the newest, else the first one of this browser. */
  start() {
    this.#go();
  }

  open(chat) {
    location.hash = this.#hash(chat);
  }

  /** Remember a conversation's title by its first question. */
  named(question, at) {
    const list = this.#list();
    const known = list.find(({ id }) => id === this.current);
    const title = question.trim().split("\n")[0].slice(0, TITLE_AT_MOST);
    if (!title || (known?.title && known.at >= at)) return;
    const entry = { id: this.current, title: known?.title || title, at: Math.max(at, known?.at ?? 0) };
    this.#keep([entry, ...list.filter(({ id }) => id !== this.current)]);
  }

  #go() {
    const wanted = /^#\/([a-z0-9]{1,40})$/.exec(location.hash)?.[1];
    const named = wanted ? `${boot.browser}-${wanted}` : this.current; // other addresses are places on the page
    const chat = named || this.#list()[0]?.id || `${boot.browser}-main`;
    this.#slide(false);
    if (chat === this.current) return;
    this.current = chat;
    this.#draw();
    this.opened(chat);
  }

  async #remove(entry) {
    if (!(await confirmed(t("remove_title"), t("remove_why"), t("remove")))) return;
    this.#keep(this.#list().filter(({ id }) => id !== entry.id));
    if (entry.id === this.current) this.open(this.#list()[0]?.id ?? `${boot.browser}-${randomId()}`);
  }

  #draw() {
    const list = this.#list();
    const current = list.find(({ id }) => id === this.current);
    byId("heading").textContent = current?.title || t("untitled");
    document.title = current?.title ? `${current.title} · ${byId("sidebar").querySelector(".brand span").textContent}` : document.title;
    byId("chats").replaceChildren(...list.map((entry) => this.#row(entry)));
  }

  #row(entry) {
    const here = entry.id === this.current;
    const link = el("a", { href: this.#hash(entry.id), dir: "auto" }, entry.title);
    if (here) link.setAttribute("aria-current", "page");
    link.addEventListener("click", () => here && this.#slide(false));
    return el("li", {}, link, iconButton("trash", `${t("remove")}: ${entry.title}`, () => this.#remove(entry)));
  }

  #hash(chat) {
    return `#/${chat.slice(boot.browser.length + 1)}`;
  }

  #slide(open) {
    byId("sidebar").classList.toggle("open", open);
    byId("veil").hidden = !open;
    byId("open-list").setAttribute("aria-expanded", String(open));
    if (open) byId("close-list").focus();
  }

  #list() {
    return memory.read(KEY, this.fallback ?? []).filter(({ id }) => id.startsWith(`${boot.browser}-`));
  }

  #keep(list) {
    const few = list.slice(0, CHATS_AT_MOST);
    this.fallback = memory.write(KEY, few) ? [] : few;
    this.#draw();
  }
}
