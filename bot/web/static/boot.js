// What the server handed to the page, and the few helpers that every module uses.

export const boot = JSON.parse(document.getElementById("boot").textContent);

export const byId = (id) => document.getElementById(id);

/** A sentence of the page, its blanks filled. */
export function t(name, values = {}) {
  return boot.words[name].replace(/\{(\w+)\}/g, (_, key) => String(values[key] ?? ""));
}

/** Make an element. Properties are set as properties, `class`, `role` and `aria-*`/`data-*` as attributes. */
export function el(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "class" || name === "role" || name.includes("-")) made.setAttribute(name, value);
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made[name] = value;
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** A button that is only an icon, with its name for screen readers. */
export function iconButton(name, label, press) {
  return el("button", { type: "button", class: "quiet", "aria-label": label, title: label, onclick: press }, icon(name));
}

/** An id of 128 random bits; `crypto.randomUUID` exists on https and localhost only. */
export function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Remember something in this browser; a full or forbidden store loses comfort, nothing else. */
export const memory = {
  read(key, otherwise) {
    try {
      return JSON.parse(localStorage.getItem(`polobot.${key}`)) ?? otherwise;
    } catch {
      return otherwise;
    }
  },
  write(key, value) {
    try {
      if (value === null) localStorage.removeItem(`polobot.${key}`);
      else localStorage.setItem(`polobot.${key}`, JSON.stringify(value));
      return true;
    } catch {
      return false; // a private window or a full store
    }
  },
};

const UNITS = ["B", "KB", "MB", "GB"];

export function sizeWords(bytes) {
  if (bytes === null || bytes === undefined) return "";
  let unit = 0;
  while (bytes >= 1000 && unit < UNITS.length - 1) [bytes, unit] = [bytes / 1024, unit + 1];
  return `${bytes.toFixed(unit && bytes < 10 ? 1 : 0)} ${UNITS[unit]}`;
}
