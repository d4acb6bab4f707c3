// Files on their way: picked, pasted or dropped; uploaded at once, sent along with the next message.

import { upload } from "./api.js";
import { boot, byId, el, icon, iconButton, sizeWords, t } from "./boot.js";
import { notice } from "./dialogs.js";

const { file: FILE_AT_MOST, files: FILES_AT_MOST } = boot.limits;

export class Tray {
  #items = [];

  constructor(changed) {
    this.changed = changed;
    const picker = byId("files");
    byId("attach").addEventListener("click", () => picker.click());
    picker.addEventListener("change", () => {
      this.add(picker.files);
      picker.value = "";
    });
    byId("text").addEventListener("paste", (event) => {
      // Office programs put a picture of the text beside the text: then the text is meant.
      if (!event.clipboardData.files.length || event.clipboardData.types.includes("text/plain")) return;
      event.preventDefault();
      this.add(event.clipboardData.files);
    });
    this.#takeDrops();
  }

  get busy() {
    return this.#items.some((item) => !item.sent);
  }

  get count() {
    return this.#items.length;
  }

  /** Take what has been uploaded, for a message; the tray is empty afterwards. */
  take() {
    const sent = this.#items.map((item) => ({ ...item.sent, preview: item.preview }));
    this.#items = [];
    this.#draw();
    return sent;
  }

  /** Put files of an earlier message here again, to be sent along with its new words. */
  put(files) {
    this.#items = files.map((file) => ({ name: file.name, size: file.size, share: 1, sent: file, preview: file.preview }));
    this.#draw();
  }

  add(files) {
    for (const file of files) {
      if (this.#items.length >= FILES_AT_MOST) return notice(t("too_many_files", { count: FILES_AT_MOST }));
      if (file.size > FILE_AT_MOST) notice(t("file_too_large", { name: file.name, limit: FILE_AT_MOST / 2 ** 20 }));
      else this.#send(file);
    }
  }

  async #send(file) {
    const item = { name: file.name, size: file.size, share: 0, sent: null };
    if (/^image\/(png|jpeg|gif|webp|avif)$/.test(file.type)) item.preview = URL.createObjectURL(file);
    const { done, cancel } = upload(file, (share) => {
      item.share = share;
      this.#draw();
    });
    item.cancel = cancel;
    this.#items.push(item);
    this.#draw();
    try {
      item.sent = await done;
    } catch (error) {
      this.#items = this.#items.filter((other) => other !== item);
      if (error.name !== "AbortError") notice(error.status ? error.message : t("upload_failed", { name: file.name }));
    }
    this.#draw();
  }

  #draw() {
    const tray = byId("tray");
    tray.hidden = !this.#items.length;
    tray.replaceChildren(...this.#items.map((item) => this.#row(item)));
    this.changed();
  }

  #row(item) {
    const face = item.preview ? el("img", { src: item.preview, alt: "" }) : icon("file");
    const how = item.sent ? sizeWords(item.size) : t("uploading", { percent: Math.round(item.share * 100) });
    const off = iconButton("close", t("detach", { name: item.name }), () => {
      item.cancel?.();
      this.#items = this.#items.filter((other) => other !== item);
      this.#draw();
    });
    return el("li", { class: "chip", "aria-busy": String(!item.sent) }, face, el("bdi", { class: "name" }, item.name), el("small", {}, how), off);
  }

  #takeDrops() {
    const veil = byId("drop");
    const brings = (event) => event.dataTransfer?.types.includes("Files");
    addEventListener("dragover", (event) => {
      if (!brings(event)) return;
      event.preventDefault();
      veil.hidden = false;
    });
    addEventListener("dragleave", (event) => event.relatedTarget === null && (veil.hidden = true));
    addEventListener("drop", (event) => {
      veil.hidden = true;
      if (!brings(event)) return;
      event.preventDefault();
      this.add(event.dataTransfer.files);
    });
  }
}
