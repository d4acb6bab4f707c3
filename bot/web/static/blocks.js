// A growing answer is drawn again and again: only the blocks that changed are replaced, so what is selected, scrolled
// or focused in the others stays. The HTML comes from our renderer, and the page's policy runs no script in it.

import { el, icon, t } from "./boot.js";

/** Make `body` show `html`. */
export function draw(body, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const fresh = [...template.content.childNodes].filter((node) => node.nodeType === 1 || node.textContent.trim());
  const before = body.blocks ?? [];
  const after = fresh.map((node, index) => {
    const source = node.nodeType === 1 ? node.outerHTML : node.textContent;
    if (before[index]?.source === source) return before[index];
    const shown = dressed(node);
    if (before[index]) before[index].shown.replaceWith(shown);
    else body.append(shown);
    return { source, shown };
  });
  for (const block of before.slice(after.length)) block.shown.remove();
  body.blocks = after;
}

/** Give code its copy button and tables their own scrolling. */
function dressed(node) {
  const holder = el("div");
  holder.append(node);
  for (const table of holder.querySelectorAll("table")) {
    const frame = el("div", { class: "table", tabIndex: 0, role: "region", "aria-label": "table" });
    table.replaceWith(frame);
    frame.append(table);
  }
  for (const pre of holder.querySelectorAll("pre")) {
    const code = pre.querySelector("code");
    const language = /language-([\w+#.-]+)/.exec(code?.className ?? "")?.[1] ?? "";
    const frame = el("div", { class: "code" });
    pre.replaceWith(frame);
    pre.tabIndex = 0;
    frame.append(el("div", { class: "code-head" }, el("span", {}, language), copyButton(() => pre.textContent, true)), pre);
  }
  return holder.firstChild;
}

/** A button that copies what `text()` returns and says so for a moment. */
export function copyButton(text, named = false, label = t("copy")) {
  const button = el("button", { type: "button", class: "quiet copy", "aria-label": label, title: label });
  const face = (name, words) => button.replaceChildren(icon(name), ...(named ? [el("span", {}, words)] : []));
  face("copy", t("copy"));
  button.addEventListener("click", async () => {
    if (!(await copied(text()))) return;
    face("check", t("copied"));
    button.setAttribute("aria-label", t("copied"));
    setTimeout(() => {
      face("copy", t("copy"));
      button.setAttribute("aria-label", label);
    }, 1600);
  });
  return button;
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // plain http on another host than localhost has no clipboard
    const area = el("textarea", { value: text, class: "unseen" });
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
