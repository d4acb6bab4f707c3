// The conversation on the page: one article for each message, in order; keeps to the end while the reader is there.

import { boot, byId, el, icon, iconButton, sizeWords, t } from "./boot.js";
import { copyButton, draw } from "./blocks.js";

const NEAR_PX = 80;
const time = new Intl.DateTimeFormat(boot.language === "zh" ? "zh-CN" : "en", { dateStyle: "medium", timeStyle: "short" });

export class Transcript {
  #messages = new Map(); // id -> {data, node, body, ...}
  #log = byId("log");
  #scroll = byId("scroll");
  #newest = byId("newest");
  #atEnd = true;
  #epoch = "";

  /** `acts`: press(button, message, node), reply(data), edit(data), retry(id), discard(id), changed(). */
  constructor(acts) {
    this.acts = acts;
    this.#scroll.addEventListener("scroll", () => this.#look(), { passive: true });
    this.#newest.addEventListener("click", () => this.toEnd(true));
    new ResizeObserver(() => this.#atEnd && this.toEnd()).observe(this.#log);
    new ResizeObserver(() => this.#atEnd && this.toEnd()).observe(this.#scroll);
  }

  get empty() {
    return this.#messages.size === 0;
  }

  get growing() {
    return [...this.#messages.values()].find(({ data }) => data.growing)?.data ?? null;
  }

  /** The first question, for the list of conversations. */
  get firstAsked() {
    return [...this.#messages.values()].find(({ data }) => data.by === "you")?.data.text ?? "";
  }

  clear() {
    this.#messages.clear();
    this.#log.replaceChildren();
    this.#epoch = "";
    this.#atEnd = true;
  }

  /** Show exactly these messages, and `unsent` ones of our own among them. The newest turn that ended was asked at `endedAt`. */
  all(messages, endedAt, unsent, position) {
    const epoch = position.split(".")[0];
    // A server that has just been started knows the question of a running turn only when it has ended.
    const lost = this.#epoch && epoch !== this.#epoch ? this.#askedAfter(endedAt) : [];
    this.#epoch = epoch;
    const known = new Set(messages.map(({ id }) => id));
    const kept = [...lost, ...unsent].filter(({ id }) => !known.has(id) && known.add(id));
    const ordered = [...messages];
    for (const data of kept) {
      const after = ordered.findIndex((other) => other.at > data.at);
      ordered.splice(after < 0 ? ordered.length : after, 0, data);
    }
    const before = this.#messages;
    this.#messages = new Map();
    for (const data of ordered) {
      if (before.has(data.id)) this.#messages.set(data.id, before.get(data.id));
      this.put(data, true);
    }
    this.#log.replaceChildren(...[...this.#messages.values()].map(({ node }) => node));
    this.#changed();
  }

  #askedAfter(time) {
    return [...this.#messages.values()].map(({ data }) => data).filter(({ by, at }) => by === "you" && at > time);
  }

  /** Show one message, or its new look. */
  put(data, silent = false) {
    let message = this.#messages.get(data.id);
    if (!message || message.data.by !== data.by) {
      const fresh = data.by === "you" ? this.#question() : this.#answer();
      if (message) message.node.replaceWith(fresh.node);
      else if (!silent) this.#log.append(fresh.node);
      message = fresh;
      this.#messages.set(data.id, message);
    }
    message.data = data;
    message.node.dataset.id = data.id;
    message.node.title = time.format(new Date(data.at * 1000));
    message.show(data);
    if (!silent) this.#changed();
  }

  /** Change a growing answer; false where the pieces do not fit, then everything must be asked for again. */
  patch({ id, was, keep, tail, text, ...around }) {
    const message = this.#messages.get(id);
    const html = message?.data.html;
    if (html === undefined || html.length !== was) return false;
    this.put({ ...message.data, ...around, html: html.slice(0, keep) + text + (tail ? html.slice(-tail) : "") });
    return true;
  }

  remove(id) {
    const message = this.#messages.get(id);
    if (!message || message.data.state) return; // our own unsent one comes back by itself
    message.node.remove();
    this.#messages.delete(id);
    this.#changed();
  }

  /** Say how far an own message is: "sending", "waiting", "refused" with a sentence, or null. */
  mark(id, state, sentence = "") {
    const message = this.#messages.get(id);
    if (message?.data.by === "you") this.put({ ...message.data, state, sentence });
  }

  toEnd(smoothly = false) {
    this.#atEnd = true;
    this.#scroll.scrollTo({ top: this.#scroll.scrollHeight, behavior: smoothly ? "smooth" : "instant" });
  }

  #look() {
    const { scrollTop, clientHeight, scrollHeight } = this.#scroll;
    this.#atEnd = scrollHeight - scrollTop - clientHeight < NEAR_PX;
    this.#newest.hidden = this.#atEnd;
  }

  #changed() {
    const asked = [...this.#messages.values()].filter(({ data }) => data.by === "you");
    for (const { node } of asked) node.classList.toggle("last", node === asked.at(-1).node);
    if (this.#atEnd) this.toEnd();
    this.acts.changed();
  }

  // ------------------------------------------------------------ the two kinds

  #question() {
    const text = el("div", { class: "said", dir: "auto" });
    const files = el("ul", { class: "files" });
    const state = el("div", { class: "state" });
    const message = { data: null };
    const edit = iconButton("edit", t("edit"), () => this.acts.edit(message.data));
    edit.classList.add("only-last");
    const bar = el("div", { class: "bar" }, edit, copyButton(() => message.data.text, false, t("copy")));
    const node = el("article", { class: "you", "aria-label": t("you") }, files, text, state, bar);
    message.node = node;
    message.show = (data) => {
      text.textContent = data.text;
      text.hidden = !data.text;
      files.replaceChildren(...(data.files ?? []).map(sentFile));
      state.replaceChildren(...this.#stateOf(data));
      node.classList.toggle("unsent", Boolean(data.state));
    };
    return message;
  }

  #stateOf({ id, state, sentence }) {
    if (!state) return [];
    if (state !== "refused") return [el("span", {}, state === "sending" ? t("sending") : `${t("not_sent")} · ${t("offline")}`)];
    const act = (words, press) => el("button", { type: "button", class: "link", onclick: press }, words);
    return [
      el("span", { role: "alert" }, `${t("not_sent")}: ${sentence}`),
      act(t("again"), () => this.acts.retry(id)),
      act(t("discard"), () => this.acts.discard(id)),
    ];
  }

  #answer() {
    const body = el("div", { class: "prose" });
    const file = el("div", { class: "offered" });
    const buttons = el("div", { class: "buttons" });
    const message = { data: null };
    const reply = iconButton("reply", t("reply"), () => this.acts.reply(message.data, body.innerText));
    const bar = el("div", { class: "bar" }, copyButton(() => message.data.plain || body.innerText, false, t("copy_answer")), reply);
    const node = el("article", { class: "bot", "aria-label": t("bot") }, body, file, buttons, bar);
    message.node = node;
    message.show = (data) => {
      node.setAttribute("aria-busy", String(data.growing));
      node.classList.toggle("growing", data.growing);
      draw(body, data.html);
      showFile(file, data.file);
      this.#showButtons(buttons, data);
    };
    return message;
  }

  #showButtons(holder, data) {
    const key = JSON.stringify(data.buttons);
    if (holder.key === key) return;
    holder.key = key;
    holder.replaceChildren(
      ...data.buttons.map((row) =>
        el("div", { class: "row" }, ...row.map((button) => {
          const node = el("button", { type: "button", class: `act ${button.style}`, dir: "auto" }, button.label);
          node.addEventListener("click", () => this.acts.press(button, data, node));
          return node;
        })),
      ),
    );
  }
}

function sentFile({ name, size, kind, url, type, preview }) {
  const source = preview ?? (url && `${url}?type=${encodeURIComponent(type)}`);
  if (kind === "image" && source) {
    const picture = el("img", { src: source, alt: name, title: name });
    picture.addEventListener("error", () => picture.replaceWith(chip(name, size))); // swept after some days
    return el("li", { class: "picture" }, picture);
  }
  return el("li", {}, chip(name, size));
}

function chip(name, size) {
  return el("span", { class: "chip" }, icon("file"), el("bdi", { class: "name" }, name), el("small", {}, sizeWords(size)));
}

function showFile(holder, file) {
  const key = JSON.stringify(file);
  if (holder.key === key) return;
  holder.key = key;
  holder.replaceChildren();
  if (!file) return;
  if (file.shown === "image") holder.append(el("img", { src: file.url, alt: file.name }));
  if (file.shown === "audio") holder.append(el("audio", { src: file.url, controls: true, preload: "metadata" }));
  if (file.shown === "video") holder.append(el("video", { src: file.url, controls: true, preload: "metadata" }));
  const label = t("download", { name: file.name });
  const link = el("a", { href: `${file.url}?download=1`, download: file.name, class: "chip", "aria-label": label, title: label });
  link.append(icon("save"), el("bdi", { class: "name" }, file.name), el("small", {}, sizeWords(file.size)));
  holder.append(link);
}
