// The menu over the message field: commands while "/" is typed, then their options and what these can be.

import { call } from "./api.js";
import { boot, byId, el, t } from "./boot.js";

const WAIT_MS = 150;
const SHOWN_AT_MOST = 25;

export class Menu {
  #items = [];
  #active = -1;
  #asked = 0;
  #timer = 0;

  /** `chat()` names the conversation, `replace(text)` puts a chosen text into the field. */
  constructor(chat, replace) {
    this.chat = chat;
    this.replace = replace;
    this.text = byId("text");
    this.box = byId("menu");
    this.list = byId("menu-list");
    this.hint = byId("menu-hint");
  }

  get open() {
    return !this.box.hidden && this.#items.length > 0;
  }

  close() {
    clearTimeout(this.#timer);
    this.#asked++;
    this.#show([], "");
  }

  /** Look at what stands before the caret and offer what could come next. */
  update() {
    const typed = this.text.value.slice(0, this.text.selectionStart);
    const found = /^\/([\w-]*)$/.exec(typed);
    if (found) return this.#offerCommands(found[1].toLowerCase());
    const [, name, rest] = /^\/([\w-]+)[ ]([^\n]*)$/.exec(typed) ?? [];
    const command = boot.commands.find((other) => other.name === name?.toLowerCase());
    if (!command || !command.options.length) return this.close();
    this.#offerOption(command, rest);
  }

  /** Take a key; true where it was ours. */
  key(event) {
    if (!this.open) return false;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const step = event.key === "ArrowDown" ? 1 : -1;
      this.#mark((this.#active + step + this.#items.length) % this.#items.length);
      return true;
    }
    if (event.key === "Escape") {
      this.close();
      return true;
    }
    if (event.key === "Tab" && !event.shiftKey) {
      this.#choose(Math.max(this.#active, 0));
      return true;
    }
    const item = this.#items[this.#active];
    if (event.key !== "Enter" || event.shiftKey || !item || item.text.trim() === this.text.value.trim()) return false;
    this.#choose(this.#active);
    return true;
  }

  #offerCommands(typed) {
    this.#asked++;
    const starts = boot.commands.filter(({ name }) => name.startsWith(typed));
    const items = starts.map((command) => ({
      text: `/${command.name} `,
      label: `/${command.name}`,
      more: command.hint,
      options: command.options.map(({ name }) => name).join(" "),
    }));
    this.#show(items, "", items.length && typed ? 0 : -1);
  }

  #offerOption(command, rest) {
    const { option, typed, head, named } = this.#where(command, rest);
    const names = command.options.filter(({ name }) => name !== command.rest).map(({ name }) => `--${name}`);
    if (/(^|\s)--[\w-]*$/.test(rest) && !named) return this.#offerNames(command, rest);
    if (!option) return this.#show([], names.join("  "));
    const hint = `${option.name}: ${option.hint}${option.required ? "" : ` (${t("optional")})`}`;
    const text = (value) => `/${command.name} ${head}${named && /\s/.test(value) ? `"${value}"` : value}`;
    const items = (choices) => choices.map(({ value, label }) => ({ text: text(value), label, more: label === value ? "" : value }));
    const wanted = typed.trim().toLowerCase();
    const fixed = option.kind === "boolean" ? [{ value: "yes", label: "yes" }, { value: "no", label: "no" }] : option.choices;
    const fits = fixed.filter(({ value, label }) => `${value} ${label}`.toLowerCase().includes(wanted));
    this.#show(items(fits), hint);
    if (option.completes) this.#ask(command, option, typed, (choices) => this.#show(items(choices), hint));
  }

  #offerNames(command, rest) {
    const typed = /--([\w-]*)$/.exec(rest)[1].toLowerCase();
    const head = rest.slice(0, rest.length - typed.length);
    const fits = command.options.filter(({ name }) => name.startsWith(typed));
    this.#show(fits.map(({ name, hint }) => ({ text: `/${command.name} ${head}${name} `, label: `--${name}`, more: hint })), "", 0);
  }

  /** Find the option that is being typed: `--name value`, else the one that takes the rest, else by position. */
  #where(command, rest) {
    const named = /(?:^|\s)--([\w-]+)[ =]("?)([^\s"]*)$/.exec(rest);
    const option = named && command.options.find(({ name }) => name === named[1].toLowerCase());
    if (option) return { option, typed: named[3], head: rest.slice(0, rest.length - named[3].length - named[2].length), named: true };
    const words = rest.match(/--[\w-]+[ =]\S+|\S+/g) ?? [];
    if (command.rest) {
      const free = rest.replace(/^(?:\s*--[\w-]+[ =]\S+\s+)+/, "");
      const takes = command.options.find(({ name }) => name === command.rest);
      return { option: takes, typed: free, head: rest.slice(0, rest.length - free.length), named: false };
    }
    const last = /\S*$/.exec(rest)[0];
    const index = words.filter((word) => !word.startsWith("--")).length - (last ? 1 : 0);
    return { option: command.options[index], typed: last, head: rest.slice(0, rest.length - last.length), named: false };
  }

  #ask(command, option, typed, then) {
    const asked = ++this.#asked;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      const wanted = { chat: this.chat(), command: command.name, option: option.name, typed };
      const { choices } = await call("/api/complete", wanted).catch(() => ({ choices: [] }));
      if (asked === this.#asked) then(choices);
    }, WAIT_MS);
  }

  #show(items, hint, active = -1) {
    this.#items = items.slice(0, SHOWN_AT_MOST);
    this.list.replaceChildren(...this.#items.map((item, index) => this.#row(item, index)));
    this.list.hidden = !this.#items.length;
    this.hint.textContent = hint;
    this.hint.hidden = !hint;
    this.box.hidden = !hint && !this.#items.length;
    this.text.setAttribute("aria-expanded", String(this.open));
    this.#mark(active);
  }

  #row(item, index) {
    const row = el("li", { role: "option", id: `option-${index}`, "aria-selected": "false" });
    row.append(el("b", {}, item.label), item.options ? el("code", {}, item.options) : "", el("span", { dir: "auto" }, item.more ?? ""));
    row.addEventListener("pointerdown", (event) => event.preventDefault()); // the field keeps the focus
    row.addEventListener("click", () => this.#choose(index));
    return row;
  }

  #mark(index) {
    this.#active = index;
    for (const [at, row] of [...this.list.children].entries()) row.setAttribute("aria-selected", String(at === index));
    if (index < 0) return this.text.removeAttribute("aria-activedescendant");
    this.text.setAttribute("aria-activedescendant", `option-${index}`);
    this.list.children[index].scrollIntoView({ block: "nearest" });
  }

  #choose(index) {
    const { text } = this.#items[index];
    this.close();
    this.replace(text);
  }
}
