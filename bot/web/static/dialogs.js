// Windows and passing notices: a form of the bot, a question of the page, a sentence at the edge.

import { byId, el, t } from "./boot.js";

const NOTICE_MS = 7000;

/** Show a window; resolves to true where it was confirmed. `fill` puts its content in. */
function opened(title, ok, fill) {
  const dialog = byId("dialog");
  byId("dialog-title").textContent = title;
  byId("dialog-ok").textContent = ok;
  fill(byId("dialog-body"));
  dialog.returnValue = "";
  byId("dialog-ok").value = "ok";
  byId("dialog-cancel").onclick = () => dialog.close("");
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close(""); // beside the window
  };
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(dialog.returnValue === "ok");
  });
}

/** Ask for a form's fields; resolves to {name: text}, or null where it was closed. */
export async function askForm(form) {
  const inputs = form.fields.map((field) => [field.name, input(field)]);
  const confirmed = await opened(form.title, t("send_form"), (body) => {
    body.replaceChildren(...form.fields.map((field, index) => labelled(field, inputs[index][1])));
  });
  return confirmed ? Object.fromEntries(inputs.map(([name, node]) => [name, node.value])) : null;
}

function input(field) {
  const node = field.long ? el("textarea", { rows: 6 }) : el("input", { type: "text" });
  Object.assign(node, { value: field.value, placeholder: field.placeholder, required: field.required });
  node.maxLength = field.at_most;
  node.dir = "auto";
  if (field.required) node.setAttribute("aria-required", "true");
  return node;
}

function labelled(field, node) {
  const more = field.required ? null : el("small", {}, ` (${t("optional")})`);
  return el("label", { class: "field" }, el("span", {}, field.label, more ?? ""), node);
}

/** Ask yes or no. */
export function confirmed(title, why, ok) {
  return opened(title, ok, (body) => body.replaceChildren(el("p", {}, why)));
}

/** Show a passing sentence; with `act` it stays and has a button. */
export function notice(text, act = null) {
  const node = el("p", { class: "toast", dir: "auto" }, el("span", {}, text));
  if (act) node.append(el("button", { type: "button", class: "link", onclick: act.press }, act.label));
  else setTimeout(() => node.remove(), NOTICE_MS);
  byId("toasts").append(node);
  while (byId("toasts").children.length > 4) byId("toasts").firstChild.remove();
}
